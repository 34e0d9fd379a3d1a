/** The pictures that the next one is drawn from, in an order that counts, and where the first is drawn anew. */
import * as api from './api'
import type { Begin, Edits, Given, Job } from './api'
import { keep, kept } from './kept'
import { controlsOf, factsOf, lineage, maskOf } from './lineage.svelte'
import { exported, newCanvas, readMask, type Step } from './mask'

/** What the server decodes; anything else that the browser can show is sent as a PNG. */
const SENT_AS_IS = ['image/png', 'image/jpeg', 'image/webp']
/** The server's bound; a photograph with more is made smaller before it is sent. */
const MOST_PIXELS = 40_000_000

export interface Mask {
  readonly steps: readonly Step[]
  readonly blob: Blob
  readonly url: string
}

export interface Reference {
  readonly key: number
  readonly blob: Blob
  /** An address for this page alone. */
  readonly url: string
  readonly width: number
  readonly height: number
  readonly name: string
  /** The job that drew it, where it is one of this server's. */
  readonly source: string | null
  /** It counts while the picture is the first. */
  readonly mask: Mask | null
}

class Pictures {
  /** Replaced, never changed. */
  list = $state.raw<readonly Reference[]>([])
  #made = 0
  /** Whose pictures they are, once those that this person left are here. */
  #who: string | null = null

