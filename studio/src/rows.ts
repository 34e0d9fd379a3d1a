/** Pictures of every proportion in rows of full width, and which of them are in sight. */

export interface Row {
  top: number
  height: number
  /** Index of the row's first picture, and of the one after its last. */
  first: number
  end: number
  /** Stretched to the full width. */
  full: boolean
  /** A heading stands above it. */
  headed: boolean
}

/**
 * Rows near `target` high whose pictures fill `width`, `gap` apart. The last row is not stretched, nor is one before a
 * heading: those stand before the pictures in `heads`, `room` high.
 */
export function layOut(ratios: readonly number[], width: number, target: number, gap: number, heads: ReadonlySet<number> = new Set(), room = 0): Row[] {
  const rows: Row[] = []
  let top = 0
  let first = 0
  let sum = 0
  for (let at = 0; at < ratios.length; at++) {
    sum += ratios[at]!
    const count = at - first + 1
    const height = (width - gap * (count - 1)) / sum
    const last = at === ratios.length - 1 || heads.has(at + 1)
    if (height > target * 1.15 && !last) continue
    const used = Math.floor(last ? Math.min(height, target) : height)
    const headed = heads.has(first)
    if (headed) top += room
    rows.push({ top, height: used, first, end: at + 1, full: height <= target * 1.15, headed })
    top += used + gap
    first = at + 1
    sum = 0
  }
  return rows
}

/** The rows that touch the stretch from `top` to `bottom`: [first, end). Rows are in order, so halving finds them. */
export function inSight(rows: readonly Row[], top: number, bottom: number): [number, number] {
  const below = (y: number): number => {
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >> 1
      const row = rows[middle]!
      if (row.top + row.height < y) low = middle + 1
      else high = middle
    }
    return low
  }
  return [below(top), Math.min(rows.length, below(bottom) + 1)]
}
