/** Loading the page again, but only while there is a server to load it from: its own words are better than a browser's. */
import { announcer } from './announcer.svelte'
import { whoIsThere } from './api'

export async function reload(quietly = false): Promise<void> {
  try {
    await whoIsThere()
  } catch (error) {
    if (!quietly) announcer.tell((error as Error).message, true)
    return
  }
  location.reload()
}
