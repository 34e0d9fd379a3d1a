/** ComfyUI's graph (`prompt`, the API format): from the sampler, back along its wires, to what was asked for. */
import type { Settings } from '../draft.svelte'
import { isText, isWire, node, promptOf, search, type Graph, type Node, type Side } from './graph'
import { readFields } from './json'
import { number, seedOf } from './values'

const SEEDS = ['seed', 'noise_seed']
const MODELS = ['ckpt_name', 'unet_name', 'model_name']
/** It draws without guidance, whatever another node says of guidance: then that one's number counts (Flux). */
const NO_GUIDANCE = 1

/** @returns null where no sampler is found. */
export function readComfyUI(json: string): Settings | null {
  return readGraph(readFields(json))
}

/** The same of a graph that is parsed already. */
export function readGraph(graph: Graph): Settings | null {
  const nodes = Object.keys(graph).flatMap((id) => node(graph, id) ?? [])
  const sampler = nodes.find(({ inputs }) => isWire(inputs['positive']) && isWire(inputs['latent_image'])) ?? nodes.find(({ inputs }) => isWire(inputs['guider']))
  if (!sampler) return null
  const of = sampler.inputs
  const guider = isWire(of['guider']) ? node(graph, of['guider'][0]) : sampler
  const positive = guider?.inputs['positive'] ?? guider?.inputs['conditioning']
  const settings: Settings = {
    prompt: promptOf(graph, positive, 'positive'),
    negativePrompt: promptOf(graph, guider?.inputs['negative'], 'negative') ?? '',
    seed: seedOf(own(graph, sampler, SEEDS) ?? search(graph, of['noise'], SEEDS, isSeed)),
    width: search(graph, of['latent_image'], ['width'], isNumber),
    height: search(graph, of['latent_image'], ['height'], isNumber),
    model: search(graph, guider?.inputs['model'] ?? of['model'], MODELS, isText)?.replace(/\.(safetensors|ckpt|gguf|sft)$/, ''),
    more: {},
  }
  number(settings, 'steps', own(graph, sampler, ['steps']) ?? search(graph, of['sigmas'], ['steps'], isNumber))
  number(settings, 'guidance_scale', guidance(graph, sampler, guider, positive))
  return settings.prompt === undefined && settings.seed === undefined ? null : settings
}

const isNumber = (value: unknown): value is number => typeof value === 'number'
const isSeed = (value: unknown): value is number | bigint => seedOf(value) !== undefined

function guidance(graph: Graph, sampler: Node, guider: Node | undefined, positive: unknown): unknown {
  const said = own(graph, sampler, ['cfg']) ?? own(graph, guider, ['cfg'])
  const side: Side = 'positive'
  return said === undefined || said === NO_GUIDANCE ? (search(graph, positive, ['guidance'], isNumber, side) ?? said) : said
}

/** A number of that node, typed in or wired to a node that holds it, whatever it calls it. */
function own(graph: Graph, of: Node | undefined, names: string[]): number | bigint | undefined {
  for (const name of names) {
    const value = of?.inputs[name]
    const found = isSeed(value) || isNumber(value) ? value : search(graph, value, names, (held): held is number | bigint => isNumber(held) || isSeed(held), 'positive', true)
    if (found !== undefined) return found
  }
  return undefined
}
