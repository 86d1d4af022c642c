/** Requests that wait for something that does not exist yet, each for a while at most. */

interface Waiting<T> {
  readonly attempt: () => T | null;
  readonly settle: (answer: T) => void;
}

export class WaitingRoom<T> {
  readonly #max: number;
  readonly #waiting = new Set<Waiting<T>>();

  /** @param max of requests that wait at a time */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get full(): boolean {
    return this.#waiting.size >= this.#max;
  }

  /**
   * Resolves with what `attempt` gives, once `wake` finds that it gives something; after `patienceMs` with `expired`.
   * The caller has seen that there is room.
   */
  wait(attempt: () => T | null, patienceMs: number, expired: T): Promise<T> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiting.settle(expired), patienceMs);
      timer.unref();
      const waiting: Waiting<T> = {
        attempt,
        settle: (answer) => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          resolve(answer);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  /** Something is new. */
  wake(): void {
    for (const waiting of this.#waiting) {
      const answer = waiting.attempt();
      if (answer !== null) waiting.settle(answer);
    }
  }
}
