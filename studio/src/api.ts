/** Everything that the page says to the server. Addresses are relative to the page, so any path prefix works. */

export type State = 'queued' | 'running' | 'finished' | 'failed' | 'cancelled'
export type Value = string | number | boolean

export interface Parameter {
  type: 'string' | 'enum' | 'size' | 'integer' | 'number' | 'boolean' | 'weights'
  required: boolean
  default?: Value | null
  values?: string[]
  minimum?: number
  maximum?: number
  /** Of a free size: what its sides are multiples of. */
  multiple_of?: number
  min_length?: number
  max_length?: number
  /** Of weights: how many may be named. */
  most?: number
  /** And how much each counts unless it is said. */
  weights?: Record<string, number>
  /** False: only programs send it, and the page has ways of its own. */
  in_form?: boolean
}

/** What ties two parameters together: `parameter` needs `other`, or says the same, or is only for some of its values. */
export type Rule =
  | { rule: 'needs'; parameter: string; other: string; value: Value }
  | { rule: 'excludes'; parameter: string; other: string }
  | { rule: 'only_for'; parameter: string; other: string; values: Value[] }

export interface Model {
  id: string
  type: string[]
  aliases: string[]
  drawn_by: string
  status: 'ready' | 'loading' | 'failed'
  /** Why it cannot draw, where it failed. */
  reason: string | null
  capabilities: {
    parameters: Record<string, Parameter>
    rules?: Rule[]
    /** Whether words alone are enough for it; an older server does not say. */
    generations?: boolean
    /** What it takes of pictures; null where it draws from words alone. */
    edits?: Edits | null
    /** The names of those that fit it. */
    loras?: string[]
    /** The names of its ControlNets. */
    controls?: string[]
  }
}

/** How many pictures, and whether a mask and a strength count. */
export interface Edits {
  pictures: { minimum: number; maximum: number }
  mask: boolean
  strength: boolean
}

/** A picture that is sent: a `data:` address. */
export interface Given {
  image_url: string
}

/** What an edit begins with. */
export interface Begin {
  images: Given[]
  mask?: Given
  /** Maps to follow, by the name of a ControlNet. */
  control?: Record<string, Given>
}

/** What a job's `request` says of such a picture. */
export interface PictureFacts {
  sha256: string
  bytes: number
  width: number
  height: number
}

/** The body of a request: `model` and `prompt`, and whatever else the model supports. An edit has `images`. */
export type ImageRequest = { model: string; prompt: string } & Record<string, Value | object>

/**
 * One generation. Times are Unix seconds. `seed` is the one that is used, `request.seed` what was asked for (0: any).
 * `queue` is there while it waits (position 1 is next), `progress` while it is drawn, `image` once it is finished.
 */
export interface Job {
  id: string
  state: State
  model: string
  drawn_by: string
  request: ImageRequest
  /** What is drawn, where a chat model wrote the prompt anew. */
  revised_prompt?: string
  seed: number
  width: number
  height: number
  output_format: string
  created: number
  started: number | null
  ended: number | null
  queue: { position: number; seconds: number | null } | null
  progress: Progress | null
  starred: boolean
  expires: number | null
  error: { message: string; code: string | null } | null
  image: { bytes: number; media_type: string; fingerprint: string; average_color?: string | null } | null
}

/** `steps` and `seconds_left` are null while they are not known. */
export interface Progress {
  step: number
  steps: number | null
  seconds_left: number | null
}

export interface Page {
  data: Job[]
  has_more: boolean
  next_cursor: string | null
  total: number | null
}

export interface Filter {
  q?: string
  state?: string
  model?: string
  starred?: boolean
  shape?: string
  from?: string
  to?: string
  total?: boolean
}

