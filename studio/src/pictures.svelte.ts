/** The pictures that the next one is drawn from, in an order that counts. */
import * as api from './api'
import type { Begin, Edits, Given, Job } from './api'

/** What the server decodes; anything else that the browser can show is sent as a PNG. */
const SENT_AS_IS = ['image/png', 'image/jpeg', 'image/webp']
/** The server's bound; a photograph with more is made smaller before it is sent. */
const MOST_PIXELS = 40_000_000

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
}

class Pictures {
  /** Replaced, never changed. */
  list = $state.raw<readonly Reference[]>([])
  #made = 0

  /** @throws Error in a sentence, where the file is no picture that this browser can show. */
  async add(blob: Blob, name: string, source: string | null = null): Promise<Reference> {
    const { width, height, sent } = await readied(blob, name)
    const reference = { key: ++this.#made, blob: sent, url: URL.createObjectURL(sent), width, height, name, source }
    this.list = [...this.list, reference]
    return reference
  }

  /** Draw from that picture alone. @throws Error as `add`, and where the picture is gone. */
  async beginWith(job: Job): Promise<void> {
    const blob = await api.picture(job.id)
    this.clear()
    await this.add(blob, job.request.prompt, job.id)
  }

  remove(reference: Reference): void {
    this.list = this.list.filter((other) => other !== reference)
    URL.revokeObjectURL(reference.url)
  }

  clear(): void {
    for (const reference of this.list) URL.revokeObjectURL(reference.url)
    this.list = []
  }

  /** Put it at that place of the row. */
  move(reference: Reference, to: number): void {
    const others = this.list.filter((other) => other !== reference)
    this.list = others.toSpliced(Math.max(0, to), 0, reference)
  }

  /** The fields of a request that say them; none where nothing is edited. */
  async begin(edits: Edits | null): Promise<Begin | Record<string, never>> {
    if (!edits || !this.list.length) return {}
    return { images: await Promise.all(this.list.map(({ blob }) => given(blob))) }
  }
}

export const pictures = new Pictures()

/** A session is only honoured with JSON, so that files travel as `data:` addresses. */
const given = (blob: Blob): Promise<Given> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve({ image_url: reader.result as string })
    reader.onerror = () => reject(new Error('The picture could not be read.'))
    reader.readAsDataURL(blob)
  })

/** The picture as it is sent, and its size once it is turned as its file says. */
async function readied(blob: Blob, name: string): Promise<{ width: number; height: number; sent: Blob }> {
  const image = await shown(blob, name)
  const [width, height] = [image.naturalWidth, image.naturalHeight]
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)))
  if (scale === 1 && SENT_AS_IS.includes(blob.type)) return { width, height, sent: blob }
  const canvas = Object.assign(document.createElement('canvas'), { width: Math.floor(width * scale), height: Math.floor(height * scale) })
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
