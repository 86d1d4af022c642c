/** Work that is done one after the other, off the media's path. */

export class WorkQueue {
  readonly #onFault: (error: unknown) => void;
  #tail: Promise<void> = Promise.resolve();
  #length = 0;

  /** @param onFault told where a piece of work rejects; the next one goes on */
  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  /** Pieces that wait or are under way. */
  get length(): number {
    return this.#length;
  }

  /** Resolves when all that has been pushed so far is done. */
  get idle(): Promise<void> {
    return this.#tail;
  }

  push(work: () => Promise<void>): void {
    this.#length++;
    this.#tail = this.#tail
      .then(work)
      .catch(this.#onFault)
      .finally(() => {
        this.#length--;
      });
  }
}
