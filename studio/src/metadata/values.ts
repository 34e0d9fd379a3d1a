/** What a writer's fields become in the form's settings. */
import type { Seed, Settings } from '../draft.svelte'

const DIGITS = /^\d{1,40}$/

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

export function sideOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined
}

/** Whole and not negative, with every digit: as a BigInt where a number could not hold it. */
export function seedOf(value: unknown): Seed | undefined {
  if (typeof value === 'bigint') return value >= 0n ? value : undefined
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  const digits = textOf(value)?.trim() ?? ''
  if (!DIGITS.test(digits)) return undefined
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits)
}

/** Note a number among the further settings, if it is one. */
export function number(settings: Settings, name: string, value: unknown): void {
  const read = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '') ? Number(value) : Number.NaN
  if (Number.isFinite(read)) (settings.more ??= {})[name] = read
}
