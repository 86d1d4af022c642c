/** The numbers of streams' events while the database cannot give them. */
import type { WaitingEvent } from './outbox.ts';

/** Streams whose last number is known; the one that was silent longest is forgotten first. */
const MAX_STREAMS = 50_000;

export class StreamNumbers {
  /** Of the last committed event, by stream. */
  readonly #last = new Map<string, number>();
  /** Of the last event at all; null: the database gives the numbers. */
  #ahead: Map<string, number> | null = null;

  /** The last committed number of each stream that is known. */
  get last(): ReadonlyMap<string, number> {
    return this.#last;
  }

  committed(events: readonly WaitingEvent[]): void {
    for (const { streamName, streamSeq } of events) {
      if (streamName === null || streamSeq === null) continue;
      // Set anew, so that the map's order is that of the last use.
      this.#last.delete(streamName);
      this.#last.set(streamName, streamSeq);
      if (this.#last.size <= MAX_STREAMS) continue;
      const [oldest] = this.#last.keys();
      if (oldest !== undefined) this.#last.delete(oldest);
    }
  }

  /** From now on `next` gives the numbers, also to these events, the only ones that are not committed, in order. */
  goAhead(uncommitted: Iterable<WaitingEvent>): void {
    if (this.#ahead !== null) return;
    this.#ahead = new Map();
    for (const event of uncommitted) {
      if (event.streamName === null) continue;
      if (event.streamSeq !== null) {
        this.#ahead.set(event.streamName, event.streamSeq);
        continue;
      }
      const numbered: { streamSeq: number | null } = event;
      numbered.streamSeq = this.next(event.streamName);
    }
  }

  /** The database gives the numbers again. */
  stop(): void {
    this.#ahead = null;
  }

  /** The next number of a stream; null: the database will give it, or it is not known. */
  next(streamName: string | null): number | null {
    if (this.#ahead === null || streamName === null) return null;
    const last = this.#ahead.get(streamName) ?? this.#last.get(streamName);
    if (last === undefined) return null;
    this.#ahead.set(streamName, last + 1);
    return last + 1;
  }
}
