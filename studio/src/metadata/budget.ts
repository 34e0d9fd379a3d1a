/** What reading one file may cost, whatever the file holds. The parts of a file share it: many small texts cost what one large does. */

/** No generator's settings come near this. */
const MAX_TEXT_BYTES = 32 * 1024 * 1024
const MAX_ENTRIES = 4096

/** Thrown where a file asks for more; what was read until then counts. */
export class Exhausted extends RangeError {}

export class Budget {
  #bytes = MAX_TEXT_BYTES
  #entries = MAX_ENTRIES

  /** @throws Exhausted where so many bytes of text are more than is left. */
  spend(bytes: number): void {
    this.#bytes -= bytes
    if (this.#bytes < 0) throw new Exhausted('The texts are too long to be settings.')
  }

  /** Count a text chunk or a directory entry. @throws Exhausted */
  count(): void {
    if (--this.#entries < 0) throw new Exhausted('There are too many entries.')
  }
}
