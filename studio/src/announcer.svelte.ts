/** What a screen reader is told, and what everybody is shown for a moment. */

class Announcer {
  /** Politely said when it changes. */
  said = $state('')
  /** A short message at the foot of the page. */
  notice = $state<{ text: string; fault: boolean } | null>(null)
  #timer: ReturnType<typeof setTimeout> | undefined

  say(text: string): void {
    this.said = text
  }

  tell(text: string, fault = false): void {
    this.notice = { text, fault }
    clearTimeout(this.#timer)
    // WCAG 2.2.1: a fault stays until it is dismissed, a confirmation may go.
    if (!fault) this.#timer = setTimeout(() => (this.notice = null), 5000)
  }

  dismiss(): void {
    this.notice = null
  }
}

export const announcer = new Announcer()
