/** Where the page is, kept in the fragment: that works behind every path prefix and asks nothing of the server. */

export type Route =
  | { view: 'draw' }
  | { view: 'gallery'; picture: string | null }
  | { view: 'grid' }
  | { view: 'keys' }
  /** `left` null: the first picture that the right one was made from. */
  | { view: 'compare'; left: string | null; right: string }

export function parseRoute(hash: string): Route {
  const [view, first, second] = hash.replace(/^#\/?/, '').split('/')
  if (view === 'gallery') return { view, picture: first || null }
  if (view === 'grid' || view === 'keys') return { view }
  if (view === 'compare' && first && second) return { view, left: first, right: second }
  if (view === 'before' && first) return { view: 'compare', left: null, right: first }
  return { view: 'draw' }
}

class Router {
  route = $state<Route>(parseRoute(location.hash))

  constructor() {
    addEventListener('hashchange', () => (this.route = parseRoute(location.hash)))
  }

  go(path: string): void {
    location.hash = `#/${path}`
  }

  /** Change the address without a step back in the history. */
  replace(path: string): void {
    history.replaceState(null, '', `#/${path}`)
    this.route = parseRoute(location.hash)
  }
}

export const router = new Router()
