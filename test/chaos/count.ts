/** A count that grows, and waiting until it is there. */

export class Count {
  value = 0;
  readonly #waiting = new Map<() => void, number>();

  add(): void {
    this.value++;
    for (const [resolve, target] of this.#waiting) {
      if (this.value < target) continue;
      this.#waiting.delete(resolve);
      resolve();
    }
  }

  /** Resolves once the count is `target` or more; forgotten without a trace where that never is. */
  reached(target: number): Promise<void> {
    if (this.value >= target) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(resolve, target));
  }
}
