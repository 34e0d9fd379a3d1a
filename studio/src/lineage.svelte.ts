/**
 * Which picture was made from which. A job says the digests of what it was made from. Whose those are is remembered here,
 * and for what another browser drew it is found out: by the jobs' sizes, and then by the files themselves.
 */
import * as api from './api'
import type { Job, PictureFacts } from './api'

const STORED = 'safelight.lineage'
const MOST = 2000
/** How many of the newest jobs are looked through for relatives, a page at a time. */
const LOOKED_AT = 1000
const PAGE = 200
/** Files of the same size that are compared with one. */
const MOST_COMPARED = 8

interface Link {
  /** The job whose picture it is, and the one that was drawn from it. */
  source: string
  made: string
  sha256: string
}

/** An edit's picture at that place may be the one of `source`. */
interface Pair {
  made: Job
  place: number
  source: Job
  facts: PictureFacts
}

export const factsOf = (job: Job): PictureFacts[] => (job.request['images'] as PictureFacts[] | undefined) ?? []
/** The names of the ControlNets that it followed, in the order of their maps. */
export const controlsOf = (job: Job): string[] => Object.keys((job.request['control'] as Record<string, PictureFacts> | undefined) ?? {}).sort()
export const maskOf = (job: Job): PictureFacts | null => (job.request['mask'] as PictureFacts | undefined) ?? null

class Lineage {
  #links = $state.raw<readonly Link[]>(stored())
  #sought = new Map<string, Promise<void>>()
  #asked: Promise<Job[]> | null = null

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

  /** Find relatives that this browser does not know of among the newest jobs and these; once for each job. */
  seek(job: Job, recent: readonly Job[]): Promise<void> {
    const sought = this.#sought.get(job.id) ?? this.#seek(job, recent)
    this.#sought.set(job.id, sought)
    return sought
  }

  async #seek(job: Job, recent: readonly Job[]): Promise<void> {
    try {
      const others = [...recent, ...(await this.#history())].filter(({ id }) => id !== job.id)
      for (const [place, facts] of factsOf(job).entries()) {
        if (this.sourceOf(facts.sha256)) continue
        await this.#compare(others.filter((other) => isFileOf(other, facts)).map((source) => ({ made: job, place, source, facts })), true)
      }
      const edits = others.flatMap((made) => factsOf(made).flatMap((facts, place) => (isFileOf(job, facts) ? [{ made, place, source: job, facts }] : [])))
      await this.#compare(edits.filter(({ made }) => !this.madeFrom(job.id).includes(made.id)), false)
    } catch {
      this.#sought.delete(job.id) // The server is away; whoever opens the picture again asks again.
    }
  }

  /** Somebody else may sign in. */
  leave(): void {
    this.#sought.clear()
    this.#asked = null
  }

  /** Link those whose files are the same. With `one` the first is enough. */
  async #compare(pairs: readonly Pair[], one: boolean): Promise<void> {
    const found = pairs.filter(({ source, facts }) => this.#links.some((link) => link.source === source.id && link.sha256 === facts.sha256))
    for (const pair of pairs.filter((pair) => !found.includes(pair)).slice(0, MOST_COMPARED)) {
      if (one && found.length) break
      if (await isSame(await api.input(pair.made.id, pair.place), await api.picture(pair.source.id))) found.push(pair)
    }
    const news = found.map(({ made, source, facts }) => ({ source: source.id, made: made.id, sha256: facts.sha256 }))
    if (news.length) this.#put([...this.#links, ...news].slice(-MOST))
  }

  /** The newest pictures, asked for once. */
  #history(): Promise<Job[]> {
    return (this.#asked ??= newest().catch((error: unknown) => {
      this.#asked = null
      throw error
    }))
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

/** Whether the file that an edit was sent may be that job's own. */
const isFileOf = (job: Job, { bytes, width, height }: PictureFacts): boolean =>
  job.image?.bytes === bytes && job.width === width && job.height === height

async function isSame(one: Blob, other: Blob): Promise<boolean> {
  if (one.size !== other.size) return false
  const [left, right] = await Promise.all([one, other].map(async (file) => new Uint8Array(await file.arrayBuffer())))
  return left!.every((byte, at) => byte === right![at])
}

async function newest(): Promise<Job[]> {
  const found: Job[] = []
  let cursor: string | null = null
  do {
    const page: api.Page = await api.jobs({ state: 'finished' }, PAGE, cursor)
    found.push(...page.data)
    cursor = page.next_cursor
  } while (cursor !== null && found.length < LOOKED_AT)
  return found
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
