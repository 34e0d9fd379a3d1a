import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { reload } from './reload'
import { ui } from './ui.svelte'

ui.showTheme()

const RELOADED = 'safelight.reloaded'

// After an update the old page asks for files that are gone: one reload brings the new page, a second would not help.
addEventListener('vite:preloadError', () => {
  if (sessionStorage.getItem(RELOADED)) return
  sessionStorage.setItem(RELOADED, '1')
  void reload(true)
})
// A page that has been up for a while is a good one: the next update may reload again.
setTimeout(() => sessionStorage.removeItem(RELOADED), 10_000)

const target = document.getElementById('app')
if (target) {
  target.replaceChildren()
  mount(App, { target })
}
