/** What is open, and what the keyboard does: shared by the parts of the page. */

const SINGLE_KEYS = 'safelight.single-keys'

class Ui {
  /** The sheet of keyboard shortcuts. */
  sheet = $state(false)
  /** A file whose settings are looked at. */
  file = $state<File | null>(null)
  /** WCAG 2.1.4: shortcuts of a single character can be turned off. */
  singleKeys = $state(localStorage.getItem(SINGLE_KEYS) !== 'off')

  setSingleKeys(on: boolean): void {
    this.singleKeys = on
    localStorage.setItem(SINGLE_KEYS, on ? 'on' : 'off')
  }

  /** A question before something that cannot be undone. */
  question = $state<{ title: string; text: string; action: string; answer: (yes: boolean) => void } | null>(null)

  ask(title: string, text: string, action: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.question = {
        title,
        text,
        action,
        answer: (yes) => {
          this.question = null
          resolve(yes)
        },
      }
    })
  }

  focusPrompt(): void {
    document.getElementById('prompt')?.focus()
  }
}

export const ui = new Ui()
