/** Following all own jobs: on the stream that all pages share, or on one of its own where there are no shared workers. */
import { address, type Job, type Progress } from './api'
import { openStream, type Message } from './stream'
import type { Wish } from './stream.worker'

export interface Watcher {
  opened(): void
  failed(): void
  job(job: Job): void
  queue(id: string, queue: { position: number; seconds: number | null }): void
  progress(id: string, progress: Progress): void
  preview(id: string, url: string): void
  deleted(id: string): void
}

/** Until the returned function is called. `who` is whose jobs they are. */
export function watch(watcher: Watcher, who: string): () => void {
  const stream = address('v1/jobs/events')
  const tell = (message: Message): void => hear(watcher, message)
  if (typeof SharedWorker === 'undefined') return openStream(stream, tell)
  const { port, ...worker } = shared()
  let alone: (() => void) | undefined
  worker.failed(() => (alone ??= openStream(stream, tell)))
  port.onmessage = ({ data }: MessageEvent<Message>) => tell(data)
  port.postMessage({ address: stream, who } satisfies Wish)
  return () => {
    worker.failed(() => undefined)
    alone?.()
    port.postMessage('leave' satisfies Wish)
    port.onmessage = null
  }
}

function shared(): { port: MessagePort; failed(act: () => void): void } {
  const worker = new SharedWorker(new URL('./stream.worker.ts', import.meta.url), { type: 'module', name: 'safelight' })
  return { port: worker.port, failed: (act) => void (worker.onerror = act) }
}

function hear(watcher: Watcher, [name, data]: Message): void {
  if (name === 'opened') return watcher.opened()
  if (name === 'failed') return watcher.failed()
  const { id, ...said } = JSON.parse(data) as { id: string } & Record<string, unknown>
  if (name === 'job' || name === 'end') watcher.job({ id, ...said } as unknown as Job)
  else if (name === 'queue') watcher.queue(id, said as unknown as NonNullable<Job['queue']>)
  else if (name === 'progress') watcher.progress(id, said as unknown as Progress)
  else if (name === 'preview') watcher.preview(id, `data:${String(said['media_type'])};base64,${String(said['b64_json'])}`)
  else if (name === 'deleted') watcher.deleted(id)
}
