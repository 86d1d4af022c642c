/** A value that views watch. */
import { useEffect, useState } from 'preact/hooks';

export class Store<T> {
  #value: T;
  readonly #watchers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    for (const watcher of this.#watchers) watcher(value);
  }

  /** Calls back with each new value; returns what ends it. */
  watch(watcher: (value: T) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}

/** The store's value; the view is drawn anew with each one. */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState<unknown>(null);
  useEffect(() => store.watch(() => redraw({})), [store]);
  return store.value;
}
