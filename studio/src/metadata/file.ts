/** What the page calls to read a file: the work is done in a worker, which is ended when it takes too long. */
import type { Reading } from '.'

/** A file of 200 MB is looked through in less; what takes longer was made to. */
const MAX_READING_MS = 2000
/** Fetching the reader itself, over a slow line. */
const MAX_FETCHING_MS = 15_000

export function readFile(file: File): Promise<Reading> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  let timer: ReturnType<typeof setTimeout>
  return new Promise<Reading>((resolve) => {
    const within = (ms: number): void => {
      clearTimeout(timer)
      timer = setTimeout(() => resolve({ found: null, why: 'took too long' }), ms)
    }
    within(MAX_FETCHING_MS)
    worker.onmessage = ({ data }: MessageEvent<'ready' | Reading>) => {
      if (data !== 'ready') return resolve(data)
      within(MAX_READING_MS)
      worker.postMessage(file)
    }
    worker.onerror = () => resolve({ found: null, why: 'not read' })
  }).finally(() => {
    clearTimeout(timer)
    worker.terminate()
  })
}
