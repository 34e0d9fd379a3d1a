/** What a model is good for, and what a prompt should know of it. */
import type { Model } from './api'
import { sidesOf } from './sizes'

const POSTCARD = 'postcard'

/** One line for each model. */
export function lineOf(model: Model): string {
  if (model.status === 'failed') return `This model cannot draw. ${model.reason ?? "The reason is in the server's log."}`
  const name = model.drawn_by === model.id ? '' : `Drawn by ${model.drawn_by}. `
  if (model.drawn_by === POSTCARD) return `${model.id === POSTCARD ? 'Postcard' : 'Drawn by Postcard'}: illustrations of scenes, from English prompts.`
  const { size, steps, negative_prompt } = model.capabilities.parameters
  const sides = sidesOf(size)
  const facts = [
    sides ? `sides of ${sides.least} to ${sides.most} pixels` : size?.values?.length ? `${size.values.length} shapes` : '',
    steps?.default ? `${steps.default} steps` : '',
    negative_prompt ? 'negative prompts' : '',
  ].filter(Boolean)
  const said = facts.join(', ')
  return `${name}${said.charAt(0).toUpperCase()}${said.slice(1)}${said ? '.' : ''}`
}

/** Letters that are not Latin. Marks, digits, signs and emoji belong to no script that would matter. */
const OTHER_SCRIPT = /(?!\p{Script=Latin})\p{L}/u
const PHOTOGRAPH = /\b(photo|photos|photograph|photography|photorealistic|photo-realistic|dslr|bokeh|35mm|85mm|f\/\d|realistic|hyperrealistic|4k|8k)\b/i

/** What the bundled illustrator makes of a prompt that asks for what it cannot; empty where there is nothing to say. */
export function hintFor(model: Model | undefined, prompt: string): string {
  if (model?.drawn_by !== POSTCARD) return ''
  // The beginning tells; prompts may have ten thousand characters.
  const said = prompt.slice(0, 2000)
  if (OTHER_SCRIPT.test(said)) return 'Postcard reads English. It will not know these words.'
  if (PHOTOGRAPH.test(said)) return 'Postcard draws illustrations. It makes no photographs.'
  return ''
}
