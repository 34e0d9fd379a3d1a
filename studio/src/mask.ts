/** A mask as what was done to it, one step after another: undone by leaving steps out, and as sharp as the picture. */

/** Where the brush was, in pixels of the picture; `width` is its diameter there. */
export interface Point {
  x: number
  y: number
  width: number
}

export type Step =
  | { kind: 'stroke'; erases: boolean; /** How much of the brush is edge, 0 to 1. */ soft: number; points: Point[] }
  | { kind: 'invert' }
  | { kind: 'clear' }
  | { kind: 'image'; image: CanvasImageSource }

export type Stroke = Extract<Step, { kind: 'stroke' }>

/** Levels of grey in a soft edge. More are not told apart on a screen. */
const LEVELS = 16

export function newCanvas(width: number, height: number): HTMLCanvasElement {
  return Object.assign(document.createElement('canvas'), { width, height })
}

/** Draw the steps from the beginning: white is drawn anew, black is kept. */
export function paint(canvas: HTMLCanvasElement, steps: readonly Step[], scale: number): void {
  const pen = canvas.getContext('2d')
  if (!pen) return
  fill(pen, 'source-over', '#000')
  for (const step of steps) paintStep(pen, step, scale)
}

export function paintStep(pen: CanvasRenderingContext2D, step: Step, scale: number): void {
  if (step.kind === 'stroke') paintStroke(pen, step, scale)
  else if (step.kind === 'invert') fill(pen, 'difference', '#fff')
  else if (step.kind === 'clear') fill(pen, 'source-over', '#000')
  else {
    pen.globalCompositeOperation = 'source-over'
    pen.drawImage(step.image, 0, 0, pen.canvas.width, pen.canvas.height)
  }
}

/**
 * Draw a stroke from its point `from` on. Each level only makes lighter, or only darker: where a stroke crosses itself,
 * or is drawn again, nothing adds up. Half of white is reached at the brush's width.
 */
export function paintStroke(pen: CanvasRenderingContext2D, { erases, soft, points }: Stroke, scale: number, from = 0): void {
  const levels = soft > 0 ? LEVELS : 1
  pen.globalCompositeOperation = erases ? 'darken' : 'lighten'
  pen.lineCap = 'round'
  for (let level = 1; level <= levels; level++) {
    const grey = Math.round((255 * level) / levels)
    const shade = erases ? 255 - grey : grey
    pen.strokeStyle = `rgb(${shade} ${shade} ${shade})`
    const wide = levels === 1 ? 1 : 1 + soft * (0.5 - (level - 0.5) / levels)
    for (let at = Math.max(from, 0); at < points.length; at++) {
      const { x, y, width } = points[at]!
      const before = points[at - 1] ?? { x: x - 0.01, y }
      pen.lineWidth = Math.max(0.5, width * wide * scale)
      pen.beginPath()
      pen.moveTo(before.x * scale, before.y * scale)
      pen.lineTo(x * scale, y * scale)
      pen.stroke()
    }
  }
}

function fill(pen: CanvasRenderingContext2D, operation: GlobalCompositeOperation, colour: string): void {
  pen.globalCompositeOperation = operation
  pen.fillStyle = colour
  pen.fillRect(0, 0, pen.canvas.width, pen.canvas.height)
}

/** The mask as it is sent: a PNG of the picture's size without transparency, white where it is drawn anew. Null: nothing is. */
export async function exported(steps: readonly Step[], width: number, height: number): Promise<Blob | null> {
  const canvas = newCanvas(width, height)
  paint(canvas, steps, 1)
  if (!isAnywhere(canvas)) return null
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'))
}

/** Whether a server draws anything anew: from half of white on. */
function isAnywhere(canvas: HTMLCanvasElement): boolean {
  const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? []
  for (let at = 0; at < data.length; at += 4) if (data[at]! >= 128) return true
  return false
}

/** A mask of a job, of either kind, as one that is painted on: transparent parts become white where there are any. */
export function readMask(image: HTMLImageElement): HTMLCanvasElement {
  const canvas = newCanvas(image.naturalWidth, image.naturalHeight)
  const pen = canvas.getContext('2d')
  if (!pen) return canvas
  pen.drawImage(image, 0, 0)
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height)
  greyOf(pixels.data)
  pen.putImageData(pixels, 0, 0)
  return canvas
}

/** Change pixels of either kind of mask into opaque grey. */
export function greyOf(data: Uint8ClampedArray): void {
  let transparent = false
  for (let at = 3; at < data.length; at += 4) if (data[at]! < 255) transparent = true
  for (let at = 0; at < data.length; at += 4) {
    const grey = transparent ? 255 - data[at + 3]! : Math.round(0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!)
    data[at] = data[at + 1] = data[at + 2] = grey
    data[at + 3] = 255
  }
}
