/** The texts in a PNG, JPEG or WebP file, whoever wrote them. */
import { Bytes, inflate, latin1, text, utf8 } from './bytes'
import { readExif } from './exif'

export interface Texts {
  format: 'png' | 'jpeg' | 'webp'
  /** PNG's keywords, EXIF's field names, and `xmp`. */
  texts: Record<string, string>
}

const XMP_PREFIX = 'http://ns.adobe.com/xap/1.0/\0'
/** No generator's settings are larger. */
const MAX_CHUNK = 16 * 1024 * 1024

/** @returns null for a file that is none of the three. */
export async function readTexts(file: Uint8Array): Promise<Texts | null> {
  const head = latin1(file.subarray(0, 12))
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return { format: 'png', texts: await png(file) }
  if (head.startsWith('\xff\xd8')) return { format: 'jpeg', texts: jpeg(file) }
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return { format: 'webp', texts: webp(file) }
  return null
}

/** PNG (third edition), 11.3.3: tEXt, zTXt, iTXt, and eXIf. */
async function png(file: Uint8Array): Promise<Record<string, string>> {
  const bytes = new Bytes(file)
  const found: Record<string, string> = {}
  for (let at = 8; at + 12 <= file.length; ) {
    const length = bytes.u32(at)
    const type = bytes.ascii(at + 4, 4)
    const data = bytes.part(at + 8, at + 8 + length)
    if (length <= MAX_CHUNK) await pngChunk(type, data, found)
    if (type === 'IEND') break
    at += 12 + length
  }
  return found
}

async function pngChunk(type: string, data: Uint8Array, found: Record<string, string>): Promise<void> {
  const end = data.indexOf(0)
  const keyword = latin1(data.subarray(0, Math.max(0, end)))
  if (type === 'tEXt') found[keyword] = text(data.subarray(end + 1))
  else if (type === 'zTXt') found[keyword] = text(await inflate(data.subarray(end + 2)))
  else if (type === 'eXIf') Object.assign(found, readExif(data))
  else if (type === 'iTXt') {
    const compressed = data[end + 1] === 1
    const language = data.indexOf(0, end + 3)
    const body = data.subarray(data.indexOf(0, language + 1) + 1)
    found[keyword === 'XML:com.adobe.xmp' ? 'xmp' : keyword] = utf8(compressed ? await inflate(body) : body)
  }
}

/** JPEG's segments up to the first scan: APP1 (EXIF and XMP) and COM. */
function jpeg(file: Uint8Array): Record<string, string> {
  const bytes = new Bytes(file)
  const found: Record<string, string> = {}
  for (let at = 2; at + 4 <= file.length && file[at] === 0xff; ) {
    const marker = file[at + 1]
    if (marker === 0xda || marker === 0xd9) break
    const data = bytes.part(at + 4, at + 2 + bytes.u16(at + 2))
    if (marker === 0xe1 && latin1(data.subarray(0, 6)) === 'Exif\0\0') Object.assign(found, readExif(data))
    else if (marker === 0xe1 && latin1(data.subarray(0, XMP_PREFIX.length)) === XMP_PREFIX) found['xmp'] = utf8(data.subarray(XMP_PREFIX.length))
    else if (marker === 0xfe) found['comment'] = text(data)
    at += 2 + bytes.u16(at + 2)
  }
  return found
}

/** WebP's container: RIFF chunks, each padded to an even length. */
function webp(file: Uint8Array): Record<string, string> {
  const bytes = new Bytes(file, true)
  const found: Record<string, string> = {}
  for (let at = 12; at + 8 <= file.length; ) {
    const type = bytes.ascii(at, 4)
    const length = bytes.u32(at + 4)
    const data = bytes.part(at + 8, at + 8 + length)
    if (type === 'EXIF') Object.assign(found, readExif(data))
    if (type === 'XMP ') found['xmp'] = utf8(data)
    at += 8 + length + (length & 1)
  }
  return found
}
