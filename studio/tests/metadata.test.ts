import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readSettings, type Found } from '../src/metadata'
import { readA1111 } from '../src/metadata/a1111'

const PROMPT = 'a lighthouse on a cliff, “dusk”, <lora:ink:0.6>'
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`files/${name}`, import.meta.url)))
const ALL = { prompt: PROMPT, negativePrompt: 'people, text', seed: 1234567890, width: 832, height: 1216, model: 'dreamshaper_8', more: { steps: 24, guidance_scale: 6.5 } }
const A1111 = { ...ALL, prompt: `${PROMPT}\nsecond line` }
const OURS = { ...ALL, model: 'postcard' }

const FILES: [string, Found['source'], object][] = [
  ['safelight.png', 'Safelight', { ...OURS, format: 'png' }],
  ['safelight.jpg', 'Safelight', { ...OURS, format: 'jpeg' }],
  ['safelight.webp', 'Safelight', { ...OURS, format: 'webp' }],
  ['a1111.png', 'AUTOMATIC1111', A1111],
  ['a1111.jpg', 'AUTOMATIC1111', A1111],
  ['a1111.webp', 'AUTOMATIC1111', A1111],
  ['comfyui.png', 'ComfyUI', ALL],
  ['comfyui.webp', 'ComfyUI', ALL],
  ['comfyui-flux.png', 'ComfyUI', { prompt: PROMPT, negativePrompt: '', seed: 42, width: 1344, height: 768, model: 'flux1-dev', more: { steps: 20, guidance_scale: 3.5 } }],
  ['invokeai.png', 'InvokeAI', ALL],
  ['invokeai-2.png', 'InvokeAI', { ...ALL, negativePrompt: '' }],
  ['fooocus.png', 'Fooocus', ALL],
  ['fooocus.jpg', 'Fooocus', ALL],
  ['swarmui.png', 'SwarmUI', ALL],
  ['swarmui.jpg', 'SwarmUI', ALL],
]

describe('settings in files', () => {
  it.each(FILES)('%s is read as made with %s', async (name, source, settings) => {
    expect(await readSettings(file(name))).toEqual({ found: { source, settings } })
  })

  it('a picture that says nothing has no settings', async () => {
    expect(await readSettings(file('plain.png'))).toEqual({ found: null, why: 'no settings' })
  })

  it('a file that is no picture is told apart', async () => {
    expect(await readSettings(new TextEncoder().encode('Not a picture at all'))).toEqual({ found: null, why: 'unknown format' })
  })

  it.each(FILES.map(([name]) => name))('%s, cut anywhere or with a byte changed, never throws', async (name) => {
    const whole = file(name)
    for (let end = 0; end < whole.length; end += 7) await readSettings(whole.slice(0, end))
    for (let at = 0; at < whole.length; at += 5) {
      const changed = whole.slice()
      changed[at] = 255 - changed[at]!
      const reading = await readSettings(changed)
      expect(reading).toHaveProperty('found')
    }
  })
})

describe('the text of AUTOMATIC1111', () => {
  it('may have no negative prompt', () => {
    expect(readA1111('a boat\nSteps: 4, Seed: 7')).toMatchObject({ prompt: 'a boat', negativePrompt: '', seed: 7, more: { steps: 4 } })
  })

  it('may have no prompt', () => {
    expect(readA1111('Negative prompt: fog\nSteps: 4, Seed: 7')).toMatchObject({ prompt: '', negativePrompt: 'fog' })
  })

  it('keeps commas within quotation marks together', () => {
    expect(readA1111('x\nSteps: 4, Lora hashes: "a: 1, Seed: 9", Seed: 7, Model: "one, two"')).toMatchObject({ seed: 7, model: 'one, two' })
  })

  it('is not any text', () => {
    expect(readA1111('A caption that somebody wrote.')).toBeNull()
  })
})
