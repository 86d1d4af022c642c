/** A binary heap of things that are due at a time, earliest first. */

export class DueHeap<T> {
  readonly #entries: { readonly dueMs: number; readonly value: T }[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** When the earliest is due; null where there is none. */
  get nextMs(): number | null {
    return this.#entries[0]?.dueMs ?? null;
  }

  push(dueMs: number, value: T): void {
    const entries = this.#entries;
    const entry = { dueMs, value };
    let at = entries.length;
    entries.push(entry);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = entries[parentAt];
      if (parent === undefined || parent.dueMs <= dueMs) break;
      entries[at] = parent;
      at = parentAt;
    }
    entries[at] = entry;
  }

  /** Takes the earliest out if it is due at `nowMs`. */
  popDue(nowMs: number): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    const last = entries.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first.value;
  }

  /** Puts `entry` where it belongs, coming from the top. */
  #sink(entry: { readonly dueMs: number; readonly value: T }): void {
    const entries = this.#entries;
    let at = 0;
    for (;;) {
      const left = entries[2 * at + 1];
      const right = entries[2 * at + 2];
      const childAt = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? 2 * at + 2 : 2 * at + 1;
      const child = entries[childAt];
      if (child === undefined || child.dueMs >= entry.dueMs) break;
      entries[at] = child;
      at = childAt;
    }
    entries[at] = entry;
  }
}
