/** The text that AUTOMATIC1111's web UI writes, and many tools after it: prompt, negative prompt, one line of pairs. */
import type { Settings } from '../draft.svelte'

const PAIR = /\s*([\w /-]+):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)/g
const NEGATIVE = 'Negative prompt:'

/** @returns null where the text has no line of pairs. */
export function readA1111(text: string): Settings | null {
  const lines = text.trim().split('\n')
  const last = lines.at(-1) ?? ''
  const pairs = new Map([...last.matchAll(PAIR)].map(([, name, value]) => [name!.trim(), unquote(value!.trim())]))
  if (!pairs.has('Steps') && !pairs.has('Seed')) return null
  const said = lines.slice(0, -1).join('\n')
  const at = said.startsWith(NEGATIVE) ? 0 : said.indexOf(`\n${NEGATIVE}`)
  const settings: Settings = {
    prompt: (at < 0 ? said : said.slice(0, at)).trim(),
    negativePrompt: at < 0 ? '' : said.slice(said.indexOf(NEGATIVE, at) + NEGATIVE.length).trim(),
    ...size(pairs.get('Size')),
    more: {},
  }
  const seed = Number(pairs.get('Seed'))
  if (Number.isInteger(seed) && seed >= 0) settings.seed = seed
  if (pairs.has('Model')) settings.model = pairs.get('Model')
  number(settings, 'steps', pairs.get('Steps'))
  number(settings, 'guidance_scale', pairs.get('CFG scale'))
  return settings
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value
  try {
    return String(JSON.parse(value))
  } catch {
    return value
  }
}

function size(value: string | undefined): { width?: number; height?: number } {
  const match = /^(\d+)x(\d+)$/.exec(value ?? '')
  return match ? { width: Number(match[1]), height: Number(match[2]) } : {}
}

/** Note a number among the further settings, if it is one. */
export function number(settings: Settings, name: string, value: unknown): void {
  const read = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  if (value !== undefined && value !== null && Number.isFinite(read)) (settings.more ??= {})[name] = read
}
