/** The average colours of pictures that were seen: what stands in their place until they are there again. */

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

  of = (id: string): string | undefined => this.#known.get(id)

  /** Take it from a picture of ours that is shown. */
  note(id: string, image: HTMLImageElement): void {
    if (this.#known.has(id)) return
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
