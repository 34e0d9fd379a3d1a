/**
 * One stream for all pages of a browser: it has six connections to a host, and a seventh page would never load.
 * A shared worker needs no https, unlike locks, and outlives whichever page opened it.
 */
import { openStream, type Message } from './stream'

/** What a page that looks says; one that is hidden, or goes, says `leave`. */
export type Wish = { address: string; who: string } | 'leave'

const looking = new Set<MessagePort>()
const previews = new Map<string, Message>()
let close: (() => void) | undefined
let who = ''
let isOpen = false

addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0]!
  port.onmessage = ({ data }: MessageEvent<Wish>) => (data === 'leave' ? leave(port) : enter(port, data))
})

function enter(port: MessagePort, wish: Exclude<Wish, 'leave'>): void {
  // Somebody else has signed in: the stream is still that of the one before.
  if (wish.who !== who) end()
  who = wish.who
  looking.add(port)
  if (!close) close = openStream(wish.address, tell)
  else if (isOpen) {
    port.postMessage(['opened', ''])
    for (const preview of previews.values()) port.postMessage(preview)
  }
}

function leave(port: MessagePort): void {
  looking.delete(port)
  if (!looking.size) end()
}

function end(): void {
  close?.()
  close = undefined
  isOpen = false
  previews.clear()
  for (const port of looking) port.postMessage(['failed', ''])
  looking.clear()
}

function tell(message: Message): void {
  const [name, data] = message
  if (name === 'opened' || name === 'failed') isOpen = name === 'opened'
  // Who comes later is shown what is being drawn, as the stream itself shows it to who opens it.
  if (name === 'preview') previews.set(idIn(data), message)
  if (name === 'end' || name === 'deleted') previews.delete(idIn(data))
  for (const port of looking) port.postMessage(message)
}

const idIn = (data: string): string => (JSON.parse(data) as { id: string }).id
