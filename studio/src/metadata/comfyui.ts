/** ComfyUI's graph (`prompt`, the API format): from the sampler, back along its wires, to what was asked for. */
import type { Settings } from '../draft.svelte'
import { number } from './a1111'

type Wire = [node: string, output: number]
interface Node {
  class_type: string
  inputs: Record<string, unknown>
}
type Graph = Record<string, Node>

const TEXTS = ['text', 'text_g', 't5xxl', 'prompt', 'clip_l', 'text_l', 'value', 'string']
const SEEDS = ['seed', 'noise_seed']
const MODELS = ['ckpt_name', 'unet_name', 'model_name']
/** No wire needs more steps back; a graph may be drawn in a circle. */
const MAX_DEPTH = 64

/** @returns null where no sampler is found. */
export function readComfyUI(json: string): Settings | null {
  const graph = JSON.parse(json) as Graph
  const nodes = Object.values(graph).filter((node) => node && typeof node.class_type === 'string' && node.inputs)
  const sampler = nodes.find((node) => wire(node.inputs['positive']) && wire(node.inputs['latent_image'])) ?? nodes.find((node) => wire(node.inputs['guider']))
  if (!sampler) return null
  const guider = wire(sampler.inputs['guider']) ? follow(graph, sampler.inputs['guider']) : sampler
  const settings: Settings = { more: {} }
  const positive = guider?.inputs['positive'] ?? guider?.inputs['conditioning']
  settings.prompt = search(graph, positive, TEXTS, isText)
  settings.negativePrompt = search(graph, guider?.inputs['negative'], TEXTS, isText) ?? ''
  settings.seed = own(graph, sampler, SEEDS) ?? search(graph, sampler.inputs['noise'], SEEDS, isNumber)
  settings.width = search(graph, sampler.inputs['latent_image'], ['width'], isNumber)
  settings.height = search(graph, sampler.inputs['latent_image'], ['height'], isNumber)
  settings.model = search(graph, guider?.inputs['model'] ?? sampler.inputs['model'], MODELS, isText)?.replace(/\.(safetensors|ckpt|gguf|sft)$/, '')
  number(settings, 'steps', own(graph, sampler, ['steps']) ?? search(graph, sampler.inputs['sigmas'], ['steps'], isNumber))
  number(settings, 'guidance_scale', own(graph, sampler, ['cfg']) ?? own(graph, guider, ['cfg']) ?? search(graph, positive, ['guidance'], isNumber))
  return settings.prompt === undefined && settings.seed === undefined ? null : settings
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'
const wire = (value: unknown): value is Wire => Array.isArray(value) && value.length === 2 && typeof value[1] === 'number'

function follow(graph: Graph, value: unknown): Node | undefined {
  return wire(value) ? graph[String(value[0])] : undefined
}

/** A number of that node, typed in or wired to a node that holds it. */
function own(graph: Graph, node: Node | undefined, names: string[]): number | undefined {
  for (const name of names) {
    const value = node?.inputs[name]
    const held = isNumber(value) ? value : follow(graph, value)?.inputs['value']
    if (isNumber(held)) return held
  }
  return undefined
}

/** The first of the named inputs on the way back from a wire. */
function search<T>(graph: Graph, from: unknown, names: string[], fits: (value: unknown) => value is T, depth = 0): T | undefined {
  const node = follow(graph, from)
  if (!node || depth > MAX_DEPTH) return undefined
  for (const name of names) {
    const value = node.inputs[name]
    if (fits(value)) return value
    const wired = wire(value) ? search(graph, value, names, fits, depth + 1) : undefined
    if (wired !== undefined) return wired
  }
  for (const value of Object.values(node.inputs)) {
    const found = wire(value) ? search(graph, value, names, fits, depth + 1) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
