/** Our own request, and the JSON of InvokeAI, Fooocus and SwarmUI. */
import type { Settings } from '../draft.svelte'
import { parseSize } from '../sizes'
import { number } from './a1111'

type Fields = Record<string, unknown>

const OURS = /<safelight:request[^>]*>([\s\S]*?)<\/safelight:request>/

/** The request that Safelight writes into XMP (urn:safelight:metadata:1.0#). */
export function readSafelight(xmp: string): Settings | null {
  const escaped = OURS.exec(xmp)?.[1]
  if (escaped === undefined) return null
  const fields = JSON.parse(unescape(escaped)) as Fields
  const settings: Settings = {
    ...common(fields),
    ...parseSize(String(fields['size'] ?? '')),
    model: textOf(fields['model']),
    format: textOf(fields['output_format']),
  }
  number(settings, 'steps', fields['steps'])
  number(settings, 'guidance_scale', fields['guidance_scale'])
  return settings
}

/** `invokeai_metadata` (3 and later) and `sd-metadata` (2). */
export function readInvokeAI(json: string): Settings | null {
  const fields = JSON.parse(json) as Fields
  const image = (fields['image'] ?? fields) as Fields
  const prompt = image['positive_prompt'] ?? oldPrompt(image['prompt'])
  if (prompt === undefined) return null
  const model = fields['model'] as Fields | string | undefined
  const settings: Settings = {
    ...common({ ...image, prompt }),
    width: numberOf(image['width']),
    height: numberOf(image['height']),
    model: textOf(typeof model === 'object' ? (model['name'] ?? model['model_name']) : (fields['model_weights'] ?? model)),
  }
  number(settings, 'steps', image['steps'])
  number(settings, 'guidance_scale', image['cfg_scale'])
  return settings
}

/** Fooocus' own scheme; its other one is the text of AUTOMATIC1111. */
export function readFooocus(fields: Fields): Settings | null {
  if (!('resolution' in fields && ('base_model' in fields || 'full_prompt' in fields))) return null
  const size = /(\d+)\D+(\d+)/.exec(String(fields['resolution']))
  const settings: Settings = { ...common(fields), model: textOf(fields['base_model'])?.replace(/\.safetensors$/, '') }
  if (size) Object.assign(settings, { width: Number(size[1]), height: Number(size[2]) })
  number(settings, 'steps', fields['steps'])
  number(settings, 'guidance_scale', fields['guidance_scale'])
  return settings
}

export function readSwarmUI(fields: Fields): Settings | null {
  const said = fields['sui_image_params'] as Fields | undefined
  if (!said) return null
  const settings: Settings = {
    ...common({ ...said, negative_prompt: said['negativeprompt'] }),
    width: numberOf(said['width']),
    height: numberOf(said['height']),
    model: textOf(said['model']),
  }
  number(settings, 'steps', said['steps'])
  number(settings, 'guidance_scale', said['cfgscale'])
  return settings
}

function common(fields: Fields): Settings {
  const seed = Number(fields['seed'])
  return {
    prompt: textOf(fields['prompt']) ?? '',
    negativePrompt: textOf(fields['negative_prompt']) ?? '',
    seed: fields['seed'] !== undefined && Number.isSafeInteger(seed) && seed >= 0 ? seed : undefined,
  }
}

function oldPrompt(prompt: unknown): string | undefined {
  if (Array.isArray(prompt)) return prompt.map((part: Fields) => String(part['prompt'] ?? '')).join(' ')
  return textOf(prompt)
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined
}

function unescape(escaped: string): string {
  return escaped.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&apos;', "'").replaceAll('&amp;', '&')
}
