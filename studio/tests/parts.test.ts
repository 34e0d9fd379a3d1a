import { describe, expect, it } from 'vitest'
import { cells, type Offer } from '../src/axis'
import { inSight, layOut } from '../src/rows'
import { fitted, nearestSize, plainRatioOf, ratioOf, shapes, sidesOf, sizeFault } from '../src/sizes'
import { crc32, zip } from '../src/zip'

describe('rows of the gallery', () => {
  const ratios = Array.from({ length: 25_000 }, (_, n) => [1, 1.75, 0.5, 2.4][n % 4]!)
  const rows = layOut(ratios, 1200, 230, 6)

  it('hold every picture once, in order', () => {
    expect(rows[0]?.first).toBe(0)
    expect(rows.at(-1)?.end).toBe(25_000)
    for (let n = 1; n < rows.length; n++) expect(rows[n]!.first).toBe(rows[n - 1]!.end)
  })

  it('never overlap and stay near the height that was asked for', () => {
    for (let n = 1; n < rows.length; n++) expect(rows[n]!.top).toBe(rows[n - 1]!.top + rows[n - 1]!.height + 6)
    for (const row of rows) expect(row.height).toBeLessThanOrEqual(265)
  })

  it('are found by halving: those in sight are those that touch the window', () => {
    const [first, end] = inSight(rows, 100_000, 101_000)
    const touching = rows.filter((row) => row.top + row.height >= 100_000 && row.top <= 101_000)
    expect(rows.slice(first, end)).toEqual(expect.arrayContaining(touching))
    expect(end - first).toBeLessThanOrEqual(touching.length + 1)
  })

  it('stand apart where a heading begins, and leave room for it', () => {
    const parted = layOut([1, 1, 1, 1, 1, 1, 1, 1], 700, 230, 6, new Set([0, 3]), 40)
    expect(parted.map(({ first, end, full, headed }) => [first, end, full, headed])).toEqual([
      [0, 3, true, true],
      [3, 6, true, true],
      [6, 8, false, false],
    ])
    expect(parted[0]?.top).toBe(40)
    expect(parted[1]?.top).toBe(40 + parted[0]!.height + 6 + 40)
  })

  it('do not stretch the last one', () => {
    expect(layOut([1], 1200, 230, 6)).toEqual([{ top: 0, height: 230, first: 0, end: 1, full: false, headed: false }])
  })
})

describe('sizes', () => {
  it('carry the ratio that the API names', () => {
    expect(ratioOf('1344x768')).toBe('16:9')
    expect(ratioOf('512x768')).toBe('2:3')
    expect(plainRatioOf('512x768')).toBe('2:3')
    expect(plainRatioOf('1200x1024')).toBe('')
  })

  it('come nearest to those of a picture from elsewhere', () => {
    expect(nearestSize(1920, 1080, shapes(undefined))).toBe('1344x768')
    expect(nearestSize(512, 768, shapes(undefined))).toBe('832x1216')
    expect(nearestSize(10, 10, [])).toBeNull()
  })

  it('are free within the limits that a model states, beside those on its list', () => {
    const sides = sidesOf({ type: 'size', required: false, values: ['1344x768'], minimum: 64, maximum: 2048, multiple_of: 16 })
    const offered = shapes(['1344x768', '100x100'])
    for (const size of ['1344x768', '100x100', '64x2048', '800x608']) expect(sizeFault(size, offered, sides)).toBeNull()
    for (const size of ['800x600', '48x64', '64x2064', '0x64', '64', 'auto']) expect(sizeFault(size, offered, sides)).toBe('Width and height must be from 64 to 2048 pixels, in steps of 16.')
    expect(sides && [fitted(1000, 600, sides), fitted(1, 9999, sides)]).toEqual(['1008x608', '64x2048'])
    expect(sidesOf({ type: 'enum', required: false, values: ['1344x768'] })).toBeNull()
    expect(sizeFault('800x608', offered, null)).toBe('There is no size 800x608.')
  })
})

describe('a zip', () => {
  it('has the check sum of the standard', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
  })

  it('gives two pictures of one name two names', async () => {
    const data = Uint8Array.of(1, 2, 3)
    const text = new TextDecoder('latin1').decode(await zip([{ name: 'a.png', data }, { name: 'a.png', data }]).arrayBuffer())
    expect(text.match(/a(-2)?\.png/g)).toEqual(['a.png', 'a-2.png', 'a.png', 'a-2.png'])
  })
})

describe('an axis of the grid', () => {
  const offer: Offer = {
    models: [{ id: 'postcard', type: ['text-to-image'], aliases: ['p'], drawn_by: 'postcard', status: 'ready', reason: null, capabilities: { parameters: {} } }],
    shapes: shapes(['1024x1024', '1344x768']),
    parameters: { seed: { type: 'integer', required: false, minimum: 0, maximum: 100 }, steps: { type: 'integer', required: false, minimum: 1, maximum: 50 } },
    extras: [],
  }
  const values = (parameter: string, text: string): unknown[] => cells({ parameter, text }, offer).map(({ change }) => change[parameter])

  it('takes seeds, shapes and prompts as they are typed', () => {
    expect(values('seed', '1, 2,\n3')).toEqual([1, 2, 3])
    expect(values('size', '16:9, 1024x1024')).toEqual(['1344x768', '1024x1024'])
    expect(values('prompt', 'one, two\nthree')).toEqual(['one, two', 'three'])
  })

  it('is one empty cell where nothing varies', () => {
    expect(cells({ parameter: '', text: '' }, offer)).toEqual([{ label: '', change: {} }])
  })

  it.each([
    ['seed', '0', 'from 1 to 100, not 0'],
    ['seed', '1.5', 'a whole number'],
    ['steps', '51', 'not 51'],
    ['size', '7:5', 'There is no shape 7:5'],
    ['model', 'x', 'no model x'],
    ['seed', ' , ', 'at least one value'],
  ])('refuses %s %s in words', (parameter, text, why) => {
    expect(() => cells({ parameter, text }, offer)).toThrow(why)
  })
})
