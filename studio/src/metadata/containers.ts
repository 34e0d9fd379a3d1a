/** The texts in a PNG, JPEG or WebP file, whoever wrote them. */
import { Budget, Exhausted } from './budget'
import { Bytes, inflate, latin1, text, utf8 } from './bytes'
import { readExif } from './exif'
import { Texts } from './texts'

const XMP_PREFIX = 'http://ns.adobe.com/xap/1.0/\0'
/** No generator's settings are larger. */
const MAX_CHUNK = 16 * 1024 * 1024
/** Names are compared as numbers: a file may have millions of chunks. */
const nameOf = (letters: string): number => [...letters].reduce((sum, letter) => sum * 256 + letter.charCodeAt(0), 0)
/** PNG (third edition), 11.3.3: the chunks that hold text. */
const TEXT_CHUNKS = new Map(['tEXt', 'zTXt', 'iTXt', 'eXIf'].map((name) => [nameOf(name), name]))
const IEND = nameOf('IEND')
/** In WebP the bytes of a number stand the other way round. */
const EXIF = nameOf('FIXE')
const XMP = nameOf(' PMX')

/** PNG's keywords, EXIF's field names, `comment` and `xmp`; null for a file that is none of the three. */
export async function readTexts(file: Uint8Array): Promise<Texts | null> {
  const head = latin1(file.subarray(0, 12))
  const found = new Texts()
  const budget = new Budget()
  try {
    if (head.startsWith('\x89PNG\r\n\x1a\n')) await png(file, found, budget)
    else if (head.startsWith('\xff\xd8')) jpeg(file, found, budget)
    else if (head.startsWith('RIFF') && head.endsWith('WEBP')) webp(file, found, budget)
    else return null
  } catch {
    // A file that ends too soon, lies about its lengths or asks for too much: what was read until then counts.
  }
  return found
}

async function png(file: Uint8Array, found: Texts, budget: Budget): Promise<void> {
  const bytes = new Bytes(file)
  for (let at = 8; at + 12 <= file.length; ) {
    const length = bytes.u32(at)
    const type = bytes.u32(at + 4)
    const name = TEXT_CHUNKS.get(type)
    if (name && length <= MAX_CHUNK) {
      const data = bytes.part(at + 8, at + 8 + length)
      budget.count()
      await pngChunk(name, data, found, budget).catch(skip)
    }
    if (type === IEND) break
    at += 12 + length
  }
}

/** One damaged part does not take the good ones with it; an exhausted budget ends the file. @throws Exhausted */
function skip(fault: unknown): void {
  if (fault instanceof Exhausted) throw fault
}

async function pngChunk(type: string, data: Uint8Array, found: Texts, budget: Budget): Promise<void> {
  if (type === 'eXIf') return readExif(data, found, budget)
  const end = data.indexOf(0)
  const keyword = latin1(data.subarray(0, Math.max(0, end)))
  if (type === 'tEXt') return found.add(keyword, text(data.subarray(end + 1)), budget)
  if (type === 'zTXt') return found.add(keyword, text(await inflate(data.subarray(end + 2), budget)), budget)
  const compressed = data[end + 1] === 1
  const language = data.indexOf(0, end + 3)
  const body = data.subarray(data.indexOf(0, language + 1) + 1)
  found.add(keyword === 'XML:com.adobe.xmp' ? 'xmp' : keyword, utf8(compressed ? await inflate(body, budget) : body), budget)
}

/** JPEG's segments up to the first scan: APP1 (EXIF and XMP) and COM. */
function jpeg(file: Uint8Array, found: Texts, budget: Budget): void {
  const bytes = new Bytes(file)
  for (let at = 2; at + 4 <= file.length && file[at] === 0xff; ) {
    const marker = file[at + 1]
    const length = bytes.u16(at + 2)
    if (marker === 0xda || marker === 0xd9 || length < 2) break
    const data = bytes.part(at + 4, at + 2 + length)
    if (marker === 0xe1 || marker === 0xfe) {
      budget.count()
      try {
        jpegSegment(marker, data, found, budget)
      } catch (fault) {
        skip(fault)
      }
    }
    at += 2 + length
  }
}

function jpegSegment(marker: number, data: Uint8Array, found: Texts, budget: Budget): void {
  if (marker === 0xfe) found.add('comment', text(data), budget)
  else if (latin1(data.subarray(0, 6)) === 'Exif\0\0') readExif(data, found, budget)
  else if (latin1(data.subarray(0, XMP_PREFIX.length)) === XMP_PREFIX) found.add('xmp', utf8(data.subarray(XMP_PREFIX.length)), budget)
}

/** WebP's container: RIFF chunks, each padded to an even length. */
function webp(file: Uint8Array, found: Texts, budget: Budget): void {
  const bytes = new Bytes(file, true)
  for (let at = 12; at + 8 <= file.length; ) {
    const type = bytes.u32(at)
    const length = bytes.u32(at + 4)
    if (length <= MAX_CHUNK && (type === EXIF || type === XMP)) {
      const data = bytes.part(at + 8, at + 8 + length)
      budget.count()
      try {
        if (type === EXIF) readExif(data, found, budget)
        else found.add('xmp', utf8(data), budget)
      } catch (fault) {
        skip(fault)
      }
    }
    at += 8 + length + (length & 1)
  }
}
