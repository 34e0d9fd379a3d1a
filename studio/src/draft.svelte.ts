/** What is about to be drawn. It survives a reload, and an address can fill it. */
import type { Edits, ImageRequest, Job, Model, Parameter, Rule, Value } from './api'
import { fitted, nearestSize, parseSize, shapes, sidesOf, sizeFault, type Shape } from './sizes'
import { plural, short } from './format'
import { factsOf } from './lineage.svelte'
import { pictures } from './pictures.svelte'
import { numberFault, title } from './values'

const STORED = 'safelight.draft'
export const MAX_COUNT = 16
/** What the form has a place of its own for. */
const PLACED = ['model', 'prompt', 'negative_prompt', 'aspect_ratio', 'size', 'output_format', 'seed', 'images', 'mask', 'strength', 'loras', 'control', 'rewrite', 'response_format']

export interface Stored {
  model: string
  prompt: string
  negativePrompt: string
  size: string
  format: string
  seedText: string
  count: number
  more: Record<string, Value>
  likePicture: boolean
  strength: number | null
  loras: Record<string, number>
}

/** Other programs draw with seeds of 64 bits, which a number cannot hold. */
export type Seed = number | bigint

export interface Settings {
  prompt?: string
  negativePrompt?: string
  seed?: Seed
  width?: number
  height?: number
  model?: string
  format?: string
  more?: Record<string, Value>
  strength?: number | null
  loras?: Record<string, number>
  /** Whether the picture has the size of the first one that it was drawn from. */
  likePicture?: boolean
  /** Whether the prompt is drawn as it is, where a chat model would write it anew. */
  asItIs?: boolean
  /** What was said and cannot be understood. */
  unread?: string[]
}

class Draft {
  model = $state('')
  prompt = $state('')
  negativePrompt = $state('')
  size = $state('1024x1024')
  format = $state('png')
  /** As it was typed, whatever it is. Empty: a fresh one for every picture. */
  seedText = $state('')
  count = $state(1)
  more = $state<Record<string, Value>>({})
  /** An edit has the size of its first picture, as near as the model comes to it. */
  likePicture = $state(true)
  /** How much of the picture is drawn anew; null leaves it to the model. */
  strength = $state<number | null>(null)
  /** What a chat model made of a prompt, once somebody has looked: that is drawn then, as long as the prompt is the same. */
  rewriting = $state<{ of: string; text: string } | null>(null)
  #models = $state<Model[]>([])
  /** What the address asked for, until it is known what there is. */
  #asked: Settings | null = null

