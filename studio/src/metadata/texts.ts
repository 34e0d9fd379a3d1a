/** The texts of one file, by the names that its format gives them. */
import type { Budget } from './budget'

export class Texts {
  readonly #found = new Map<string, string>()

  get = (name: string): string | undefined => this.#found.get(name)
  has = (name: string): boolean => this.#found.has(name)
  values = (): Iterable<string> => this.#found.values()

  /** The first of a name counts, unless it is empty. @throws Exhausted */
  add(name: string, text: string, budget: Budget): void {
    budget.spend(text.length)
    if (!this.#found.get(name)) this.#found.set(name, text)
  }
}
