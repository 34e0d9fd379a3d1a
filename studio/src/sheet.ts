/** A contact sheet: pictures in rows and columns with their values beside them, on one canvas. */

export interface Sheet {
  title: string
  /** What varies across and down; empty where nothing does. */
  across?: string
  down?: string
  columns: string[]
  rows: string[]
  /** By row; null where nothing was drawn. */
  pictures: (ImageBitmap | null)[][]
}

const GAP = 16
const MARGIN = 40
const TITLE = 72
/** Browsers refuse canvases beyond this side. */
const MAX_SIDE = 8000
const FONT = '"Instrument Sans", system-ui, sans-serif'

export async function drawSheet(sheet: Sheet): Promise<Blob> {
  const all = sheet.pictures.flat().filter((picture) => picture !== null)
  const most = Math.max(sheet.rows.length, sheet.columns.length)
  const side = Math.min(512, Math.floor((MAX_SIDE - 400) / most) - GAP)
  const scale = side / Math.max(...all.map(({ width, height }) => Math.max(width, height)), 1)
  const cellWidth = Math.ceil(Math.max(...all.map(({ width }) => width), 1) * scale)
  const cellHeight = Math.ceil(Math.max(...all.map(({ height }) => height), 1) * scale)
  const left = MARGIN + (sheet.rows.some(Boolean) ? 150 : 0)
  const top = MARGIN + TITLE + (sheet.columns.some(Boolean) ? 40 : 0)
  const canvas = document.createElement('canvas')
  canvas.width = left + sheet.columns.length * (cellWidth + GAP) - GAP + MARGIN
  canvas.height = top + sheet.rows.length * (cellHeight + GAP) - GAP + MARGIN
  const pen = canvas.getContext('2d')
  if (!pen) throw new Error('The browser gave no canvas to draw on.')
  pen.fillStyle = '#0d0b0a'
  pen.fillRect(0, 0, canvas.width, canvas.height)
  pen.textBaseline = 'middle'
  write(pen, sheet.title, MARGIN, MARGIN + 12, canvas.width - 2 * MARGIN, `600 24px ${FONT}`, '#efe8e2')
  const axes = [sheet.across && `Across: ${sheet.across}`, sheet.down && `Down: ${sheet.down}`].filter(Boolean).join(' · ')
  write(pen, axes, MARGIN, MARGIN + 42, canvas.width - 2 * MARGIN, `500 16px ${FONT}`, '#a99d95')
  sheet.columns.forEach((label, x) => write(pen, label, left + x * (cellWidth + GAP), top - 22, cellWidth, `500 18px ${FONT}`, '#a99d95'))
  sheet.rows.forEach((label, y) => write(pen, label, MARGIN, top + y * (cellHeight + GAP) + cellHeight / 2, 136, `500 18px ${FONT}`, '#a99d95'))
  sheet.pictures.forEach((row, y) =>
    row.forEach((picture, x) => {
      if (!picture) return
      const [width, height] = [picture.width * scale, picture.height * scale]
      pen.drawImage(picture, left + x * (cellWidth + GAP) + (cellWidth - width) / 2, top + y * (cellHeight + GAP) + (cellHeight - height) / 2, width, height)
    }),
  )
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The sheet is too large for this browser.'))), 'image/png'))
}

/** Text that is too long ends in an ellipsis. */
function write(pen: CanvasRenderingContext2D, text: string, x: number, y: number, room: number, font: string, colour: string): void {
  pen.font = font
  pen.fillStyle = colour
  let shown = text
  while (shown.length > 1 && pen.measureText(shown).width > room) shown = `${shown.replace(/…$/, '').slice(0, -1)}…`
  pen.fillText(shown, x, y)
}
