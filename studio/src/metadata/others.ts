/** Our own request, and the JSON of InvokeAI, Fooocus, SwarmUI, NovelAI and Civitai. */
import type { Settings } from '../draft.svelte'
import { parseSize } from '../sizes'
import { readGraph } from './comfyui'
import { readFields } from './json'
import { number, seedOf, sideOf, textOf } from './values'

type Fields = Record<string, unknown>

const [OURS, OURS_END] = ['<safelight:request', '</safelight:request>']

/** The request that Safelight writes into XMP (urn:safelight:metadata:1.0#). */
export function readSafelight(xmp: string): Settings | null {
  // Three looks forward: an expression would begin anew at every tag that is never closed.
  const tag = xmp.indexOf(OURS)
  const start = tag < 0 ? -1 : xmp.indexOf('>', tag)
  const end = start < 0 ? -1 : xmp.indexOf(OURS_END, start)
  if (end < 0) return null
  const fields = readFields(unescape(xmp.slice(start + 1, end)))
  const settings: Settings = {
    ...common(fields),
    ...parseSize(String(fields['size'] ?? '')),
    model: textOf(fields['model']),
    format: textOf(fields['output_format']),
  }
  number(settings, 'steps', fields['steps'])
  number(settings, 'guidance_scale', fields['guidance_scale'])
  number(settings, 'output_compression', fields['output_compression'])
  const quality = textOf(fields['quality'])
  if (quality) (settings.more ??= {})['quality'] = quality
  return settings
}

/** `invokeai_metadata` (3 and later) and `sd-metadata` (2). */
export function readInvokeAI(json: string): Settings | null {
  const fields = readFields(json)
  const image = (fields['image'] ?? fields) as Fields
  const prompt = image['positive_prompt'] ?? oldPrompt(image['prompt'])
  if (prompt === undefined) return null
  const model = fields['model'] as Fields | string | null | undefined
  const settings: Settings = {
    ...common({ ...image, prompt }),
    width: sideOf(image['width']),
    height: sideOf(image['height']),
    model: textOf(typeof model === 'object' ? (model?.['name'] ?? model?.['model_name']) : (fields['model_weights'] ?? model)),
  }
  number(settings, 'steps', image['steps'])
  number(settings, 'guidance_scale', image['cfg_scale'])
  return settings
}

/** Fooocus' own scheme; its other one is the text of AUTOMATIC1111. */
export function readFooocus(fields: Fields): Settings | null {
  if (!('resolution' in fields && ('base_model' in fields || 'full_prompt' in fields))) return null
  const settings: Settings = { ...common(fields), model: textOf(fields['base_model'])?.replace(/\.safetensors$/, '') }
  const size = /^\D{0,3}(\d{1,5})\D{1,5}(\d{1,5})\D{0,3}$/.exec(String(fields['resolution']))
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
    width: sideOf(said['width']),
    height: sideOf(said['height']),
    model: textOf(said['model']),
  }
  number(settings, 'steps', said['steps'])
  number(settings, 'guidance_scale', said['cfgscale'])
  return settings
}

/** NovelAI's `Comment`: `uc` is what its negative prompt is called there. */
export function readNovelAI(fields: Fields): Settings | null {
  if (!('uc' in fields && 'sampler' in fields)) return null
  const settings: Settings = { ...common({ ...fields, negative_prompt: fields['uc'] }), width: sideOf(fields['width']), height: sideOf(fields['height']) }
  number(settings, 'steps', fields['steps'])
  number(settings, 'guidance_scale', fields['scale'])
  return settings
}

/** What Civitai draws: a graph, and beside it what was asked for, as JSON in a text. The graph alone knows size and model. */
export function readCivitai(fields: Fields): Settings | null {
  const said = textOf(fields['extraMetadata'])
  if (!said) return null
  const extra = readFields(said)
  const settings: Settings = { ...readGraph(fields), ...common({ ...extra, negative_prompt: extra['negativePrompt'] }) }
  number(settings, 'steps', extra['steps'])
  number(settings, 'guidance_scale', extra['cfgScale'])
  return settings
}

function common(fields: Fields): Settings {
  return {
    prompt: textOf(fields['prompt']) ?? '',
    negativePrompt: textOf(fields['negative_prompt']) ?? '',
    seed: seedOf(fields['seed']),
  }
}

function oldPrompt(prompt: unknown): string | undefined {
  if (Array.isArray(prompt)) return prompt.map((part: Fields | null) => String(part?.['prompt'] ?? '')).join(' ')
  return textOf(prompt)
}

function unescape(escaped: string): string {
  return escaped.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&apos;', "'").replaceAll('&amp;', '&')
}
