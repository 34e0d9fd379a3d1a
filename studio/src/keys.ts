/** Keys as admin keys see them, and what the page says to the server about them. */
import { call } from './api'

export const MEASURES = ['pictures', 'megapixels', 'seconds'] as const
export const PERIODS = ['day', 'month'] as const
export type QuotaName = `${(typeof MEASURES)[number]}_per_${(typeof PERIODS)[number]}`

export type Quotas = Partial<Record<QuotaName, number | null>>
/** What a form says of each quota: null where its field is empty. */
export type Wanted = Record<string, number | null>

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
  quotas: Quotas
  last_used: number | null
  usage: { pictures_today: number; pictures_this_month: number; megapixels_this_month: number; seconds_this_month: number }
}

/** What of a key can be changed. */
export type Terms = Partial<Pick<Key, 'name' | 'models' | 'weight' | 'admin' | 'rate_limit' | 'group'>> & {
  quotas?: QuotaChanges
}
/** `default` takes a key's or group's own quota away. */
export type QuotaChanges = Partial<Record<QuotaName, number | null | 'default'>>

export const QUOTAS: QuotaName[] = PERIODS.flatMap((period) => MEASURES.map((measure): QuotaName => `${measure}_per_${period}`))
export const wanted = (quotas: Quotas): Wanted => Object.fromEntries(QUOTAS.map((name) => [name, quotas[name] ?? null]))

/** What is to be said of quotas that were so before. An empty field leaves one that has no bound as it is. */
export function quotaChanges(most: Wanted, before: Quotas): QuotaChanges {
  const changes: QuotaChanges = {}
  for (const name of QUOTAS) {
    const own = most[name] ?? null
    if (own !== null) changes[name] = own
    else if (typeof before[name] === 'number') changes[name] = 'default'
  }
  return changes
}

export const keys = async (): Promise<Key[]> => ((await call('v1/keys')) as { data: Key[] }).data
export const create = async (terms: Terms): Promise<{ key: string; made: Key }> => (await call('v1/keys', 'POST', terms)) as { key: string; made: Key }
export const change = async (id: string, terms: Terms): Promise<Key> => (await call(`v1/keys/${id}`, 'PATCH', terms)) as Key
export const revoke = async (id: string): Promise<Key> => (await call(`v1/keys/${id}`, 'DELETE')) as Key

const UNITS = { pictures: 'pictures', megapixels: 'megapixels', seconds: 'seconds' }

/** Quotas in words: “100 pictures a day, no bound on seconds a month”. */
export function quotasInWords(quotas: Quotas): string {
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
  quotas: Quotas
}

export const groups = async (): Promise<Group[]> => ((await call('v1/groups')) as { data: Group[] }).data
const at = (group: string): string => `v1/groups/${encodeURIComponent(group)}`
export const changeGroup = async (name: string, quotas: QuotaChanges): Promise<Group> => (await call(at(name), 'PATCH', { quotas })) as Group
export const removeGroup = async (name: string): Promise<Group> => (await call(at(name), 'DELETE')) as Group

/** Groups that were set, and those that only keys name, by name. */
export function groupsOf(set: Group[], keys: Key[]): Group[] {
  const named = new Set([...set.map(({ name }) => name), ...keys.flatMap(({ group }) => group ?? [])])
  return [...named].sort().map((name) => set.find((group) => group.name === name) ?? { name, quotas: {} })
}

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