/** What the server refused, in its own words. `status` 0: it could not be reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | null = null,
    readonly param: string | null = null,
    readonly retryAfter: number | null = null,
  ) {
    super(message)
  }
}

const root = (): URL => new URL('../', document.baseURI)
export const address = (path: string): string => new URL(path, root()).href
export const baseUrl = (): string => address('v1')
export const imageUrl = (id: string): string => address(`v1/jobs/${id}/image`)
export const inputUrl = (id: string, place: number): string => address(`v1/jobs/${id}/inputs/${place}`)
export const thumbnailUrl = (id: string): string => address(`v1/jobs/${id}/thumbnail`)

export async function call(path: string, method = 'GET', body?: unknown, headers: Record<string, string> = {}, keepalive = false): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(address(path), {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      keepalive,
      // A cookie is only honoured with the JSON content type: no form of another site can send that.
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch {
    throw new ApiError('The server cannot be reached.', 0)
  }
  const text = await response.text()
  const answer = readJson(text)
  if (response.ok) return answer
  const error = (answer as { error?: { message?: string; code?: string; param?: string } } | null)?.error
  const wait = Number(response.headers.get('retry-after'))
  throw new ApiError(
    error?.message ?? `The server answered ${response.status}.`,
    response.status,
    error?.code ?? null,
    error?.param ?? null,
    wait > 0 ? wait : null,
  )
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

/** Whose session it is; null where nobody is signed in. */
export interface Who {
  name: string
  key_id: string
  /** Whether it may make and change keys; an older server does not say. */
  admin?: boolean
}

export async function whoIsThere(): Promise<Who | null> {
  const answer = (await call('studio/session')) as Who & { signed_in: boolean }
  return answer.signed_in ? answer : null
}

export const version = async (): Promise<string> => ((await call('version')) as { version: string }).version

/** @throws ApiError 401 where the key or the link's token is not valid. */
export const signIn = (secret: { key: string } | { token: string }): Promise<unknown> => call('studio/session', 'POST', secret)
export const signOut = (): Promise<unknown> => call('studio/session', 'DELETE')

/** Those that draw: a server may offer models that chat too. */
export const models = async (): Promise<Model[]> =>
  ((await call('v1/models')) as { data: Model[] }).data.filter((model) => model.type.includes('text-to-image'))

/** Submit a drawing or an edit. The idempotency key makes it safe to send again after a lost answer. */
export const submit = async (request: ImageRequest, idempotencyKey: string): Promise<Job> =>
  (await call(`v1/images/${'images' in request ? 'edits' : 'generations'}`, 'POST', request, {
    prefer: 'respond-async',
    'idempotency-key': idempotencyKey,
  })) as Job

/** What would become of a prompt before it is drawn; nothing is drawn. */
export const rewrite = async (model: string, prompt: string): Promise<string> =>
  ((await call('v1/images/rewrites', 'POST', { model, prompt })) as { revised_prompt: string }).revised_prompt

export async function jobs(filter: Filter = {}, limit = 60, cursor: string | null = null): Promise<Page> {
  const query = new URLSearchParams({ limit: String(limit) })
  if (cursor !== null) query.set('cursor', cursor)
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined && value !== '' && value !== false) query.set(name, String(value))
  }
  return (await call(`v1/jobs?${query}`)) as Page
}

export const job = async (id: string): Promise<Job> => (await call(`v1/jobs/${id}`)) as Job
export const star = async (id: string, starred: boolean): Promise<Job> => (await call(`v1/jobs/${id}`, 'PATCH', { starred })) as Job
/** Answers at once; a job that has ended comes back as it is. */
export const cancel = async (id: string): Promise<Job> => (await call(`v1/jobs/${id}/cancel`, 'POST')) as Job
/** Deletes a job that has ended, with its file; also while the page goes. */
export const remove = (id: string): Promise<unknown> => call(`v1/jobs/${id}`, 'DELETE', undefined, {}, true)

/** A picture's file; with `settings` it says what it was made with. */
export const picture = (id: string, settings = false): Promise<Blob> => file(`${imageUrl(id)}${settings ? '?metadata=full' : ''}`)
/** A picture that an edit was drawn from, as it was sent; the mask comes after the pictures. */
export const input = (id: string, place: number): Promise<Blob> => file(inputUrl(id, place))

async function file(url: string): Promise<Blob> {
  let response: Response
  try {
    response = await fetch(url, { credentials: 'same-origin' })
  } catch {
    throw new ApiError('The server cannot be reached.', 0)
  }
  if (!response.ok) throw new ApiError('The picture is no longer on the server.', response.status)
  return response.blob()
}
