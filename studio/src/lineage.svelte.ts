/** Which picture was made from which. A job says the digests of what it was made from; here is remembered whose those are. */
import type { Job, PictureFacts } from './api'

const STORED = 'safelight.lineage'
const MOST = 2000

interface Link {
  /** The job whose picture it is, and the one that was drawn from it. */
  source: string
  made: string
  sha256: string
}

export const factsOf = (job: Job): PictureFacts[] => (job.request['images'] as PictureFacts[] | undefined) ?? []
/** The names of the ControlNets that it followed, in the order of their maps. */
export const controlsOf = (job: Job): string[] => Object.keys((job.request['control'] as Record<string, PictureFacts> | undefined) ?? {}).sort()
export const maskOf = (job: Job): PictureFacts | null => (job.request['mask'] as PictureFacts | undefined) ?? null

class Lineage {
  #links = $state.raw<readonly Link[]>(stored())

  constructor() {
    // Another page of this browser may have drawn.
    addEventListener('storage', ({ key }) => key === STORED && (this.#links = stored()))
  }

  /** A job was accepted; `sources` are the jobs that its pictures are of, in their order. */
  note(made: Job, sources: readonly (string | null)[]): void {
    const news = factsOf(made).flatMap(({ sha256 }, place) => {
      const source = sources[place]
      return source ? [{ source, made: made.id, sha256 }] : []
    })
    if (news.length) this.#put([...this.#links, ...news].slice(-MOST))
  }

  /** The job is deleted. */
  forget(id: string): void {
    if (this.#links.some(({ source, made }) => source === id || made === id)) this.#put(this.#links.filter(({ source, made }) => source !== id && made !== id))
  }

  /** Whose picture has that digest, as far as is known. */
  sourceOf(sha256: string): string | null {
    return this.#links.findLast((link) => link.sha256 === sha256)?.source ?? null
  }

  /** The jobs that were drawn from that one's picture, newest first. */
  madeFrom(id: string): string[] {
    return [...new Set(this.#links.filter(({ source }) => source === id).map(({ made }) => made))].reverse()
  }

  #put(links: readonly Link[]): void {
    this.#links = links
    localStorage.setItem(STORED, JSON.stringify(links))
  }
}

function stored(): Link[] {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? '[]') as Link[]
  } catch {
    // A list that cannot be read is none: jobs still say what they were made from.
    return []
  }
}

export const lineage = new Lineage()
