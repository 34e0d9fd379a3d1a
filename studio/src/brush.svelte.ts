/** What has been painted on a mask and what is being painted, and the way back and forth. */
import { newCanvas, paint, paintStroke, type Point, type Step, type Stroke } from './mask'

/** The longest side that is painted on while one looks; what is sent is painted again in the picture's own size. */
const LONGEST = 1536

export class Painting {
  erases = $state(false)
  /** The brush's diameter in pixels of the picture. */
  size = $state(0)
  soft = $state(0)
  done = $state.raw<readonly Step[]>([])
  undone = $state.raw<readonly Step[]>([])
  readonly canvas: HTMLCanvasElement
  readonly scale: number
  readonly least = 2
  readonly most: number
  #stroke: Stroke | null = null

  constructor(
    readonly width: number,
    readonly height: number,
    steps: readonly Step[],
  ) {
    this.scale = Math.min(1, LONGEST / Math.max(width, height))
    this.canvas = newCanvas(Math.round(width * this.scale), Math.round(height * this.scale))
    this.most = Math.max(width, height)
    this.size = Math.round(Math.max(width, height) / 12)
    this.done = steps
    this.#repaint()
  }

  get painting(): boolean {
    return this.#stroke !== null
  }

  begin(point: Omit<Point, 'width'>, pressure = 1, erases = this.erases): void {
    this.end()
    this.#stroke = { kind: 'stroke', erases, soft: this.soft, points: [] }
    this.go(point, pressure)
  }

  go({ x, y }: Omit<Point, 'width'>, pressure = 1): void {
    const pen = this.canvas.getContext('2d')
    if (!this.#stroke || !pen) return
    this.#stroke.points.push({ x, y, width: this.size * pressure })
    paintStroke(pen, this.#stroke, this.scale, this.#stroke.points.length - 1)
  }

  end(): void {
    const stroke = this.#stroke
    this.#stroke = null
    if (stroke) this.#did(stroke)
  }

  /** What was begun was not meant: a second finger came. */
  drop(): void {
    this.#stroke = null
    this.#repaint()
  }

  invert(): void {
    this.#add({ kind: 'invert' })
  }

  clear(): void {
    this.#add({ kind: 'clear' })
  }

  undo(): void {
    this.end()
    const last = this.done.at(-1)
    if (!last) return
    this.done = this.done.slice(0, -1)
    this.undone = [...this.undone, last]
    this.#repaint()
  }

  redo(): void {
    this.end()
    const next = this.undone.at(-1)
    if (!next) return
    this.undone = this.undone.slice(0, -1)
    this.done = [...this.done, next]
    this.#repaint()
  }

  resize(size: number): void {
    this.size = Math.round(Math.min(this.most, Math.max(this.least, size)))
  }

  #add(step: Step): void {
    this.end()
    this.#did(step)
    this.#repaint()
  }

  #did(step: Step): void {
    this.done = [...this.done, step]
    this.undone = []
  }

  #repaint(): void {
    paint(this.canvas, this.done, this.scale)
  }
}
