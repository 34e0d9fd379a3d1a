/** The few EXIF fields in which generators leave their settings (CIPA DC-008; TIFF 6.0 for the structure). */
import { Bytes, latin1, text } from './bytes'

const NAMES: Record<number, string> = {
  0x010e: 'ImageDescription',
  0x010f: 'Make',
  0x0110: 'Model',
  0x0131: 'Software',
  0x9286: 'UserComment',
}
const EXIF_IFD = 0x8769
const SIZES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]

export function readExif(block: Uint8Array): Record<string, string> {
  const data = latin1(block.subarray(0, 6)) === 'Exif\0\0' ? block.subarray(6) : block
  const order = latin1(data.subarray(0, 2))
  if (order !== 'II' && order !== 'MM') return {}
  const tiff = new Bytes(data, order === 'II')
  const found: Record<string, string> = {}
  readDirectory(tiff, tiff.u32(4), found, 0)
  return found
}

function readDirectory(tiff: Bytes, at: number, found: Record<string, string>, depth: number): void {
  const count = tiff.u16(at)
  for (let n = 0; n < count; n++) {
    const entry = at + 2 + n * 12
    const tag = tiff.u16(entry)
    const length = (SIZES[tiff.u16(entry + 2)] ?? 1) * tiff.u32(entry + 4)
    const start = length <= 4 ? entry + 8 : tiff.u32(entry + 8)
    const name = NAMES[tag]
    if (tag === EXIF_IFD && depth === 0) readDirectory(tiff, tiff.u32(entry + 8), found, 1)
    else if (name) found[name] = tag === 0x9286 ? comment(tiff.part(start, start + length), tiff.little) : text(tiff.part(start, start + length)).replace(/\0+$/, '')
  }
}

/** A user comment begins with eight bytes that name its encoding. */
function comment(data: Uint8Array, little: boolean): string {
  const code = latin1(data.subarray(0, 8))
  const body = data.subarray(8)
  if (code.startsWith('UNICODE')) return utf16(body, little)
  if (code.startsWith('ASCII') || code === '\0'.repeat(8)) return text(body).replace(/\0+$/, '')
  return text(data).replace(/\0+$/, '')
}

/** UTF-16 should have the file's byte order, but writers differ: the zero bytes of its Latin letters tell. */
function utf16(body: Uint8Array, little: boolean): string {
  let even = 0
  let odd = 0
  for (let at = 0; at + 1 < body.length; at += 2) {
    if (body[at] === 0) even++
    if (body[at + 1] === 0) odd++
  }
  const isLittle = even === odd ? little : odd > even
  return new TextDecoder(isLittle ? 'utf-16le' : 'utf-16be').decode(body).replace(/\0+$/, '')
}
