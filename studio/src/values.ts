/** What a parameter allows, in words. */
import type { Parameter, Value } from './api'

/** A parameter's name as people read it. */
export const title = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ')

/** Why a number is not possible, or null; what is no number is left to the server. `said`: as it was typed. */
export function numberFault(name: string, value: Value, { type, minimum, maximum }: Parameter, said = String(value)): string | null {
  if (type !== 'integer' && type !== 'number') return null
  const low = name === 'seed' ? 1 : (minimum ?? -Infinity)
  const high = maximum ?? Infinity
  if (typeof value === 'number' && value >= low && value <= high && (type === 'number' || Number.isInteger(value))) return null
  return `${title(name)} must be a${type === 'integer' ? ' whole' : ''} number from ${low} to ${high}, not ${said}.`
}
