/** All jobs of this key: what is being drawn, followed on one stream, and what was drawn, page by page. */
import * as api from './api'
import type { Filter, Job, Progress } from './api'
import { announcer } from './announcer.svelte'
import { draft } from './draft.svelte'
import { plural, progress, share } from './format'
import { lineage } from './lineage.svelte'
import { controls } from './controls.svelte'
import { givenOf, pictures } from './pictures.svelte'
import { session } from './session.svelte'
import { watch } from './watching'

const RECENT = 40
const PAGE = 200

export const isLive = (job: Job): boolean => job.state === 'queued' || job.state === 'running'

class Jobs {
  /** The newest jobs, newest first: what is under way and what has just ended. */
  recent = $state<Job[]>([])
  /** Small pictures of what is being drawn, by job. */
  previews = $state<Record<string, string>>({})
  /** The picture that somebody wants to see; null follows what is alive. */
  chosen = $state<string | null>(null)
  loaded = $state(false)
  /** Counts what was taken back: lists that left it out ask again. */
  restored = $state(0)
  live = $derived(this.recent.filter(isLive))
  /** What is being drawn, else what is next: the line under the stage tells of it. */
  working = $derived(this.live.find((job) => job.id === this.chosen) ?? this.live.findLast((job) => job.state === 'running') ?? this.live.at(-1) ?? null)
  /**
   * The picture on the stage: the chosen one, else what is being drawn as soon as there is something to see, else what
   * ended last. What only waits has nothing to show, and comes last.
   */
  shown = $derived.by((): Job | null => {
    const chosen = this.recent.find((job) => job.id === this.chosen)
    if (chosen) return chosen
    const drawn = this.recent.findLast((job) => job.state === 'running' && this.previews[job.id])
    return drawn ?? lastEnded(this.recent) ?? this.working
  })
  /** Called for every job that changed, and for the ids of deleted ones. */
  readonly listeners = new Set<(job: Job | null, id: string) => void>()
  #stop: (() => void) | undefined
  #quarters = new Map<string, number>()
  /** What the stream has told of since the list was last asked for: the answer knows less of these. */
  #told = new Set<string>()
  #doomed = new Map<string, Job>()
  #going = new Set<string>()

