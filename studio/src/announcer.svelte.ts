/** What a screen reader is told, and what everybody is shown for a moment. */

/** Something that can be done while a notice is there, and what happens when it goes without. */
interface Offer {
  name: string
  act(): void
  over(): void
}

interface Notice {
  text: string
  fault: boolean
  offer: Offer | undefined
}

const SHOWN_MS = 5000
const OFFERED_MS = 12_000

class Announcer {
  /** Politely said when it changes. */
  said = $state('')
  /** A short message at the foot of the page. */
  notice = $state.raw<Notice | null>(null)
  #timer: ReturnType<typeof setTimeout> | undefined

  say(text: string): void {
    this.said = text
  }

  tell(text: string, fault = false, offer?: Offer): void {
    this.dismiss()
    this.notice = { text, fault, offer }
    // WCAG 2.2.1: a fault stays until it is dismissed, a confirmation may go.
    if (!fault) this.#timer = setTimeout(() => this.dismiss(), offer ? OFFERED_MS : SHOWN_MS)
  }

  /** Do what the notice offers. */
  take(): void {
    const offer = this.notice?.offer
    clearTimeout(this.#timer)
    this.notice = null
    offer?.act()
  }

  dismiss(): void {
    clearTimeout(this.#timer)
    const offer = this.notice?.offer
    this.notice = null
    offer?.over()
  }
}

export const announcer = new Announcer()
