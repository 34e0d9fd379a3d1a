/** The settings that a picture was made with. This runs in a worker (worker.ts): `readFile` is what the page calls. */
import type { Settings } from '../draft.svelte'
import { readA1111 } from './a1111'
import { readComfyUI, readGraph } from './comfyui'
import { readTexts } from './containers'
import { readFields } from './json'
import { readCivitai, readFooocus, readInvokeAI, readNovelAI, readSafelight, readSwarmUI } from './others'
import type { Texts } from './texts'

export interface Found {
  source: 'Safelight' | 'AUTOMATIC1111' | 'ComfyUI' | 'InvokeAI' | 'Fooocus' | 'SwarmUI' | 'NovelAI' | 'Civitai'
  settings: Settings
}

export type Reading = { found: Found } | { found: null; why: 'unknown format' | 'no settings' | 'took too long' | 'not read' }

export async function readSettings(file: Uint8Array): Promise<Reading> {
  const texts = await readTexts(file)
  if (!texts) return { found: null, why: 'unknown format' }
  for (const attempt of READERS) {
    const found = quietly(() => attempt(texts))
    if (found) return { found }
  }
  return { found: null, why: 'no settings' }
}

type Reader = (texts: Texts) => Found | null

/** In this order: the most telling first, and the text that many write last. */
const READERS: Reader[] = [
  (texts) => named('Safelight', readSafelight(texts.get('xmp') ?? '')),
  (texts) => named('InvokeAI', readInvokeAI(texts.get('invokeai_metadata') ?? texts.get('sd-metadata') ?? '{}')),
  (texts) => named('SwarmUI', firstJson(texts, readSwarmUI)),
  (texts) => named('Fooocus', firstJson(texts, readFooocus)),
  (texts) => named('NovelAI', firstJson(texts, readNovelAI)),
  (texts) => named('Civitai', firstJson(texts, readCivitai)),
  (texts) => named('ComfyUI', readComfyUI(texts.get('prompt') ?? prefixed(texts, 'prompt:') ?? '{}')),
  (texts) => named('ComfyUI', firstJson(texts, readGraph)),
  (texts) => named('AUTOMATIC1111', firstText(texts, readA1111)),
]

/** Where tools put their one text: a PNG's `parameters`, a user comment, a JPEG's comment, a description. */
const PLACES = ['parameters', 'UserComment', 'comment', 'Comment', 'ImageDescription', 'Description']

function firstText(texts: Texts, read: (text: string) => Settings | null): Settings | null {
  for (const place of PLACES) {
    const text = texts.get(place)
    const settings = text ? read(text) : null
    if (settings) return settings
  }
  return null
}

function firstJson(texts: Texts, read: (fields: Record<string, unknown>) => Settings | null): Settings | null {
  return firstText(texts, (text) => {
    if (!text.trimStart().startsWith('{')) return null
    try {
      return read(readFields(text))
    } catch {
      return null
    }
  })
}

/** ComfyUI's WebP files carry `prompt:{…}` in EXIF fields meant for cameras; some writers say `Prompt: {…}`. */
function prefixed(texts: Texts, prefix: string): string | undefined {
  for (const text of texts.values()) if (text.slice(0, prefix.length).toLowerCase() === prefix) return text.slice(prefix.length)
  return undefined
}

function named(source: Found['source'], settings: Settings | null): Found | null {
  return settings && { source, settings }
}

/** Whatever a file holds, reading it never breaks the page. */
function quietly(read: () => Found | null): Found | null {
  try {
    return read()
  } catch {
    return null
  }
}
