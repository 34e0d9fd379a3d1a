/** The average colours of pictures: what stands in their place until they are there. The server tells them, but not of
 * pictures that an earlier version kept: of those that were seen they are remembered here. */

import type { Job } from './api'

const STORED = 'safelight.colours'
const MOST = 2000

class Colours {
  #known = new Map<string, string>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    try {
      this.#known = new Map(JSON.parse(localStorage.getItem(STORED) ?? '[]') as [string, string][])
    } catch {
      // Boxes are grey until their pictures have been seen.
    }
  }

  of = (job: Job): string | undefined => job.image?.average_color ?? this.#known.get(job.id)

  /** Take it from a picture of ours that is shown. */
  note(job: Job, image: HTMLImageElement): void {
    const { id } = job
    if (this.of(job)) return
    const colour = average(image)
    if (!colour) return
    this.#known.set(id, colour)
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => localStorage.setItem(STORED, JSON.stringify([...this.#known])), 1000)
  }
}

/** Drawn on one pixel, a picture is its own average. */
function average(image: HTMLImageElement): string | null {
  const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d')
  if (!pen) return null
  pen.imageSmoothingQuality = 'high'
  pen.drawImage(image, 0, 0, 1, 1)
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data
  return `rgb(${red} ${green} ${blue})`
}

export const colours = new Colours()

/** For `onload` of a picture with the class `fades`: it is there now. */
export const arrived = (job: Job) => (event: Event): void => {
  const image = event.currentTarget as HTMLImageElement
  image.dataset.there = ''
  colours.note(job, image)
}