  entry = $derived(this.#models.find((m) => m.id === this.model || m.aliases.includes(this.model)) ?? this.#models[0])
  parameters = $derived<Record<string, Parameter>>(this.entry?.capabilities.parameters ?? {})
  rules = $derived<Rule[]>(this.entry?.capabilities.rules ?? [])
  shapes = $derived<Shape[]>(shapes(this.parameters['size']?.values))
  sides = $derived(sidesOf(this.parameters['size']))
  formats = $derived(this.parameters['output_format']?.values ?? [])
  /** What this model supports beyond what the form has a place for. */
  extras = $derived(
    Object.entries(this.parameters).filter(
      ([name, parameter]) => !PLACED.includes(name) && parameter.in_form !== false && this.#isOfUse(name),
    ),
  )
  /** The weights of the LoRAs that are chosen, by name. */
  loras = $state<Record<string, number>>({})
  /** What the model takes of pictures; null where it draws from words alone. */
  edits = $derived<Edits | null>(this.entry?.capabilities.edits ?? null)
  loraNames = $derived<readonly string[]>(this.entry?.capabilities.loras ?? [])
  editing = $derived(pictures.list.length > 0)
  /** Whether a chat model writes the prompt anew before it is drawn. */
  rewrites = $derived(!this.editing && this.parameters['rewrite'] !== undefined)
  rewritten = $derived(this.rewrites && this.rewriting?.of === this.prompt ? this.rewriting.text : null)
  /** The ControlNets that a picture from words may follow. */
  controlNames = $derived<readonly string[]>(this.editing ? [] : (this.entry?.capabilities.controls ?? []))
  loraBounds = $derived({ count: this.parameters['loras']?.most ?? 4, least: this.parameters['loras']?.minimum ?? -4, most: this.parameters['loras']?.maximum ?? 4 })
  /** How much each counts unless it is said. */
  loraWeights = $derived<Record<string, number>>(this.parameters['loras']?.weights ?? {})
  /** The models that take pictures. */
  takers = $derived(this.#models.filter((model) => model.capabilities.edits && model.status !== 'failed'))
  maxSeed = $derived(this.parameters['seed']?.maximum ?? 4294967295)

  /** null: a fresh one for every picture. NaN: what was typed is no seed. */
  get seed(): number | null {
    const typed = this.seedText.trim()
    if (typed === '') return null
    return /^\d{1,15}$/.test(typed) ? Number(typed) : Number.NaN
  }

  set seed(seed: number | null) {
    this.seedText = seed === null ? '' : String(seed)
  }

  /** Why this cannot be drawn, or null. */
  fault = $derived.by((): string | null => {
    if (!this.entry) return 'This server offers no model.'
    if (this.entry.status === 'failed') return `${this.entry.id} could not be loaded.`
    const wrong = this.#pictureFault()
    if (wrong) return wrong
    const length = [...this.prompt].length
    const most = this.parameters['prompt']?.max_length ?? 10_000
    if (!this.prompt.trim()) return this.editing ? 'Write what should change.' : 'Write what the picture should show.'
    if (length > most) return `The prompt is ${length - most} characters too long.`
    const negative = [...this.negativePrompt].length - (this.parameters['negative_prompt']?.max_length ?? 10_000)
    if (negative > 0) return `The negative prompt is ${negative} characters too long.`
    if (this.seed !== null && !this.#isSeed(this.seed)) return `The seed must be a whole number from 1 to ${this.maxSeed}, not “${short(this.seedText.trim(), 24)}”.`
    if (this.parameters['size'] && !(this.editing && this.likePicture)) {
      const size = sizeFault(this.size, this.shapes, this.sides)
      if (size) return size
    }
    for (const [name, parameter] of this.extras) {
      const value = this.more[name]
      const fault = value === undefined ? null : numberFault(name, value, parameter)
      if (fault) return fault
    }
    return null
  })

  /** Take what was kept, then what the address says. */
  load(stored: string | null, query: URLSearchParams): void {
    try {
      const kept = JSON.parse(stored ?? '{}') as Partial<Stored>
      Object.assign(this, Object.fromEntries(Object.entries(kept).filter(([name]) => name in this.stored())))
    } catch {
      // A draft that cannot be read is no draft.
    }
    this.#asked = fromQuery(query)
    this.apply(this.#asked)
  }

  /** The models on offer decide which values are possible. Returns what the address asked for and is not there. */
  offer(models: Model[]): string[] {
    this.#models = models
    const entry = this.entry
    if (!entry) return []
    const asked = this.#asked
    this.#asked = null
    if (asked?.model !== undefined && !this.#has(asked.model)) this.model = entry.id
    const missing = asked ? this.apply(asked) : []
    this.#fit()
    return missing
  }

  #fit(): void {
    const entry = this.entry
    if (!entry) return
    if (this.model !== entry.id && !entry.aliases.includes(this.model)) this.model = entry.id
    const fits = (value: string, offered: readonly string[]): boolean => !offered.length || offered.includes(value)
    if (this.parameters['size'] && sizeFault(this.size, this.shapes, this.sides)) {
      const { width, height } = parseSize(this.size) ?? { width: 1024, height: 1024 }
      this.size = this.#nearest(width, height)
    }
    if (!fits(this.format, this.formats)) this.format = String(this.parameters['output_format']?.default ?? this.formats[0])
  }

  /** Take settings from elsewhere, as far as this server has them. Returns what it does not have. */
  apply(settings: Settings): string[] {
    const missing: string[] = []
    if (settings.prompt !== undefined) {
      this.prompt = settings.prompt
      this.rewriting = settings.asItIs ? { of: settings.prompt, text: settings.prompt } : null
    }
    if (settings.negativePrompt !== undefined) this.negativePrompt = settings.negativePrompt
    if (settings.model !== undefined) {
      if (this.#models.length === 0 || this.#has(settings.model)) this.model = settings.model
      else missing.push(`the model ${short(settings.model, 60)} (${this.entry?.id} draws instead)`)
    }
    if (settings.seed !== undefined) {
      this.seedText = this.#isSeed(settings.seed) ? String(settings.seed) : ''
      if (!this.seedText) missing.push(`the seed ${settings.seed} (the next picture gets a new one)`)
    }
    if (settings.width && settings.height) {
      const exact = `${settings.width}x${settings.height}`
      // Before the models are known everything is taken; `offer` finds what comes nearest.
      const fits = this.#models.length === 0 || sizeFault(exact, this.shapes, this.sides) === null
      this.size = fits ? exact : this.#nearest(settings.width, settings.height)
      if (this.size !== exact) missing.push(`the size ${settings.width}x${settings.height} (${this.size} comes nearest)`)
    }
    if (settings.format !== undefined) {
      if (!this.formats.length || this.formats.includes(settings.format)) this.format = settings.format
      else missing.push(`the format ${settings.format}`)
    }
    for (const [name, value] of Object.entries(settings.more ?? {})) {
      if (this.extras.some(([extra, parameter]) => extra === name && !numberFault(extra, value, parameter))) this.set(name, value)
      else if (this.#models.length) missing.push(`${title(name).toLowerCase()} ${value}`)
    }
    if (settings.strength !== undefined) this.strength = settings.strength
    if (settings.likePicture !== undefined) this.likePicture = settings.likePicture
    if (settings.loras) {
      const unknown = Object.keys(settings.loras).filter((name) => this.#models.length && !this.loraNames.includes(name))
      missing.push(...unknown.map((name) => `the LoRA ${short(name, 60)}`))
      this.loras = Object.fromEntries(Object.entries(settings.loras).filter(([name]) => !unknown.includes(name)))
    }
    return [...missing, ...(settings.unread ?? [])]
  }

  /** Why the model cannot draw from the pictures that are there, or null. */
  #pictureFault(): string | null {
    const count = pictures.list.length
    if (!this.entry) return null
    if (count === 0) return this.entry.capabilities.generations === false ? `${this.entry.id} works only from a picture. Add one.` : null
    if (!this.edits) return `${this.entry.id} draws from words alone.`
    const { minimum, maximum } = this.edits.pictures
    if (count < minimum) return `${this.entry.id} takes at least ${plural(minimum, 'picture')}.`
    return count > maximum ? `${this.entry.id} takes at most ${plural(maximum, 'picture')}.` : null
  }

  /** Whether nothing that is chosen makes a parameter pointless. */
  #isOfUse(name: string): boolean {
    return this.rules.every((rule) => rule.rule !== 'only_for' || rule.parameter !== name || rule.values.includes(this.#chosen(rule.other)))
  }

  #chosen(name: string): Value {
    return name === 'output_format' ? this.format : (this.more[name] ?? this.parameters[name]?.default ?? '')
  }

  /** Those that say the same as this one: a request has either. */
  #rivals(name: string): string[] {
    return this.rules.filter(({ rule }) => rule === 'excludes').flatMap(({ parameter, other }) => (parameter === name ? [other] : other === name ? [parameter] : []))
  }

  #has(model: string): boolean {
    return this.#models.some(({ id, aliases }) => id === model || aliases.includes(model))
  }

  #isSeed(seed: Seed): boolean {
    return seed >= 1 && seed <= this.maxSeed && (typeof seed === 'bigint' || Number.isInteger(seed))
  }

  #nearest(width: number, height: number): string {
    return this.sides ? fitted(width, height, this.sides) : (nearestSize(width, height, this.shapes) ?? this.size)
  }

  /** Set one of the `extras`; what the model does anyway is not worth noting. */
  set(name: string, value: Value | ''): void {
    const parameter = this.parameters[name]
    delete this.more[name]
    if (value === '' || value === parameter?.default) return
    this.more[name] = value
    for (const rival of this.#rivals(name)) delete this.more[rival]
  }

  /** The body to send; `changed` overrides single parameters. */
  request(changed: Partial<ImageRequest> = {}): ImageRequest {
    const request: ImageRequest = { model: this.model, prompt: this.rewritten ?? this.prompt }
    if (this.rewritten !== null) request['rewrite'] = false
    if (this.editing) {
      if (!this.likePicture && this.parameters['size']) request['size'] = this.size
      if (this.strength !== null && this.edits?.strength) request['strength'] = this.strength
    } else if (this.parameters['size']) request['size'] = this.size
    if (this.negativePrompt && this.parameters['negative_prompt']) request['negative_prompt'] = this.negativePrompt
    if (this.parameters['output_format']) request['output_format'] = this.format
    if (this.seed !== null && this.parameters['seed']) request['seed'] = this.seed
    const loras = Object.entries(this.loras).filter(([name]) => this.loraNames.includes(name))
    if (loras.length) request['loras'] = Object.fromEntries(loras)
    for (const [name, parameter] of this.extras) {
      const value = this.more[name]
      if (value !== undefined && value !== parameter.default) request[name] = value
    }
    return Object.assign(request, changed)
  }

  stored(): Stored {
    const { model, prompt, negativePrompt, size, format, seedText, count, more, likePicture, strength, loras } = this
    return { model, prompt, negativePrompt, size, format, seedText, count, more: { ...more }, likePicture, strength, loras: { ...loras } }
  }

  keep(): void {
    localStorage.setItem(STORED, JSON.stringify(this.stored()))
  }

  static kept(): string | null {
    return localStorage.getItem(STORED)
  }
}

/** `?prompt=…&negative_prompt=…&seed=…&size=…&aspect_ratio=…&model=…&output_format=…`. */
export function fromQuery(query: URLSearchParams): Settings {
  const settings: Settings = {}
  const text = (name: string): string | undefined => query.get(name) ?? undefined
  settings.prompt = text('prompt')
  settings.negativePrompt = text('negative_prompt')
  settings.model = text('model')
  settings.format = text('output_format')
  const [seed, size, ratio] = ['seed', 'size', 'aspect_ratio'].map(text)
  if (/^\d{1,15}$/.test(seed ?? '') && Number(seed) > 0) settings.seed = Number(seed)
  const shape = shapes(undefined).find((known) => known.ratio === ratio)
  const sides = parseSize(size ?? shape?.size ?? '')
  settings.unread = [
    ...(seed && settings.seed === undefined && seed !== '0' ? [`the seed ${short(seed, 24)}`] : []),
    ...(size && !sides ? [`the size ${short(size, 24)}`] : []),
    ...(ratio && !shape ? [`the shape ${short(ratio, 24)}`] : []),
  ]
  return sides ? { ...settings, ...sides } : settings
}

/** Everything that a job was made with; its seed is the one that was used. */
export function settingsOf(job: Job): Settings {
  const { model, prompt, negative_prompt, output_format } = job.request
  const more = Object.fromEntries(Object.entries(job.request).filter(([name, value]) => !PLACED.includes(name) && value !== null)) as Record<string, Value>
  return {
    model: String(model),
    prompt: String(prompt),
    asItIs: job.request['rewrite'] === false,
    negativePrompt: String(negative_prompt ?? ''),
    format: String(output_format ?? job.output_format),
    width: job.width,
    height: job.height,
    seed: job.seed,
    more,
    strength: (job.request['strength'] as number | null | undefined) ?? null,
    loras: (job.request['loras'] as Record<string, number> | null | undefined) ?? {},
    likePicture: isLikePicture(job),
  }
}

/** Whether an edit has its first picture's size, but for the model's steps and bounds. */
function isLikePicture(job: Job): boolean {
  const first = factsOf(job)[0]
  // Sides are multiples of 64 at most.
  return !first || Math.abs(first.width - job.width) <= 32 && Math.abs(first.height - job.height) <= 32 || Math.abs(Math.log((first.width * job.height) / (first.height * job.width))) < 0.03
}

export const draft = new Draft()
draft.load(Draft.kept(), new URLSearchParams(location.search))
