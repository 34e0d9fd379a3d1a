/** What is open, and what the keyboard does: shared by the parts of the page. */

import type { Job } from './api'

const SINGLE_KEYS = 'safelight.single-keys'
const SETTINGS_IN_FILES = 'safelight.settings-in-files'
const THEME = 'safelight.theme'

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

  /** The sheet that says how the page is used. */
  help = $state(false)
  /** The picture that is looked at closely; keys are for it. */
  picture = $state.raw<Job | null>(null)
  /** Whether a downloaded file says what it was made with. */
  settingsInFiles = $state(localStorage.getItem(SETTINGS_IN_FILES) !== 'off')

  setSettingsInFiles(on: boolean): void {
    this.settingsInFiles = on
    localStorage.setItem(SETTINGS_IN_FILES, on ? 'on' : 'off')
  }

  theme = $state(localStorage.getItem(THEME) ?? 'system')

  setTheme(theme: string): void {
    this.theme = theme
    localStorage.setItem(THEME, theme)
    this.showTheme()
  }

  /** `light-dark()` in the style sheet follows what this says. */
  showTheme(): void {
    document.documentElement.dataset['theme'] = this.theme
  }
}

export const ui = new Ui()
