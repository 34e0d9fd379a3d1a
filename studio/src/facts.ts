/** Everything that a picture was made with, as rows of name and value. */
import type { Job } from './api'
import { controlsOf } from './lineage.svelte'
import { plainRatioOf } from './sizes'
import { title } from './values'

export type Fact = [name: string, value: string]

const NAMED = ['model', 'prompt', 'negative_prompt', 'size', 'aspect_ratio', 'output_format', 'seed', 'images', 'mask', 'control', 'rewrite', 'response_format']

export function parameters(job: Job): Fact[] {
  const ratio = plainRatioOf(`${job.width}x${job.height}`)
  const facts: Fact[] = [
    ['Prompt', job.request.prompt],
    ['Drawn prompt', job.revised_prompt ?? ''],
    ['Negative prompt', String(job.request['negative_prompt'] ?? '')],
    ['Model', job.model],
    ['Drawn by', job.drawn_by === job.model ? '' : job.drawn_by],
    ['Size', `${job.width} × ${job.height}${ratio && ` (${ratio})`}`],
    ['Format', job.output_format.toUpperCase()],
    ['Seed', String(job.seed)],
    ['Follows', controlsOf(job).join(', ')],
    ...Object.entries(job.request)
      .filter(([name, value]) => !NAMED.includes(name) && value !== null)
      .map(([name, value]): Fact => [title(name), typeof value === 'object' ? weights(value) : String(value)]),
  ]
  return facts.filter(([, value]) => value !== '')
}

const weights = (value: object): string => Object.entries(value).map(([name, weight]) => `${name} ${weight}`).join(', ')

/** What differs between two pictures (null: one that nothing is known of): name, the one's value, the other's. */
export function differences(one: Job | null, other: Job): [string, string, string][] {
  const left = new Map(one ? parameters(one) : [])
  const right = new Map(parameters(other))
  const names = new Set([...left.keys(), ...right.keys()])
  return [...names].map((name): [string, string, string] => [name, left.get(name) ?? '', right.get(name) ?? '']).filter(([, a, b]) => a !== b)
}
