/** The maps that the next picture follows, by the name of a ControlNet. */
import * as api from './api'
import type { Given, Job } from './api'
import { controlsOf, factsOf } from './lineage.svelte'
import { given, readied } from './pictures.svelte'

export interface Followed {
  readonly blob: Blob
  /** An address for this page alone. */
  readonly url: string
  readonly name: string
}

class Controls {
  /** Replaced, never changed. */
  maps = $state.raw<Readonly<Record<string, Followed>>>({})

  /** @throws Error in a sentence, where the file is no picture that this browser can show. */
  async put(control: string, blob: Blob, name: string): Promise<void> {
    const { sent } = await readied(blob, name)
    this.#replace({ ...this.maps, [control]: { blob: sent, url: URL.createObjectURL(sent), name } })
  }

  remove(control: string): void {
    this.#replace(Object.fromEntries(Object.entries(this.maps).filter(([name]) => name !== control)))
  }

  /** Take those that a job followed; none where it followed none. @throws Error as `put`, and where one is gone. */
  async takeFrom(job: Job): Promise<void> {
    this.#replace({})
    const first = factsOf(job).length
    for (const [place, control] of controlsOf(job).entries()) {
      await this.put(control, await api.input(job.id, first + place), `A map of “${job.request.prompt}”`)
    }
  }

  /** The field of a request that says them; none where the model has none of that name. */
  async begin(names: readonly string[]): Promise<{ control?: Record<string, Given> }> {
    const said = Object.entries(this.maps).filter(([name]) => names.includes(name))
    if (!said.length) return {}
    return { control: Object.fromEntries(await Promise.all(said.map(async ([name, { blob }]) => [name, await given(blob)] as const))) }
  }

  #replace(maps: Readonly<Record<string, Followed>>): void {
    for (const [name, { url }] of Object.entries(this.maps)) if (maps[name]?.url !== url) URL.revokeObjectURL(url)
    this.maps = maps
  }
}

export const controls = new Controls()
