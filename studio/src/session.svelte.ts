/** Who is signed in, which models there are, and whether the server can be reached. */
import { ApiError, models, signedIn, signIn, signOut, type Model } from './api'

const RETRY_MS = 2000

class Session {
  state = $state<'asking' | 'out' | 'in'>('asking')
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
      if (await signedIn()) await this.#enter()
      else this.state = 'out'
      this.reachable = true
    } catch {
      this.lost()
    }
  }

  /** @throws ApiError where the key is not valid or the server cannot be reached. */
  async signIn(key: string): Promise<void> {
    await signIn({ key })
    await this.#enter()
  }

  async signOut(): Promise<void> {
    await signOut().catch(() => undefined)
    this.ended()
  }

  /** The server no longer knows us. */
  ended(): void {
    this.state = 'out'
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

  async #enter(): Promise<void> {
    this.models = await models()
    this.state = 'in'
    this.reachable = true
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
