/** Reading numbers and text out of files. Every read beyond the end throws, which the caller takes as "nothing there". */
import type { Budget } from './budget'

export class Bytes {
  readonly view: DataView

  constructor(
    readonly data: Uint8Array,
    readonly little = false,
  ) {
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  }

  u16 = (at: number): number => this.view.getUint16(at, this.little)
  u32 = (at: number): number => this.view.getUint32(at, this.little)
  ascii = (at: number, length: number): string => latin1(this.part(at, at + length))
  part = (start: number, end?: number): Uint8Array => this.data.subarray(start, end)
}

export const utf8 = (data: Uint8Array): string => new TextDecoder().decode(data)

/** A byte a character. `TextDecoder` has no such encoding: what it calls latin1 is Windows-1252 (Encoding Standard, 4.2). */
export function latin1(data: Uint8Array): string {
  let read = ''
  for (let at = 0; at < data.length; at += 8192) read += String.fromCharCode(...data.subarray(at, at + 8192))
  return read
}

/** UTF-8 where it is valid, else Latin-1: what a text chunk "should" be and what writers do differ. */
export function text(data: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data)
  } catch {
    return latin1(data)
  }
}

/** Without the NULs at its end. An expression would look at each run of NULs again and again. */
export function withoutNuls(text: string): string {
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--
  return text.slice(0, end)
}

/** @throws Exhausted where more comes out than the budget allows; TypeError where the data is not zlib's. */
export async function inflate(data: Uint8Array, budget: Budget): Promise<Uint8Array> {
  const reader = new Blob([data as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('deflate')).getReader()
  const pieces: Uint8Array<ArrayBuffer>[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      budget.spend(value.length)
      pieces.push(value)
    }
  } catch (error) {
    // Otherwise the rest is inflated for nobody.
    void reader.cancel().catch(() => undefined)
    throw error
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer())
}
