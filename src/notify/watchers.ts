/** Those who are told of each event once it is committed. */
import type { WaitingEvent } from './outbox.ts';

type OnEvents = (events: readonly WaitingEvent[]) => void;

export class Watchers {
  readonly #watchers = new Set<{ readonly onEvents: OnEvents }>();

  /** Returns what ends it. */
  add(onEvents: OnEvents): () => void {
    const watcher = { onEvents };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  tell(events: readonly WaitingEvent[]): void {
    if (events.length === 0) return;
    for (const { onEvents } of [...this.#watchers]) onEvents(events);
  }
}
