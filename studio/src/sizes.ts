/** Sizes and their aspect ratios. */
import type { Parameter } from './api'

export interface Shape {
  size: string
  ratio: string
  width: number
  height: number
}

/** The ratios of the images API, by size: the pixel sizes only come near them, so they cannot be computed. */
const RATIOS: Record<string, string> = {
  '1344x768': '16:9',
  '1024x1024': '1:1',
  '1536x640': '21:9',
  '832x1216': '2:3',
  '1216x832': '3:2',
  '896x1088': '4:5',
  '1088x896': '5:4',
  '768x1344': '9:16',
  '640x1536': '9:21',
}
const FREE_SIZES = Object.keys(RATIOS)

export function parseSize(size: string): { width: number; height: number } | null {
  const match = /^(\d+)x(\d+)$/.exec(size)
  return match ? { width: Number(match[1]), height: Number(match[2]) } : null
}

export function ratioOf(size: string): string {
  const known = RATIOS[size]
  const parsed = parseSize(size)
  if (known || !parsed) return known ?? size
  const divisor = gcd(parsed.width, parsed.height)
  return `${parsed.width / divisor}:${parsed.height / divisor}`
}

/** The same where it says something: 75:64 does not. */
export function plainRatioOf(size: string): string {
  const ratio = ratioOf(size)
  return ratio.split(':').every((part) => Number(part) <= 21) ? ratio : ''
}

/** The sizes that a model offers, widest first; a model with free sizes is offered the usual ones. */
export function shapes(values: readonly string[] | undefined): Shape[] {
  return (values?.length ? values : FREE_SIZES)
    .flatMap((size) => {
      const parsed = parseSize(size)
      return parsed ? [{ size, ratio: ratioOf(size), ...parsed }] : []
    })
    .sort((a, b) => b.width / b.height - a.width / a.height)
}

/** Which sides a free size may have; null where only the sizes on the list are offered. */
export interface Sides {
  least: number
  most: number
  step: number
}

export function sidesOf(size: Parameter | undefined): Sides | null {
  if (size?.type !== 'size') return null
  return { least: size.minimum ?? 1, most: size.maximum ?? Infinity, step: size.multiple_of ?? 1 }
}

/** Why a size is not possible, or null. */
export function sizeFault(size: string, offered: readonly Shape[], sides: Sides | null): string | null {
  if (offered.some((shape) => shape.size === size)) return null
  const parsed = parseSize(size)
  if (!sides) return `There is no size ${size}.`
  const { least, most, step } = sides
  const fits = (side: number): boolean => side >= least && side <= most && side % step === 0
  if (parsed && fits(parsed.width) && fits(parsed.height)) return null
  return `Width and height must be from ${least} to ${most} pixels${step > 1 ? `, in steps of ${step}` : ''}.`
}

/** The nearest size that is possible, side by side. */
export function fitted(width: number, height: number, { least, most, step }: Sides): string {
  const fit = (side: number): number => Math.min(Math.max(Math.round(side / step), Math.ceil(least / step)), Math.floor(most / step)) * step
  return `${fit(width)}x${fit(height)}`
}

/** The offered size whose proportions come nearest to those of a picture from elsewhere. */
export function nearestSize(width: number, height: number, offered: readonly Shape[]): string | null {
  let best: Shape | null = null
  const distance = (shape: Shape): number => Math.abs(Math.log(shape.width / shape.height / (width / height)))
  for (const shape of offered) if (!best || distance(shape) < distance(best)) best = shape
  return best?.size ?? null
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
