/** A zip of files that are compressed already: stored as they are (APPNOTE.TXT 6.3.10, 4.3). Up to 4 GiB. */

export interface Entry {
  name: string
  data: Uint8Array
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

export function crc32(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

export function zip(entries: readonly Entry[]): Blob {
  const parts: BlobPart[] = []
  const directory: Uint8Array<ArrayBuffer>[] = []
  let offset = 0
  for (const { name, data } of unique(entries)) {
    const path = new TextEncoder().encode(name)
    // Version 2.0, names in UTF-8 (bit 11), stored, 1 January 1980: the least that the format asks for.
    const common = [u16(20), u16(0x800), u16(0), u16(0), u16(0x21), u32(crc32(data)), u32(data.length), u32(data.length), u16(path.length), u16(0)]
    const local = join([u32(0x04034b50), ...common, path])
    directory.push(join([u32(0x02014b50), u16(20), ...common, u16(0), u16(0), u16(0), u32(0), u32(offset), path]))
    parts.push(local, data as Uint8Array<ArrayBuffer>)
    offset += local.length + data.length
  }
  const size = directory.reduce((sum, record) => sum + record.length, 0)
  const end = join([u32(0x06054b50), u16(0), u16(0), u16(directory.length), u16(directory.length), u32(size), u32(offset), u16(0)])
  return new Blob([...parts, ...directory, end], { type: 'application/zip' })
}

/** Two pictures may share a name; a folder cannot hold both. */
function unique(entries: readonly Entry[]): Entry[] {
  const taken = new Set<string>()
  return entries.map(({ name, data }) => {
    let free = name
    for (let n = 2; taken.has(free); n++) free = name.replace(/(\.[^.]*)?$/, `-${n}$1`)
    taken.add(free)
    return { name: free, data }
  })
}

const u16 = (n: number): Uint8Array => Uint8Array.of(n & 255, n >>> 8)
const u32 = (n: number): Uint8Array => Uint8Array.of(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24)

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
