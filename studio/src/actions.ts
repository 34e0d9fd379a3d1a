/** What can be done with a picture, wherever it is shown. */
import * as api from './api'
import type { Job } from './api'
import { announcer } from './announcer.svelte'
import { draft, settingsOf } from './draft.svelte'
import { fileName, plural } from './format'
import { factsOf } from './lineage.svelte'
import { controls } from './controls.svelte'
import { pictures } from './pictures.svelte'
import { router } from './route.svelte'
import { snippet, type Language } from './snippets'
import { ui } from './ui.svelte'
import { zip } from './zip'

export type Part = 'all' | 'prompt' | 'seed' | 'remix'

const TAKEN: Record<Part, string> = {
  all: 'All settings of the picture are in the form.',
  prompt: 'The prompt is in the form.',
  seed: 'The seed is in the form.',
  remix: 'All settings but the seed are in the form.',
}

/** Fill the form from a picture: all of it, or a part. Remix is everything with a fresh seed. */
export async function reuse(job: Job, part: Part): Promise<void> {
  if (part === 'all' || part === 'remix') {
    try {
      await pictures.takeFrom(job)
      await controls.takeFrom(job)
    } catch (error) {
      announcer.tell((error as Error).message, true)
      return
    }
  }
  const settings = settingsOf(job)
  const { prompt, negativePrompt, seed } = settings
  const missing = draft.apply({ all: settings, prompt: { prompt, negativePrompt }, seed: { seed }, remix: { ...settings, seed: undefined } }[part])
  if (part === 'remix') draft.seed = null
  router.go('')
  announcer.tell(missing.length ? `${TAKEN[part]} This server does not offer: ${missing.join(', ')}.` : TAKEN[part])
}

/** Draw from that picture: it is the first and only one in the form. */
export async function edit(job: Job): Promise<void> {
  try {
    await pictures.beginWith(job)
  } catch (error) {
    announcer.tell((error as Error).message, true)
    return
  }
  toForm()
}

/** Draw from these files too. */
export async function addFiles(files: readonly File[]): Promise<void> {
  const before = pictures.list.length
  for (const file of files) {
    try {
      await pictures.add(file, file.name)
    } catch (error) {
      announcer.tell((error as Error).message, true)
    }
  }
  if (pictures.list.length > before) toForm()
}

/** Where the chosen model draws from words alone, one that takes pictures is chosen, and that is said. */
function toForm(): void {
  const taker = draft.takers[0]
  const before = draft.entry
  router.go('')
  if (draft.edits || !taker || !before) {
    announcer.say('The picture is in the form. Write what should change.')
    return
  }
  draft.model = taker.id
  announcer.tell(`${before.id} draws from words alone: ${taker.id} is chosen.`)
}

export async function copyAs(job: Job, language: Language): Promise<void> {
  const { negative_prompt, aspect_ratio, images, mask, control, ...said } = job.request
  const request = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null)) as Record<string, api.Value | object>
  const asked: api.ImageRequest = { ...request, model: job.request.model, prompt: job.request.prompt, seed: job.seed }
  if (negative_prompt) asked['negative_prompt'] = negative_prompt
  if (asked['size']) delete asked['aspect_ratio']
  const names = images ? factsOf(job).map((_, place) => `input-${place + 1}.png`) : []
  const files = names.length ? ` The pictures that it draws from are ${[...names, ...(mask ? ['mask.png'] : [])].join(', ')}.` : control ? ' The maps that it follows are not in it.' : ''
  await copy(snippet(language, asked, api.baseUrl(), { images: names, ...(mask ? { mask: 'mask.png' } : {}) }), `The code is copied. It reads your key from the variable DIFFUSION_KEY, which \`safelight env\` sets.${files}`)
}

export async function copy(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    announcer.tell(done)
  } catch {
    announcer.tell('The browser did not allow copying. Browsers allow it only on https and on localhost.', true)
  }
}

export async function download(job: Job): Promise<void> {
  try {
    save(await api.picture(job.id, ui.settingsInFiles), fileName(job))
  } catch (error) {
    announcer.tell((error as Error).message, true)
  }
}

/** Several pictures as one zip, fetched a few at a time. */
export async function downloadAll(chosen: readonly Job[]): Promise<void> {
  announcer.say(`Collecting ${plural(chosen.length, 'picture')}.`)
  try {
    const entries = []
    for (const job of chosen) {
      entries.push({ name: fileName(job), data: new Uint8Array(await (await api.picture(job.id, ui.settingsInFiles)).arrayBuffer()) })
    }
    save(zip(entries), `safelight-${chosen.length}-pictures.zip`)
  } catch (error) {
    announcer.tell((error as Error).message, true)
  }
}

export function save(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
