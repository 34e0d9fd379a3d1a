/** The text that AUTOMATIC1111's web UI writes, and many tools after it: prompt, negative prompt, one line of pairs. */
import type { Settings } from '../draft.svelte'
import { number, seedOf } from './values'

const NEGATIVE = 'Negative prompt:'

/** @returns null where the text has no line of pairs. */
export function readA1111(text: string): Settings | null {
  const lines = text.trim().split('\n')
  // Some tools write further lines below it: the last that looks like it is it.
  for (let at = lines.length - 1; at >= 0; at--) {
    const pairs = pairsOf(lines[at]!)
    if (pairs.has('Steps') || pairs.has('Seed')) return settingsOf(lines.slice(0, at).join('\n'), pairs)
  }
  return null
}

function settingsOf(said: string, pairs: Map<string, string>): Settings {
  const at = said.startsWith(NEGATIVE) ? 0 : said.indexOf(`\n${NEGATIVE}`)
  const settings: Settings = {
    prompt: (at < 0 ? said : said.slice(0, at)).trim(),
    negativePrompt: at < 0 ? '' : said.slice(said.indexOf(NEGATIVE, at) + NEGATIVE.length).trim(),
    ...size(pairs.get('Size')),
    more: {},
  }
  const seed = seedOf(pairs.get('Seed'))
  if (seed !== undefined) settings.seed = seed
  if (pairs.has('Model')) settings.model = pairs.get('Model')
  number(settings, 'steps', pairs.get('Steps'))
  number(settings, 'guidance_scale', pairs.get('CFG scale'))
  return settings
}

/**
 * `name: value, name: "value, with a comma"`. Read from left to right, never back: an expression for this takes a cubic time.
 * A value in quotation marks ends at the next mark at the latest, so that no stretch is looked at more than twice.
 */
function pairsOf(line: string): Map<string, string> {
  const pairs = new Map<string, string>()
  for (let at = 0; at < line.length; ) {
    const colon = line.indexOf(':', at)
    if (colon < 0) break
    // A comma before the colon ends something that was no pair.
    const name = line.slice(Math.max(at, line.lastIndexOf(',', colon) + 1), colon).trim()
    let start = colon + 1
    while (line[start] === ' ') start++
    const end = quotedEnd(line, start) ?? nextComma(line, start)
    pairs.set(name, unquote(line.slice(start, end).trim()))
    at = end + 1
  }
  return pairs
}

/** Where a quoted value ends that a comma or the line's end follows. */
function quotedEnd(line: string, start: number): number | undefined {
  if (line[start] !== '"') return undefined
  let at = start + 1
  while (at < line.length && line[at] !== '"') at += line[at] === '\\' ? 2 : 1
  const end = at + 1
  return at < line.length && (end === line.length || line[end] === ',') ? end : undefined
}

function nextComma(line: string, from: number): number {
  const comma = line.indexOf(',', from)
  return comma < 0 ? line.length : comma
}

function unquote(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value
  try {
    return String(JSON.parse(value))
  } catch {
    return value
  }
}

function size(value: string | undefined): { width?: number; height?: number } {
  const match = /^(\d{1,6})x(\d{1,6})$/.exec(value ?? '')
  return match ? { width: Number(match[1]), height: Number(match[2]) } : {}
}
