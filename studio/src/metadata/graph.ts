/**
 * Walking a graph of ComfyUI's backwards: an input is a value, or a wire to another node's output.
 *
 * No node is walked through twice in one search. Graphs branch and join, and without that a file of 2 kB is walked for ever.
 */

export type Wire = [node: string | number, output: number]
export interface Node {
  class_type: string
  inputs: Record<string, unknown>
}
export type Graph = Readonly<Record<string, unknown>>
/** What the sampler asked for: nodes between it and the prompts pass both on. */
export type Side = 'positive' | 'negative'

const TEXTS = ['text', 'text_g', 't5xxl', 'prompt', 'clip_l', 'text_l', 'value', 'string']
/** Nodes that join texts number them or letter them, and say what stands between. */
const PART = /^(text|string|prompt)[ _]?([a-z]|\d{1,2})$/i
const BETWEEN = ['delimiter', 'separator', 'joiner']
/** What nodes that only hold a value call it. */
const HOLDERS = ['value', 'int', 'number', 'float', 'string']
/** It takes a prompt and makes none of it. */
const SILENT = 'ConditioningZeroOut'
/** No wire needs more steps back, and a deeper search would have no room on the stack. */
const MAX_DEPTH = 200

export const isText = (value: unknown): value is string => typeof value === 'string'
export const isWire = (value: unknown): value is Wire =>
  Array.isArray(value) && value.length === 2 && (typeof value[0] === 'string' || typeof value[0] === 'number') && typeof value[1] === 'number'

export function node(graph: Graph, id: string | number): Node | undefined {
  const found = Object.hasOwn(graph, id) ? (graph[id] as Partial<Node> | null) : null
  return found && typeof found.class_type === 'string' && typeof found.inputs === 'object' && found.inputs !== null ? (found as Node) : undefined
}

interface Step {
  value: unknown
  /** It is what was looked for: a value here counts, whatever its node calls it. */
  wanted: boolean
}

/** The first value of the named inputs on the way back from `from`; itself, where it is `wanted`. */
export function search<T>(graph: Graph, from: unknown, names: string[], fits: (value: unknown) => value is T, side: Side = 'positive', wanted = false): T | undefined {
  const seen = new Set<string>()
  const steps: Step[] = [{ value: from, wanted }]
  for (let step = steps.pop(); step; step = steps.pop()) {
    const { value } = step
    if (step.wanted && fits(value)) return value
    if (!isWire(value) || seen.has(String(value[0]))) continue
    seen.add(String(value[0]))
    const next = node(graph, value[0])
    if (!next) continue
    const back = stepsBack(next, names, side, step.wanted)
    for (let at = back.length - 1; at >= 0; at--) steps.push(back[at]!)
  }
  return undefined
}

/** What is looked at next, in order: the named inputs, what only holds the value, every other wire. */
function stepsBack({ inputs }: Node, names: string[], side: Side, wanted: boolean): Step[] {
  const entries = Object.entries(inputs)
  const named = names.filter((name) => Object.hasOwn(inputs, name))
  const steps = named.map((name): Step => ({ value: inputs[name], wanted: true }))
  if (wanted && !named.length) {
    const held = entries.filter(([name]) => HOLDERS.includes(name.toLowerCase()))
    // A node with one input is what it holds, or passes it on.
    for (const [, value] of held.length ? held : entries.length === 1 ? entries : []) steps.push({ value, wanted: true })
  }
  const other = hasBoth(inputs) ? (side === 'positive' ? 'negative' : 'positive') : ''
  for (const [name, value] of entries) if (isWire(value) && name !== other) steps.push({ value, wanted: false })
  return steps
}

const hasBoth = (inputs: Node['inputs']): boolean => Object.hasOwn(inputs, 'positive') && Object.hasOwn(inputs, 'negative')

/** The text that conditions that side; several that are combined stand one after the other. */
export function promptOf(graph: Graph, from: unknown, side: Side): string | undefined {
  const seen = new Set<string>()
  const textOf = (value: unknown, depth: number): string | undefined => {
    if (isText(value)) return value
    if (!isWire(value) || depth > MAX_DEPTH || seen.has(String(value[0]))) return undefined
    seen.add(String(value[0]))
    const at = node(graph, value[0])
    if (!at || at.class_type === SILENT) return undefined
    return textIn(at.inputs, side, (next) => textOf(next, depth + 1))
  }
  return isWire(from) ? textOf(from, 0) : undefined
}

function textIn(inputs: Node['inputs'], side: Side, textOf: (value: unknown) => string | undefined): string | undefined {
  if (hasBoth(inputs)) return textOf(inputs[side])
  for (const name of TEXTS) {
    const said = textOf(inputs[name])
    if (said !== undefined) return said
  }
  const entries = Object.entries(inputs)
  const all = (wanted: (name: string, value: unknown) => boolean): string[] =>
    entries.filter(([name, value]) => wanted(name, value)).flatMap(([, value]) => textOf(value) ?? [])
  const parts = all((name) => PART.test(name))
  if (parts.length) return parts.join(String(BETWEEN.map((name) => inputs[name]).find(isText) ?? ', '))
  const combined = all((name, value) => name.startsWith('cond') && isWire(value))
  if (combined.length) return combined.filter(Boolean).join(', ')
  for (const [, value] of entries) {
    const said = isWire(value) ? textOf(value) : undefined
    if (said !== undefined) return said
  }
  return undefined
}
