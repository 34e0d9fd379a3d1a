/** The few EXIF fields in which generators leave their settings (CIPA DC-008; TIFF 6.0 for the structure). */
import type { Budget } from './budget'
import { Bytes, latin1, text, withoutNuls } from './bytes'
import type { Texts } from './texts'

const NAMES: Record<number, string> = {
  0x010e: 'ImageDescription',
  0x010f: 'Make',
  0x0110: 'Model',
  0x0131: 'Software',
  0x9286: 'UserComment',
}
const USER_COMMENT = 0x9286
const EXIF_IFD = 0x8769
const SIZES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]

/** Adds what it finds. A block that is damaged gives what stands before the damage. @throws Exhausted */
export function readExif(block: Uint8Array, found: Texts, budget: Budget): void {
  const data = latin1(block.subarray(0, 6)) === 'Exif\0\0' ? block.subarray(6) : block
  const order = latin1(data.subarray(0, 2))
  if (order !== 'II' && order !== 'MM') return
  const tiff = new Bytes(data, order === 'II')
  const exif = readDirectory(tiff, tiff.u32(4), found, budget)
  // One directory below the first, once: a file may name itself as its own directory.
  if (exif !== undefined) readDirectory(tiff, exif, found, budget)
}

/** @returns where the EXIF directory is, if this one names it. */
function readDirectory(tiff: Bytes, at: number, found: Texts, budget: Budget): number | undefined {
  const count = tiff.u16(at)
  let exif: number | undefined
  for (let n = 0; n < count; n++) {
    budget.count()
    const entry = at + 2 + n * 12
    if (entry + 12 > tiff.data.length) break
    const tag = tiff.u16(entry)
    const length = (SIZES[tiff.u16(entry + 2)] ?? 1) * tiff.u32(entry + 4)
    const start = length <= 4 ? entry + 8 : tiff.u32(entry + 8)
    const name = NAMES[tag]
    if (tag === EXIF_IFD) exif ??= tiff.u32(entry + 8)
    // A field is there once; entries that name the same block again would have it read again.
    else if (name && !found.has(name)) found.add(name, value(tag, tiff.part(start, start + length), tiff.little), budget)
  }
  return exif
}

function value(tag: number, data: Uint8Array, little: boolean): string {
  return withoutNuls(tag === USER_COMMENT ? comment(data, little) : text(data))
}

/** A user comment begins with eight bytes that name its encoding. */
function comment(data: Uint8Array, little: boolean): string {
  const code = latin1(data.subarray(0, 8))
  const body = data.subarray(8)
  if (code.startsWith('UNICODE')) return utf16(body, little)
  return code.startsWith('ASCII') || code === '\0'.repeat(8) ? text(body) : text(data)
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
  return new TextDecoder(isLittle ? 'utf-16le' : 'utf-16be').decode(body)
}
