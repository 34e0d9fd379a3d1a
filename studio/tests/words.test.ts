import { describe, expect, it } from 'vitest'
import type { Job, Model } from '../src/api'
import { day, progress, short } from '../src/format'
import { hintFor, lineOf } from '../src/hints'

const model = (changed: Partial<Model>): Model => ({ id: 'postcard', type: ['text-to-image'], aliases: [], drawn_by: 'postcard', status: 'ready', reason: null, capabilities: { parameters: {} }, ...changed })

describe('a model', () => {
  it('is described in one line', () => {
    expect(lineOf(model({}))).toBe('Postcard: illustrations of scenes, from English prompts.')
    expect(lineOf(model({ id: 'stable-image-ultra' }))).toBe('Drawn by Postcard: illustrations of scenes, from English prompts.')
    const parameters = { size: { type: 'size', required: false, minimum: 512, maximum: 2048 }, steps: { type: 'integer', required: false, default: 28 } } as const
    expect(lineOf(model({ id: 'sd', drawn_by: 'sdxl', capabilities: { parameters } }))).toBe('Drawn by sdxl. Sides of 512 to 2048 pixels, 28 steps.')
  })

  it('that failed says why, as the API does', () => {
    expect(lineOf(model({ status: 'failed', reason: 'Its folder is empty.' }))).toBe('This model cannot draw. Its folder is empty.')
  })
})

describe('a hint', () => {
  it.each(['雪の中の狐', 'лиса в снегу', 'ثعلب', 'a fox and 狐'])('is given for %s', (prompt) => {
    expect(hintFor(model({}), prompt)).toMatch(/reads English/)
  })

  it.each(['a photo of a fox', 'Photorealistic fox, 4K', 'DSLR, bokeh'])('is given for %s', (prompt) => {
    expect(hintFor(model({}), prompt)).toMatch(/no photographs/)
  })

  it.each(['a fox, “café”, 3 × 4 – 🦊', 'a photogenic telephoton', ''])('is not given for %s', (prompt) => {
    expect(hintFor(model({}), prompt)).toBe('')
  })

  it('is not given for other models', () => {
    expect(hintFor(model({ drawn_by: 'sdxl' }), 'a photo of 狐')).toBe('')
  })
})

describe('words', () => {
  const at = (step: number): Job => ({ state: 'running', progress: { step, steps: 4, seconds_left: 9 } }) as Job

  it('say that a style is painted once the steps are taken', () => {
    expect(progress(at(3))).toBe('Step 3 of 4, about 9 s left')
    expect(progress(at(4))).toBe('Painting')
  })

  it('are cut at 120 letters, between letters', () => {
    expect(short('a fox')).toBe('a fox')
    expect([...short('🦊'.repeat(200))]).toHaveLength(120)
  })

  it('name the days that are near', () => {
    const now = new Date(2026, 2, 29, 0, 30).getTime()
    expect(day(now / 1000, now)).toBe('Today')
    expect(day(now / 1000 - 3600, now)).toBe('Yesterday')
    expect(day(now / 1000 - 40 * 3600, now)).toMatch(/2026/)
  })
})
