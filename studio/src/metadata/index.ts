/** The settings that a picture was made with, read from its file in the browser. */
import type { Settings } from '../draft.svelte'
import { readA1111 } from './a1111'
import { readComfyUI } from './comfyui'
import { readTexts, type Texts } from './containers'
import { readFooocus, readInvokeAI, readSafelight, readSwarmUI } from './others'

export interface Found {
  source: 'Safelight' | 'AUTOMATIC1111' | 'ComfyUI' | 'InvokeAI' | 'Fooocus' | 'SwarmUI'
  settings: Settings
}

export type Reading = { found: Found } | { found: null; why: 'unknown format' | 'no settings' }

export async function readSettings(file: Uint8Array): Promise<Reading> {
  let read: Texts | null
  try {
    read = await readTexts(file)
  } catch {
    // A file that ends too soon or lies about its lengths has nothing to say.
    return { found: null, why: 'no settings' }
  }
  if (!read) return { found: null, why: 'unknown format' }
  for (const attempt of READERS) {
    const found = quietly(() => attempt(read.texts))
    if (found) return { found }
  }
  return { found: null, why: 'no settings' }
}

type Reader = (texts: Record<string, string>) => Found | null

/** In this order: the most telling first, and the text that many write last. */
const READERS: Reader[] = [
  ({ xmp }) => named('Safelight', xmp ? readSafelight(xmp) : null),
  (texts) => named('InvokeAI', readInvokeAI(texts['invokeai_metadata'] ?? texts['sd-metadata'] ?? '{}')),
  (texts) => named('SwarmUI', firstJson(texts, readSwarmUI)),
  (texts) => named('Fooocus', firstJson(texts, readFooocus)),
  (texts) => named('ComfyUI', readComfyUI(texts['prompt'] ?? prefixed(texts, 'prompt:') ?? '{}')),
  (texts) => named('AUTOMATIC1111', firstText(texts, readA1111)),
]

/** Where tools put their one text: a PNG's `parameters`, a user comment, a JPEG's comment, a description. */
const PLACES = ['parameters', 'UserComment', 'comment', 'Comment', 'ImageDescription', 'Description']

function firstText(texts: Record<string, string>, read: (text: string) => Settings | null): Settings | null {
  for (const place of PLACES) {
    const text = texts[place]
    const settings = text ? read(text) : null
    if (settings) return settings
  }
  return null
}

function firstJson(texts: Record<string, string>, read: (fields: Record<string, unknown>) => Settings | null): Settings | null {
  return firstText(texts, (text) => (text.trimStart().startsWith('{') ? read(JSON.parse(text) as Record<string, unknown>) : null))
}

/** ComfyUI's WebP files carry `prompt:{…}` in EXIF fields meant for cameras. */
function prefixed(texts: Record<string, string>, prefix: string): string | undefined {
  return Object.values(texts)
    .find((text) => text.startsWith(prefix))
    ?.slice(prefix.length)
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
