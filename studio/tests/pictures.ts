/** Small pictures with texts in them, as other programs write them; no more of a picture than a reader looks at. */
import { deflateSync } from 'node:zlib'
import { crc32 } from '../src/zip'

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))
const u32 = (n: number): Uint8Array => Uint8Array.of(n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255)
const u16 = (n: number): Uint8Array => Uint8Array.of((n >>> 8) & 255, n & 255)

export function join(...parts: (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? bytes(part) : part))))
}

export function chunk(kind: string, ...data: (Uint8Array | string)[]): Uint8Array {
  const body = join(kind, ...data)
  return join(u32(body.length - 4), body, u32(crc32(body)))
}

export const png = (...chunks: Uint8Array[]): Uint8Array => join('\x89PNG\r\n\x1a\n', ...chunks, chunk('IEND'))
export const tEXt = (name: string, text: string): Uint8Array => chunk('tEXt', `${name}\0`, new TextEncoder().encode(text))
export const zTXt = (name: string, text: string | Uint8Array): Uint8Array => chunk('zTXt', `${name}\0\0`, deflateSync(text))

interface Entry {
  tag: number
  type: number
  count: number
  value: number
}

/** A TIFF block, its numbers with the largest byte first: one directory, and what stands after it at `after`. */
export function tiff(entries: Entry[], ...after: (Uint8Array | string)[]): Uint8Array {
  const table = entries.map(({ tag, type, count, value }) => join(u16(tag), u16(type), u32(count), u32(value)))
  return join('MM\0*', u32(8), u16(entries.length & 0xffff), ...table, u32(0), ...after)
}

/** Where what is given to `tiff` as `after` begins. */
export const afterTable = (entries: number): number => 14 + entries * 12

/** A camera's field with a text in it. */
export function exifText(tag: number, text: string): Uint8Array {
  return tiff([{ tag, type: 2, count: text.length, value: afterTable(1) }], text)
}

/** A user comment in UTF-16, in a directory of its own as the standard has it. */
export function exifComment(text: string): Uint8Array {
  const body = join('UNICODE\0', Buffer.from(text, 'utf16le').swap16())
  const below = afterTable(1)
  return tiff([{ tag: 0x8769, type: 4, count: 1, value: below }], u16(1), u16(0x9286), u16(7), u32(body.length), u32(below + 18), u32(0), body)
}

export const jpeg = (exif: Uint8Array): Uint8Array => join('\xff\xd8\xff\xe1', u16(exif.length + 8), 'Exif\0\0', exif, '\xff\xd9')

export function webp(exif: Uint8Array): Uint8Array {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(exif.length)
  return join('RIFF\0\0\0\0WEBPEXIF', size, exif)
}

/** Nodes of a graph by their ids: `[class, inputs]`. */
export function graph(nodes: Record<string, [string, Record<string, unknown>]>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(nodes).map(([id, [class_type, inputs]]) => [id, { class_type, inputs }])))
}

/** The graph that most begin with, changed at some of its nodes. */
export function usual(changed: Record<string, [string, Record<string, unknown>]> = {}, sampler: Record<string, unknown> = {}): string {
  return graph({
    '3': ['KSampler', { seed: 42, steps: 20, cfg: 6.5, model: ['4', 0], positive: ['6', 0], negative: ['7', 0], latent_image: ['5', 0], ...sampler }],
    '4': ['CheckpointLoaderSimple', { ckpt_name: 'dreamshaper_8.safetensors' }],
    '5': ['EmptyLatentImage', { width: 832, height: 1216, batch_size: 1 }],
    '6': ['CLIPTextEncode', { text: 'a red fox', clip: ['4', 1] }],
    '7': ['CLIPTextEncode', { text: 'blurry', clip: ['4', 1] }],
    ...changed,
  })
}