  /** Follow the server until `stop`. */
  start(): void {
    this.stop()
    const who = session.who?.key_id
    if (!who) return
    const watcher = {
      opened: () => {
        session.reachable = true
        void this.refresh()
      },
      failed: () => void this.#lookWhy(),
      job: (job: Job) => (this.#told.add(job.id), this.take(job)),
      queue: (id: string, queue: Job['queue']) => (this.#told.add(id), this.#change(id, (job) => ({ ...job, queue }))),
      progress: (id: string, now: Progress) => (this.#told.add(id), this.#step(id, now)),
      preview: (id: string, url: string) => void (this.previews[id] = url),
      deleted: (id: string) => (this.#told.add(id), lineage.forget(id), this.#forget(id)),
    }
    this.#stop = watch(watcher, who)
    void this.refresh()
  }

  stop(): void {
    this.#stop?.()
    this.#stop = undefined
  }

  /** Forget everything: somebody else may sign in. */
  clear(): void {
    this.sweep()
    this.stop()
    lineage.leave()
    this.recent = []
    this.previews = {}
    this.chosen = null
    this.loaded = false
  }

  async refresh(): Promise<void> {
    const told = (this.#told = new Set())
    try {
      const page = await api.jobs({ state: 'queued,running,finished,failed' }, RECENT)
      const data = page.data.filter((job) => !this.isDoomed(job.id))
      if (told !== this.#told) return
      const ended = this.recent.filter(isLive).filter((job) => !told.has(job.id) && !data.some((now) => now.id === job.id))
      const kept = this.recent.filter((job) => told.has(job.id))
      const news = data.filter((job) => !told.has(job.id))
      this.recent = [...news, ...kept].sort((one, other) => other.created - one.created)
      this.loaded = true
      for (const job of ended) void api.job(job.id).then((now) => this.take(now), () => undefined)
      for (const job of news) for (const listener of this.listeners) listener(job, job.id)
    } catch (error) {
      session.heard(error)
    }
  }

  /** Draw the draft, as often as its count says. A locked seed counts up. */
  async generate(): Promise<Job[]> {
    const { seed } = draft
    const made = await this.draw(Array.from({ length: draft.count }, (_, n) => (seed !== null && n > 0 ? { seed: Math.min(seed + n, draft.maxSeed) } : {})))
    // Where the first step or the end was heard before the answer, that says more.
    const begun = made.filter((job) => this.recent.some((now) => now.id === job.id && isLive(now) && !now.progress?.step))
    if (begun.length) announcer.say(`${plural(made.length, 'picture')} started.`)
    return made
  }

  /** Draw the draft once for each of these changes, from its pictures where it has some. */
  async draw(changes: readonly Partial<api.ImageRequest>[]): Promise<Job[]> {
    const begin = { ...(await pictures.begin(draft.edits)), ...(await controls.begin(draft.controlNames)) }
    const sources = 'images' in begin ? pictures.list.map(({ source }) => source) : []
    const made = await this.submit(changes.map((changed) => draft.request({ ...begin, ...changed })))
    for (const job of made) lineage.note(job, sources)
    return made
  }

  /** Draw again what failed, from the same pictures. */
  async again(failed: Job): Promise<void> {
    try {
      const made = await this.submit([{ ...failed.request, ...(await givenOf(failed)), seed: failed.seed }])
      if (made.length) await this.erase(failed.id)
    } catch (error) {
      this.#complain(error)
    }
  }

  async submit(requests: api.ImageRequest[]): Promise<Job[]> {
    const made: Job[] = []
    try {
      for (const request of requests) {
        const job = await submitSurely(request)
        made.push(job)
        // The answer says how it was when it was accepted; the stream may have told of it since.
        if (!this.#told.has(job.id)) this.take(job)
        this.#told.add(job.id)
        // Whoever draws wants to see that.
        this.chosen = null
      }
    } catch (error) {
      this.#complain(error)
    }
    return made
  }

  /** The page shows it as cancelled before the server has answered. */
  async cancel(id: string): Promise<void> {
    const before = this.recent.find((job) => job.id === id)
    this.recent = this.recent.filter((job) => job.id !== id)
    announcer.say('Cancelled.')
    try {
      this.take(await api.cancel(id))
    } catch (error) {
      if (before) this.take(before)
      session.heard(error)
    }
  }

  /** Everything that has not ended, also what the page does not show. */
  async cancelAll(): Promise<void> {
    this.recent = this.recent.filter((job) => !isLive(job))
    try {
      for (let more = true; more; ) {
        const page = await api.jobs({ state: 'queued,running' }, PAGE)
        for (const { id } of page.data) this.take(await api.cancel(id))
        more = page.has_more
      }
      announcer.say('All pictures are cancelled.')
    } catch (error) {
      session.heard(error)
      void this.refresh()
    }
  }

  async star(job: Job): Promise<void> {
    this.take({ ...job, starred: !job.starred })
    try {
      this.take(await api.star(job.id, !job.starred))
    } catch (error) {
      this.take(job)
      this.#complain(error)
    }
  }

  /** Take pictures away, with some seconds to take that back; the server is told after them, or when the page goes. */
  remove(gone: readonly Job[]): void {
    this.sweep()
    this.#doomed = new Map(gone.map((job) => [job.id, job]))
    for (const { id } of gone) this.#forget(id)
    announcer.tell(`${plural(gone.length, 'picture')} deleted.`, false, { name: 'Undo', act: () => this.restore(), over: () => this.sweep() })
  }

  /** Whether the page shows it as deleted. */
  isDoomed = (id: string): boolean => this.#doomed.has(id) || this.#going.has(id)
  get doomed(): number {
    return this.#doomed.size
  }

  restore(): void {
    const back = [...this.#doomed.values()]
    this.#doomed.clear()
    for (const job of back) this.take(job)
    this.restored++
    announcer.say(`${plural(back.length, 'picture')} restored.`)
  }

  /** Delete for good what was taken away. */
  sweep(): void {
    for (const job of this.#doomed.values()) {
      this.#going.add(job.id)
      void this.erase(job.id).then((done) => {
        this.#going.delete(job.id)
        if (done) return
        this.take(job)
        this.restored++
      })
    }
    this.#doomed = new Map()
  }

  /** Delete at once. True when it is gone. */
  async erase(id: string): Promise<boolean> {
    try {
      await api.remove(id)
    } catch (error) {
      if (!(error instanceof api.ApiError && error.status === 404)) {
        this.#complain(error)
        return false
      }
    }
    lineage.forget(id)
    this.#forget(id)
    return true
  }

  /** Put a job's newest state in its place. */
  take(job: Job): void {
    if (this.isDoomed(job.id)) return
    const at = this.recent.findIndex((known) => known.id === job.id)
    const before = this.recent[at]
    if (job.state === 'cancelled') this.recent = this.recent.filter((known) => known.id !== job.id)
    else if (before) this.recent[at] = job
    else if (!this.recent.length || job.created >= this.recent[this.recent.length - 1]!.created || isLive(job)) {
      const place = this.recent.findIndex((known) => known.created <= job.created)
      this.recent.splice(place < 0 ? this.recent.length : place, 0, job)
    }
    if (before && isLive(before) && !isLive(job)) this.#ended(job)
    for (const listener of this.listeners) listener(job, job.id)
  }

  #ended(job: Job): void {
    delete this.previews[job.id]
    this.#quarters.delete(job.id)
    if (job.state === 'finished') announcer.say(`Finished: ${job.request.prompt.slice(0, 80)}`)
    if (job.state === 'failed') announcer.say(`Failed: ${job.error?.message ?? 'no reason was given'}`)
  }

  #step(id: string, now: Progress): void {
    this.#change(id, (job) => ({ ...job, state: 'running', queue: null, progress: now }))
    const job = this.shown
    if (job?.id !== id) return
    // A screen reader hears a quarter at a time, not every step.
    const quarter = Math.floor(share(job) * 4)
    if (quarter > (this.#quarters.get(id) ?? 0) && quarter < 4) announcer.say(`${quarter * 25} percent. ${progress(job)}`)
    this.#quarters.set(id, quarter)
  }

  #change(id: string, change: (job: Job) => Job): void {
    const at = this.recent.findIndex((job) => job.id === id)
    const job = this.recent[at]
    if (job && isLive(job)) this.recent[at] = change(job)
  }

  #forget(id: string): void {
    this.recent = this.recent.filter((job) => job.id !== id)
    if (this.chosen === id) this.chosen = null
    for (const listener of this.listeners) listener(null, id)
  }

  /** A stream that breaks says nothing; a call tells whether the session ended or the server is away. */
  async #lookWhy(): Promise<void> {
    try {
      await session.look()
    } catch (error) {
      session.heard(error)
    }
  }

  /** Sign-in and the notice of a server that is away say those two themselves. */
  #complain(error: unknown): void {
    session.heard(error)
    if (error instanceof api.ApiError && error.status !== 401 && error.status !== 0) announcer.tell(error.message, true)
  }
}

/** Among finished and failed ones; null where none has ended. */
function lastEnded(recent: readonly Job[]): Job | null {
  return recent.filter((job) => !isLive(job)).reduce<Job | null>((last, job) => (last && (last.ended ?? 0) >= (job.ended ?? 0) ? last : job), null)
}

export const jobs = new Jobs()

/** A lost answer is asked for once more: the idempotency key keeps it from being drawn twice. */
async function submitSurely(request: api.ImageRequest): Promise<Job> {
  // crypto.randomUUID is only there on https and localhost.
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
  try {
    return await api.submit(request, key)
  } catch (error) {
    if (!(error instanceof api.ApiError) || error.status !== 0) throw error
    return api.submit(request, key)
  }
}

/** Finished pictures by keyset pages; new ones come in at the front. */
export class Gallery {
  /** Replaced, never changed: thousands of pictures need no proxies. */
  items = $state.raw<Job[]>([])
  total = $state<number | null>(null)
  loading = $state(false)
  done = $state(false)
  failed = $state(false)
  #filter: Filter = {}
  #cursor: string | null = null
  #asked = 0
  #known = new Map<string, number>()
  /** What changed while a page was on its way: its answer knows less of these. */
  #changed = new Map<string, Job | null>()

  constructor() {
    jobs.listeners.add(this.#hear)
  }

  close(): void {
    jobs.listeners.delete(this.#hear)
  }

  async show(filter: Filter): Promise<void> {
    this.#filter = filter
    this.#cursor = null
    this.done = false
    await this.#load(true)
  }

  async more(): Promise<void> {
    if (!this.loading && !this.done) await this.#load(false)
  }

  find(id: string): Job | undefined {
    const at = this.index(id)
    return this.items[at]
  }

  index(id: string): number {
    // The list is what changes and is watched; the map of it is not.
    return this.items.length ? (this.#known.get(id) ?? -1) : -1
  }

  async #load(fresh: boolean): Promise<void> {
    const asked = ++this.#asked
    this.loading = true
    this.failed = false
    this.#changed.clear()
    try {
      const page = await api.jobs({ ...this.#filter, state: 'finished', total: fresh }, PAGE, this.#cursor)
      // An answer to an older question is nobody's any more.
      if (asked !== this.#asked) return
      this.#cursor = page.next_cursor
      this.done = !page.has_more
      if (fresh) this.total = page.total === null ? null : Math.max(0, page.total - jobs.doomed)
      const found = page.data.filter((job) => !jobs.isDoomed(job.id)).flatMap((job) => this.#changed.get(job.id) ?? (this.#changed.has(job.id) ? [] : job))
      const newer = fresh && this.#unfiltered() ? this.items.filter((job) => this.#changed.has(job.id) && !found.some(({ id }) => id === job.id)) : []
      this.#put(fresh ? [...newer, ...found] : [...this.items, ...found.filter((job) => !this.#known.has(job.id))])
    } catch (error) {
      if (asked === this.#asked) this.failed = true
      session.heard(error)
    } finally {
      if (asked === this.#asked) this.loading = false
    }
  }

  #hear = (job: Job | null, id: string): void => {
    if (this.loading) this.#changed.set(id, job)
    const at = this.#known.get(id)
    if (!job) {
      if (at === undefined) return
      this.#put(this.items.filter((item) => item.id !== id))
      if (this.total !== null) this.total--
    } else if (at !== undefined) {
      this.items = this.items.with(at, job)
    } else if (job.state === 'finished' && this.#unfiltered() && job.created >= (this.items[0]?.created ?? 0)) {
      this.#put([job, ...this.items])
      if (this.total !== null) this.total++
    }
  }

  #unfiltered(): boolean {
    return Object.values(this.#filter).every((value) => !value)
  }

  #put(items: Job[]): void {
    this.#known = new Map(items.map((job, at) => [job.id, at]))
    this.items = items
  }
}