  /** Take what that person left in the form; somebody else's pictures go. */
  async restore(who: string): Promise<void> {
    if (this.#who === who) return
    if (this.#who) this.clear()
    this.#who = null
    const left = await kept(who)
    if (!this.list.length) {
      try {
        this.#replace(await Promise.all(left.map(({ blob, name, source, mask }) => this.#reference(blob, name, source, mask))))
      } catch {
        // What cannot be shown any more is not missed.
      }
    }
    this.#who = who
    await this.keep()
  }

  /** The person signs out: nothing of theirs stays in this browser. */
  async leave(): Promise<void> {
    this.clear()
    await this.keep()
    this.#who = null
  }

  /** Keep them for a reload; where there are none, nothing is kept. */
  async keep(): Promise<void> {
    const pictures = this.list.map(({ blob, name, source, mask }) => ({ blob, name, source, mask: mask?.blob ?? null }))
    if (this.#who) await keep(this.#who, pictures)
  }

  /** @throws Error in a sentence, where the file is no picture that this browser can show. */
  async add(blob: Blob, name: string, source: string | null = null): Promise<void> {
    this.list = [...this.list, await this.#reference(blob, name, source)]
  }

  /** Draw from a job's picture alone. @throws Error as `add`, and where the picture is gone. */
  async beginWith(job: Job): Promise<void> {
    this.#replace([await this.#reference(await api.picture(job.id), job.request.prompt, job.id)])
  }

  /** Take the pictures and the mask that a job was drawn from; none where it was drawn from words. @throws Error as above. */
  async takeFrom(job: Job): Promise<void> {
    const facts = factsOf(job)
    const taken: Reference[] = []
    for (const [place, { sha256 }] of facts.entries()) {
      const source = lineage.sourceOf(sha256)
      const mask = place === 0 && maskOf(job) ? await api.input(job.id, facts.length + controlsOf(job).length) : null
      taken.push(await this.#reference(await api.input(job.id, place), `A picture of “${job.request.prompt}”`, source, mask))
    }
    this.#replace(taken)
  }

  remove(reference: Reference): void {
    this.#replace(this.list.filter((other) => other !== reference))
  }

  clear(): void {
    this.#replace([])
  }

  /** Put it at that place of the row. */
  move(key: number, to: number): void {
    const moved = this.list.find((reference) => reference.key === key)
    const others = this.list.filter((reference) => reference !== moved)
    if (moved) this.list = others.toSpliced(Math.max(0, to), 0, moved)
  }

  /** Draw the first picture anew where these steps say; where they leave nothing, everywhere. */
  async mask(steps: readonly Step[]): Promise<void> {
    const [first, ...others] = this.list
    if (!first) return
    const blob = await exported(steps, first.width, first.height)
    if (first.mask) URL.revokeObjectURL(first.mask.url)
    this.list = [{ ...first, mask: blob && { steps, blob, url: URL.createObjectURL(blob) } }, ...others]
  }

  /** The fields of a request that say them; none where nothing is edited. */
  async begin(edits: Edits | null): Promise<Begin | Record<string, never>> {
    const first = this.list[0]
    if (!edits || !first) return {}
    const images = await Promise.all(this.list.map(({ blob }) => given(blob)))
    return first.mask && edits.mask ? { images, mask: await given(first.mask.blob) } : { images }
  }

  async #reference(blob: Blob, name: string, source: string | null, painted: Blob | null = null): Promise<Reference> {
    const { width, height, sent } = await readied(blob, name)
    const mask = painted && (await maskOfFile(painted, { width, height }))
    return { key: ++this.#made, blob: sent, url: URL.createObjectURL(sent), width, height, name, source, mask }
  }

  #replace(list: readonly Reference[]): void {
    for (const reference of this.list) {
      if (list.includes(reference)) continue
      URL.revokeObjectURL(reference.url)
      if (reference.mask) URL.revokeObjectURL(reference.mask.url)
    }
    this.list = list
  }
}

export const pictures = new Pictures()

/** A file as it is sent. A session is only honoured with JSON, so that files travel as `data:` addresses. */
export const given = (blob: Blob): Promise<Given> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve({ image_url: reader.result as string })
    reader.onerror = () => reject(new Error('The picture could not be read.'))
    reader.readAsDataURL(blob)
  })

/** The pictures, maps and mask of a job that is to be drawn again, as they are sent. @throws ApiError */
export async function givenOf(job: Job): Promise<Partial<Begin>> {
  const facts = factsOf(job)
  const names = controlsOf(job)
  const sent: Given[] = []
  const count = facts.length + names.length + (maskOf(job) ? 1 : 0)
  for (let place = 0; place < count; place++) sent.push(await given(await api.input(job.id, place)))
  const begin: Partial<Begin> = facts.length ? { images: sent.slice(0, facts.length) } : {}
  if (names.length) begin.control = Object.fromEntries(names.map((name, place) => [name, sent[facts.length + place]!]))
  if (maskOf(job)) begin.mask = sent[count - 1]!
  return begin
}

/** A mask of either kind as one that is painted on; it is sent as the file that it came in until then. */
async function maskOfFile(blob: Blob, { width, height }: { width: number; height: number }): Promise<Mask> {
  const steps: Step[] = [{ kind: 'image', image: readMask(await shown(blob, 'The mask')) }]
  return { steps, blob, url: URL.createObjectURL((await exported(steps, width, height)) ?? blob) }
}

/** The picture as it is sent, and its size once it is turned as its file says. */
export async function readied(blob: Blob, name: string): Promise<{ width: number; height: number; sent: Blob }> {
  const image = await shown(blob, name)
  const [width, height] = [image.naturalWidth, image.naturalHeight]
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)))
  if (scale === 1 && SENT_AS_IS.includes(blob.type)) return { width, height, sent: blob }
  const canvas = newCanvas(Math.floor(width * scale), Math.floor(height * scale))
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
  const sent = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, blob.type === 'image/jpeg' ? blob.type : 'image/png', 0.95))
  if (!sent) throw new Error(`${name} is too large for this browser.`)
  return { width: canvas.width, height: canvas.height, sent }
}

async function shown(blob: Blob, name: string): Promise<HTMLImageElement> {
  const image = new Image()
  image.src = URL.createObjectURL(blob)
  try {
    await image.decode()
    return image
  } catch {
    throw new Error(`${name} is not a picture that this browser can show.`)
  } finally {
    URL.revokeObjectURL(image.src)
  }
}
