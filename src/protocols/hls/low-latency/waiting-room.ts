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
   * @param gone aborted when nobody waits for the answer any more: the place is free then
   */
  wait(attempt: () => T | null, patienceMs: number, expired: T, gone?: AbortSignal): Promise<T> {
    if (gone?.aborted === true) return Promise.resolve(expired);
    return new Promise((resolve) => {
      const leave = (): void => waiting.settle(expired);
      const timer = setTimeout(() => waiting.settle(expired), patienceMs);
      timer.unref();
      const waiting: Waiting<T> = {
        attempt,
        settle: (answer) => {
          clearTimeout(timer);
          gone?.removeEventListener('abort', leave);
          this.#waiting.delete(waiting);
          resolve(answer);
        },
      };
      this.#waiting.add(waiting);
      gone?.addEventListener('abort', leave, { once: true });
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
