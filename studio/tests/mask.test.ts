import { describe, expect, it } from 'vitest'
import { greyOf } from '../src/mask'

const pixels = (...each: number[][]): Uint8ClampedArray => Uint8ClampedArray.from(each.flat())

describe('masks that come back', () => {
  it('are white where they are transparent, if they are anywhere', () => {
    const data = pixels([255, 255, 255, 255], [0, 0, 0, 0], [9, 9, 9, 155])
    greyOf(data)
    expect(data).toEqual(pixels([0, 0, 0, 255], [255, 255, 255, 255], [100, 100, 100, 255]))
  })

  it('are as grey as they are where nothing is transparent', () => {
    const data = pixels([255, 255, 255, 255], [0, 0, 0, 255], [255, 0, 0, 255])
    greyOf(data)
    expect(data).toEqual(pixels([255, 255, 255, 255], [0, 0, 0, 255], [76, 76, 76, 255]))
  })
})
