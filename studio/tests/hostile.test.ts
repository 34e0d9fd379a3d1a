/** Files that were made to freeze whoever reads them. A reader that is not linear takes minutes for one of these, or for ever. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readSettings } from '../src/metadata'
import { chunk, exifText, graph, jpeg, join, png, tEXt, tiff, webp, zTXt } from './pictures'

const LONG = 1_000_000
/** What the worker is given; in peace each takes a fraction of a second. */
const MAX_MS = 10_000

const branching = (class_type: string, names: string[]): string =>
  graph({
    s: ['KSampler', { positive: ['0', 0], latent_image: ['0', 0], seed: ['0', 0], steps: ['0', 0], cfg: ['0', 0], model: ['0', 0] }],
    ...Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [String(n), [class_type, Object.fromEntries(names.map((name) => [name, [String(n + 1), 0]]))] as [string, Record<string, unknown>]])),
  })
const circle = graph({ s: ['KSampler', { positive: ['a', 0], negative: ['a', 1], latent_image: ['a', 0] }], a: ['T', { text: ['b', 0], x: ['a', 0] }], b: ['T', { conditioning: ['a', 0], value: ['s', 0] }] })
const same = (tag: number, count: number): Uint8Array => tiff(Array.from({ length: count }, () => ({ tag, type: 2, count: LONG, value: 8 })), '\xe9'.repeat(LONG))

const FILES: [string, () => Uint8Array][] = [
  ['spaces in a line of pairs', () => png(tEXt('parameters', `x\nSteps${' '.repeat(LONG)}!`))],
  ['letters in a line of pairs', () => png(tEXt('parameters', `x\n${'a '.repeat(LONG)}`))],
  ['colons in a line of pairs', () => png(tEXt('parameters', `x\n${'a:'.repeat(LONG)}`))],
  ['quotation marks in a line of pairs', () => png(tEXt('parameters', `x\n${'a:"\\",'.repeat(LONG / 5)}`))],
  ['lines', () => png(tEXt('parameters', '\nNegative prompt:'.repeat(LONG / 10)))],
  ['NULs before the end of a text', () => jpeg(exifText(0x010e, `${'\0'.repeat(60_000)}x`))],
  ['NULs before the end of a large text', () => webp(exifText(0x010e, `${'\0'.repeat(LONG)}x`))],
  ['tags of ours that are never closed', () => png(tEXt('XML:com.adobe.xmp', ''), chunk('iTXt', 'XML:com.adobe.xmp\0\0\0\0\0', '<safelight:request'.repeat(LONG / 10)))],
  ['digits for a size', () => png(tEXt('parameters', JSON.stringify({ resolution: '1'.repeat(LONG), base_model: 'x' })))],
  ['digits for a seed', () => png(tEXt('parameters', `{"sui_image_params": {"seed": ${'9'.repeat(LONG)}}}`), tEXt('prompt', `{"a": ${'-9'.repeat(LONG)}}`))],
  ['quotation marks that are escaped', () => png(tEXt('prompt', `{"${'\\"'.repeat(LONG)}`))],
  ['brackets', () => png(tEXt('prompt', '['.repeat(LONG)))],
  ['a graph that branches', () => png(tEXt('prompt', branching('T', ['in0', 'in1'])))],
  ['a graph of texts', () => png(tEXt('prompt', branching('T', ['text', 'text_g', 'text_a', 'text_b', 'conditioning'])))],
  ['a graph of numbers', () => png(tEXt('prompt', branching('T', ['seed', 'noise_seed', 'steps', 'width', 'ckpt_name', 'value'])))],
  ['a graph in a circle', () => png(tEXt('prompt', circle))],
  ['texts that inflate without end', () => png(...Array.from({ length: 20 }, (_, n) => zTXt(`k${n}`, Buffer.alloc(20 << 20, 97))))],
  ['entries that name one block', () => png(chunk('eXIf', same(0x010e, 65_535)))],
  ['directories that name themselves', () => png(chunk('eXIf', tiff(Array.from({ length: 65_535 }, () => ({ tag: 0x8769, type: 4, count: 1, value: 8 })))))],
  ['chunks without anything in them', () => png(...Array.from({ length: 20_000 }, () => chunk('tEXt', 'a\0b')))],
  ['segments without a length', () => join('\xff\xd8', '\xff\xe1\0\0'.repeat(LONG / 10))],
  ['chunks of WebP without a length', () => join('RIFF\0\0\0\0WEBP', 'EXIF\0\0\0\0'.repeat(LONG / 10))],
]

describe('a file that holds', () => {
  it.each(FILES)(
    '%s is read or given up',
    async (_, make) => {
      expect(await readSettings(make())).toHaveProperty('found')
    },
    MAX_MS,
  )
})

/** Numbers that look random and are the same each time (Numerical Recipes' generator). */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

function mutated(file: Uint8Array, roll: (sides: number) => number): Uint8Array {
  const changed = Array.from(file)
  for (let n = 1 + roll(8); n > 0; n--) {
    const at = roll(changed.length)
    const some = changed.slice(at, at + roll(64))
    if (roll(4) === 0) changed.splice(at, roll(64))
    else if (roll(3) === 0) changed.splice(roll(changed.length), 0, ...some, ...some)
    else changed[at] = [0, 255, 0x22, 0x5c, 0x3a, 0x7b, roll(256)][roll(7)]!
  }
  return Uint8Array.from(changed)
}

describe('files with damage', () => {
  const folder = new URL('files/', import.meta.url)
  const files = readdirSync(folder).filter((name) => /\.(png|jpg|webp)$/.test(name))

  it.each(files)('in %s, at many places, are read or given up', async (name) => {
    const whole = new Uint8Array(readFileSync(new URL(name, folder)))
    const roll = dice(name.length)
    for (let n = 0; n < 150; n++) expect(await readSettings(mutated(whole, roll))).toHaveProperty('found')
  })
})
