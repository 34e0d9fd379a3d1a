/** One side of a grid: a parameter and the values that it takes, as typed. */
import type { ImageRequest, Model, Parameter, Value } from './api'
import { parseSize, sidesOf, sizeFault, type Shape } from './sizes'
import { numberFault, title } from './values'

export interface Axis {
  parameter: string
  text: string
}

/** What an axis may vary, with what it offers to begin with. */
export interface Choice {
  parameter: string
  name: string
  start: string
}

export interface Offer {
  models: readonly Model[]
  shapes: readonly Shape[]
  parameters: Readonly<Record<string, Parameter>>
  extras: readonly (readonly [string, Parameter])[]
}

export interface Cell {
  label: string
  change: Partial<ImageRequest>
}

export const NO_AXIS = ''
export const MAX_CELLS = 64

export function choices(offer: Offer, prompt: string): Choice[] {
  const list: Choice[] = [{ parameter: NO_AXIS, name: 'Nothing', start: '' }]
  if (offer.parameters['seed']) list.push({ parameter: 'seed', name: 'Seed', start: '1, 2, 3' })
  list.push({ parameter: 'prompt', name: 'Prompt', start: prompt })
  if (offer.shapes.length) list.push({ parameter: 'size', name: 'Shape', start: offer.shapes.slice(0, 3).map((shape) => shape.ratio).join(', ') })
  if (offer.models.length > 1) list.push({ parameter: 'model', name: 'Model', start: offer.models.map((model) => model.id).join(', ') })
  for (const [parameter, { values, minimum, maximum }] of offer.extras) {
    const start = values ?? [minimum, maximum].filter((bound) => bound !== undefined)
    list.push({ parameter, name: title(parameter), start: start.join(', ') })
  }
  return list
}

/**
 * The cells of an axis. Prompts are one a line, everything else is parted by commas or lines.
 * @throws Error that says which value is not possible.
 */
export function cells(axis: Axis, offer: Offer): Cell[] {
  if (axis.parameter === NO_AXIS) return [{ label: '', change: {} }]
  const parts = axis.text
    .split(axis.parameter === 'prompt' ? /\n/ : /[,\n]/)
    .map((part) => part.trim())
    .filter(Boolean)
  if (!parts.length) throw new Error(`Give at least one value for ${axis.parameter}.`)
  return parts.map((part) => ({ label: part, change: { [axis.parameter]: value(axis.parameter, part, offer) } }))
}

function value(parameter: string, text: string, offer: Offer): Value {
  if (parameter === 'prompt') return text
  if (parameter === 'size') {
    const shape = offer.shapes.find(({ ratio, size }) => ratio === text || size === text)
    if (shape) return shape.size
    const sides = sidesOf(offer.parameters['size'])
    const fault = sides && parseSize(text) ? sizeFault(text, [], sides) : `There is no shape ${text}. Shapes: ${offer.shapes.map(({ ratio }) => ratio).join(', ')}.`
    if (fault) throw new Error(fault)
    return text
  }
  if (parameter === 'model') {
    if (!offer.models.some(({ id, aliases }) => id === text || aliases.includes(text))) throw new Error(`There is no model ${text} here.`)
    return text
  }
  return typed(parameter, text, offer.parameters[parameter])
}

function typed(name: string, text: string, parameter: Parameter | undefined): Value {
  if (!parameter) throw new Error(`This model has no ${name}.`)
  if (parameter.type === 'boolean') return text === 'true'
  if (parameter.values && !parameter.values.includes(text)) throw new Error(`${name} is one of ${parameter.values.join(', ')}, not ${text}.`)
  if (parameter.type === 'string' || parameter.type === 'enum') return text
  const number = Number(text)
  const fault = numberFault(name, number, parameter, text)
  if (fault) throw new Error(fault)
  return number
}
