/** What a form says to the server: whether it is under way, and what was wrong with it. */
import { session } from './session.svelte'

export class Saving {
  busy = $state(false)
  fault = $state('')

  /** Do it; a fault is shown and not thrown. */
  async run(what: () => Promise<void>): Promise<void> {
    this.busy = true
    this.fault = ''
    try {
      await what()
    } catch (error) {
      session.heard(error)
      this.fault = (error as Error).message
    } finally {
      this.busy = false
    }
  }
}
