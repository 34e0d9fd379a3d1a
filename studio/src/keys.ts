/** Keys as admin keys see them, and what the page says to the server about them. */
import { call } from './api'

export const MEASURES = ['pictures', 'megapixels', 'seconds'] as const
export const PERIODS = ['day', 'month'] as const
export type QuotaName = `${(typeof MEASURES)[number]}_per_${(typeof PERIODS)[number]}`

export interface Key {
  id: string
  name: string
  hint: string
  created: number
  revoked: number | null
  /** Null: every model. */
  models: string[] | null
  weight: number
  admin: boolean
  /** Null: as the settings say; 0: any number. */
  rate_limit: number | null
  group: string | null
  quotas: Partial<Record<QuotaName, number | null>>
  last_used: number | null
  usage: { pictures_today: number; pictures_this_month: number; megapixels_this_month: number; seconds_this_month: number }
}

/** What of a key can be changed. */
export type Terms = Partial<Pick<Key, 'name' | 'models' | 'weight' | 'admin' | 'rate_limit' | 'group'>> & {
  /** `default` takes the key's own quota away. */
  quotas?: Partial<Record<QuotaName, number | null | 'default'>>
}

export const keys = async (): Promise<Key[]> => ((await call('v1/keys')) as { data: Key[] }).data
export const create = async (terms: Terms): Promise<{ key: string; made: Key }> => (await call('v1/keys', 'POST', terms)) as { key: string; made: Key }
export const change = async (id: string, terms: Terms): Promise<Key> => (await call(`v1/keys/${id}`, 'PATCH', terms)) as Key
export const revoke = async (id: string): Promise<Key> => (await call(`v1/keys/${id}`, 'DELETE')) as Key

const UNITS = { pictures: 'pictures', megapixels: 'megapixels', seconds: 'seconds' }

/** Quotas in words: “100 pictures a day, no bound on seconds a month”. */
export function quotasInWords(quotas: Key['quotas']): string {
  return Object.entries(quotas)
    .map(([name, most]) => {
      const [measure, period] = name.split('_per_') as [keyof typeof UNITS, string]
      return most === null ? `no bound on ${UNITS[measure]} a ${period}` : `${most} ${UNITS[measure]} a ${period}`
    })
    .join(', ')
}

/** What the keys of a group may use together. */
export interface Group {
  name: string
  quotas: Key['quotas']
}

export const groups = async (): Promise<Group[]> => ((await call('v1/groups')) as { data: Group[] }).data

/** One change of keys, groups, quotas, sessions or places, and who made it. */
export interface Change {
  number: number
  time: number
  who: string
  action: string
  subject: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
}

/** Changes from the newest on, or those before that one. */
export const changes = async (before?: number): Promise<{ data: Change[]; has_more: boolean }> =>
  (await call(`v1/audit${before === undefined ? '' : `?before=${before}`}`)) as { data: Change[]; has_more: boolean }

/** What a change did, name by name: “weight: 1 → 2.5”, and of what was made, what it is. What ended is named alone. */
export function changeInWords({ before, after }: Pick<Change, 'before' | 'after'>): string {
  if (!after) return ''
  const said = (value: unknown): string => (value === null || value === undefined ? 'none' : typeof value === 'object' ? JSON.stringify(value) : String(value))
  return [...new Set([...Object.keys(before ?? {}), ...Object.keys(after)])]
    .map((name) => [name, said(before?.[name]), said(after[name])])
    .filter(([, old, now]) => old !== now)
    .map(([name, old, now]) => (before ? `${name}: ${old} → ${now}` : `${name}: ${now}`))
    .join(', ')
}
