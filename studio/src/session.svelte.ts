/** Who is signed in, which models there are, and whether the server can be reached. */
import { ApiError, models, signIn, signOut, whoIsThere, type Model, type Who } from './api'

const RETRY_MS = 2000

class Session {
  state = $state<'asking' | 'out' | 'in'>('asking')
  who = $state.raw<Who | null>(null)
  models = $state<Model[]>([])
  reachable = $state(true)
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    addEventListener('offline', () => this.lost())
  }

  /** Look whether a session is there; a one-time token in the address becomes one. */
  async begin(token: string | null): Promise<void> {
    try {
      if (token) await signIn({ token }).catch((error: unknown) => this.#onlyRefused(error))
      await this.look()
      this.reachable = true
    } catch {
      this.lost()
    }
  }

  /** @throws ApiError where the key is not valid or the server cannot be reached. */
  async signIn(key: string): Promise<void> {
    await signIn({ key })
    await this.look()
  }

  /** @throws ApiError where the server cannot be reached: then the session goes on. */
  async signOut(): Promise<void> {
    await signOut()
    this.ended()
  }

  /** Ask whose session it is: another page may have signed out, or somebody else in. @throws ApiError */
  async look(): Promise<void> {
    const who = await whoIsThere()
    if (!who) return this.ended()
    if (who.key_id !== this.who?.key_id) this.models = []
    this.models = await models()
    if (who.key_id !== this.who?.key_id || who.admin !== this.who?.admin) this.who = who
    this.state = 'in'
    this.reachable = true
  }

  /** The server no longer knows us. */
  ended(): void {
    this.state = 'out'
    this.who = null
    this.models = []
  }

  /** The server cannot be reached: ask again until it can. */
  lost(): void {
    this.reachable = false
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#retry(), RETRY_MS)
  }

  /** What every failed call means for the session. */
  heard(error: unknown): void {
    if (!(error instanceof ApiError)) return
    if (error.status === 401) this.ended()
    if (error.status === 0) this.lost()
  }

  async refreshModels(): Promise<void> {
    try {
      this.models = await models()
    } catch (error) {
      this.heard(error)
    }
  }

  async #retry(): Promise<void> {
    if (!navigator.onLine) {
      addEventListener('online', () => void this.#retry(), { once: true })
      return
    }
    await this.begin(null)
  }

  #onlyRefused(error: unknown): void {
    if (!(error instanceof ApiError) || error.status === 0) throw error
  }
}

export const session = new Session()
