/** What programs out there write: cases that users of such pages have reported. */
import { describe, expect, it } from 'vitest'
import { readSettings, type Found } from '../src/metadata'
import { readJson } from '../src/metadata/json'
import { chunk, exifComment, exifText, graph, jpeg, png, tEXt, tiff, usual, webp, zTXt } from './pictures'

const ALL = { prompt: 'a red fox', negativePrompt: 'blurry', seed: 42, width: 832, height: 1216, model: 'dreamshaper_8', more: { steps: 20, guidance_scale: 6.5 } }
const TEXT = 'a red fox\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 7, Size: 512x512, Model: x'

async function read(file: Uint8Array): Promise<Found> {
  const { found } = await readSettings(file)
  if (!found) throw new Error('nothing was found')
  return found
}
const readGraph = async (json: string): Promise<Found['settings']> => (await read(png(tEXt('prompt', json)))).settings

describe('a graph', () => {
  it('passes both prompts on through one node', async () => {
    const control = usual({ '9': ['ControlNetApplyAdvanced', { strength: 1, positive: ['6', 0], negative: ['7', 0] }] }, { positive: ['9', 0], negative: ['9', 1] })
    expect(await readGraph(control)).toEqual(ALL)
  })

  it('may name both prompts as texts of one node', async () => {
    const loader = usual({ '9': ['Efficient Loader', { ckpt_name: 'x.ckpt', positive: 'a red fox', negative: 'blurry' }] }, { positive: ['9', 1], negative: ['9', 2] })
    expect(await readGraph(loader)).toMatchObject({ prompt: 'a red fox', negativePrompt: 'blurry' })
  })

  it('has no negative prompt where it is silenced', async () => {
    expect(await readGraph(usual({ '9': ['ConditioningZeroOut', { conditioning: ['6', 0] }] }, { negative: ['9', 0] }))).toMatchObject({ prompt: 'a red fox', negativePrompt: '' })
  })

  it.each([
    ['1, the guidance of a node on the way counts', 1, 3.5],
    ['more, it counts itself', 6.5, 6.5],
  ])('where its scale is %s', async (_, cfg, guidance) => {
    const flux = usual({ '9': ['FluxGuidance', { guidance: 3.5, conditioning: ['6', 0] }] }, { cfg, positive: ['9', 0] })
    expect(await readGraph(flux)).toEqual({ ...ALL, more: { steps: 20, guidance_scale: guidance } })
  })

  it.each(['NaN', 'Infinity', '-Infinity'])('may hold %s', async (word) => {
    const odd = usual({ '8': ['LoadImage', { image: 'NaN, "Infinity"', changed: '@' }] }).replace('"@"', `[${word}]`)
    expect(await readGraph(odd)).toEqual(ALL)
  })

  it.each([
    ['Seed (rgthree)', { seed: 42 }],
    ['easy seed', { seed: 42 }],
    ['PrimitiveInt', { value: 42 }],
    ['INTConstant', { Value: 42 }],
    ['Integer', { int: 42 }],
    ['Reroute', { '': ['21', 0] }],
  ])('may hold its seed in a %s', async (kind, inputs) => {
    expect(await readGraph(usual({ '20': [kind, inputs], '21': ['PrimitiveInt', { value: 42 }] }, { seed: ['20', 0] }))).toEqual(ALL)
  })

  it('may hold steps, guidance and sides in nodes of their own', async () => {
    const wired = usual(
      { '20': ['Int', { int: 20 }], '21': ['Float', { float: 6.5 }], '22': ['Int', { number: 832 }], '5': ['EmptyLatentImage', { width: ['22', 0], height: 1216 }] },
      { steps: ['20', 0], cfg: ['21', 0] },
    )
    expect(await readGraph(wired)).toEqual(ALL)
  })

  it.each([
    ['ConditioningCombine', { conditioning_1: ['6', 0], conditioning_2: ['32', 0] }, 'a red fox, in the snow'],
    ['ConditioningConcat', { conditioning_to: ['6', 0], conditioning_from: ['32', 0] }, 'a red fox, in the snow'],
    ['ConditioningCombine', { conditioning_1: ['6', 0], conditioning_2: ['6', 0] }, 'a red fox'],
    ['CLIPTextEncode', { text: ['33', 0] }, 'a red fox; in the snow'],
  ])('joins what a %s joins', async (kind, inputs, prompt) => {
    const joined = usual(
      { '31': [kind, inputs], '32': ['CLIPTextEncode', { text: 'in the snow' }], '33': ['StringConcatenate', { string_a: 'a red fox', string_b: 'in the snow', delimiter: '; ' }] },
      { positive: ['31', 0] },
    )
    expect(await readGraph(joined)).toEqual({ ...ALL, prompt })
  })

  it('may name nodes as objects name their own parts', async () => {
    expect(await readGraph(usual({}, { positive: ['constructor', 0], model: ['__proto__', 0] }))).toMatchObject({ seed: 42, negativePrompt: 'blurry' })
  })
})

