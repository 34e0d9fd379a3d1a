/** The stream of a key's jobs: one connection, opened again whatever breaks it. Runs in the page and in the worker of all pages. */

/** An event's name and its data; `opened` and `failed` say how the connection stands. */
export type Message = readonly [name: string, data: string]

const EVENTS = ['job', 'end', 'queue', 'progress', 'preview', 'deleted']
/** A proxy that has lost its server answers 502, and after any such answer a browser does not come back by itself. */
const REOPEN_MS = 2000

/** Tell what the stream at that address says, until the returned function is called. */
export function openStream(address: string, tell: (message: Message) => void): () => void {
  let source: EventSource
  let timer: ReturnType<typeof setTimeout> | undefined
  function open(): void {
    source = new EventSource(address)
    source.onopen = () => tell(['opened', ''])
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, REOPEN_MS)
      tell(['failed', ''])
    }
    for (const name of EVENTS) source.addEventListener(name, (event) => tell([name, (event as MessageEvent<string>).data]))
  }
  open()
  return () => {
    clearTimeout(timer)
    source.close()
  }
}