describe('a seed', () => {
  it.each([
    ['804822466654819', 804822466654819],
    ['18446744073709551615', 18446744073709551615n],
    ['4294967296', 4294967296],
  ])('of many digits, %s, keeps all of them', async (digits, seed) => {
    expect(await readGraph(usual().replace('"seed":42', `"seed":${digits}`))).toEqual({ ...ALL, seed })
    expect((await read(png(tEXt('parameters', TEXT.replace('Seed: 7', `Seed: ${digits}`))))).settings.seed).toBe(seed)
    expect((await read(png(tEXt('sui_image_params', ''), tEXt('parameters', `{"sui_image_params": {"seed": ${digits}}}`)))).settings.seed).toBe(seed)
  })

  it.each(['-1', '1.5', '9'.repeat(41), '1e99'])('is none where it is %s', async (digits) => {
    expect((await readGraph(usual().replace('"seed":42', `"seed":${digits}`))).seed).toBeUndefined()
  })

  it('is nothing that a text may pretend', () => {
    expect(readJson('{"a": "\\u0000whole:x", "b": 12345678901234567890, "c": "NaN \\" 12345678901234567890"}')).toEqual({
      a: '\u0000whole:x',
      b: 12345678901234567890n,
      c: 'NaN " 12345678901234567890',
    })
  })
})

describe('the text', () => {
  it('may have lines below its line of pairs', async () => {
    const settings = (await read(png(tEXt('parameters', `${TEXT}\nTemplate: a __colour__ fox\nNegative Template: blurry`)))).settings
    expect(settings).toMatchObject({ prompt: 'a red fox', negativePrompt: 'blurry', seed: 7, more: { steps: 20, guidance_scale: 7 } })
  })

  it('may have ends of lines as Windows has them', async () => {
    expect((await read(png(tEXt('parameters', TEXT.replaceAll('\n', '\r\n'))))).settings).toMatchObject({ prompt: 'a red fox', negativePrompt: 'blurry', seed: 7, model: 'x' })
  })

  it('keeps a quotation mark that is never closed where it is', async () => {
    expect((await read(png(tEXt('parameters', `${TEXT}, Note: "half, Seed: 9`)))).settings.seed).toBe(9)
  })
})

describe('a file', () => {
  it.each([
    ['png', (text: string) => png(chunk('eXIf', exifText(0x010f, text)))],
    ['jpeg', (text: string) => jpeg(exifText(0x010f, text))],
    ['webp', (text: string) => webp(exifText(0x010f, text))],
  ])('of %s may write Prompt with a capital', async (_, file) => {
    expect((await read(file(`Prompt: ${usual()}`))).settings).toEqual(ALL)
    expect((await read(file(`prompt:${usual()}`))).settings).toEqual(ALL)
  })

  it.each([
    ['an eXIf that points beyond its end', chunk('eXIf', tiff([{ tag: 0x8769, type: 4, count: 1, value: 0xffff0000 }]))],
    ['an eXIf that is cut short', chunk('eXIf', tiff([]).slice(0, 9))],
    ['a zTXt that is not packed', chunk('zTXt', 'prompt\0\0not packed at all')],
  ])('with %s is read for the rest', async (_, damaged) => {
    expect((await read(png(damaged, tEXt('parameters', TEXT)))).settings.seed).toBe(7)
    expect((await read(png(tEXt('parameters', TEXT), damaged))).settings.seed).toBe(7)
  })

  it('may have its text packed', async () => {
    expect((await read(png(zTXt('parameters', TEXT)))).settings.seed).toBe(7)
  })

  it('of NovelAI is read', async () => {
    const comment = { prompt: 'a red fox', steps: 28, height: 1216, width: 832, scale: 5, seed: 1234, sampler: 'k_euler', uc: 'blurry' }
    expect(await read(png(tEXt('Title', 'AI generated image'), tEXt('Software', 'NovelAI'), tEXt('Description', 'a red fox'), tEXt('Comment', JSON.stringify(comment))))).toEqual({
      source: 'NovelAI',
      settings: { prompt: 'a red fox', negativePrompt: 'blurry', seed: 1234, width: 832, height: 1216, more: { steps: 28, guidance_scale: 5 } },
    })
  })

  it('of Civitai is read', async () => {
    const extra = JSON.stringify({ prompt: 'a red fox', negativePrompt: 'blurry', steps: 20, seed: 42, cfgScale: 6.5 })
    const comment = usual().replace(/\}$/, `, "extra": {}, "extraMetadata": ${JSON.stringify(extra)}}`)
    expect(await read(jpeg(exifComment(comment)))).toEqual({ source: 'Civitai', settings: ALL })
  })

  it('may have a graph in its comment alone', async () => {
    expect(await read(jpeg(exifComment(graph({ '1': ['KSampler', { seed: 5, positive: ['2', 0], latent_image: ['3', 0] }], '2': ['T', { text: 'a boat' }] }))))).toMatchObject({
      source: 'ComfyUI',
      settings: { prompt: 'a boat', seed: 5 },
    })
  })
})
