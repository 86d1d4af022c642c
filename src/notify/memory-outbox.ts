/** The outbox that keeps its events in memory: fast, bounded, and gone with the process. */
import type { Clock } from '../streams/index.ts';
import { LaneBook } from './lane-book.ts';
import type {
  Attempt,
  EventFilter,
  EventState,
  Keeping,
  KeptEvent,
  NewEvent,
  Outbox,
  ReceiverTally,
  ReplayFilter,
  Settlement,
  Take,
  WaitingEvent,
} from './outbox.ts';
import { Tallies } from './tallies.ts';
import { Watchers } from './watchers.ts';

/** Events held at most; with bodies of 400 bytes about 100 MB. */
const MAX_WAITING_EVENTS = 100_000;
/** Settled events that are kept to be seen and replayed. */
const MAX_SETTLED_EVENTS = 1000;
/** Streams whose numbering is remembered; the stream that was silent longest is forgotten first. */
const MAX_STREAM_COUNTERS = 100_000;
/** Tries kept of one event. */
const MAX_TRIES = 50;

export interface MemoryOutboxOptions {
  /** Begins every event's id; differs from one process to the next. */
  readonly idPrefix: string;
  readonly clock: Clock;
  /** Events held at most. */
  readonly maxWaiting?: number;
}

interface Kept {
  event: WaitingEvent;
  state: EventState;
  tries: Attempt[];
}

export class MemoryOutbox implements Outbox {
  readonly lost = 0;
  readonly isVolatile = true;
  readonly keeping: Keeping = { in: 'memory', why: 'no database is configured' };
  readonly #options: MemoryOutboxOptions;
  readonly #book: LaneBook;
  readonly #tallies = new Tallies();
  readonly #watchers = new Watchers();
  readonly #streamSeqs = new Map<string, number>();
  /** What waits and what was settled last, by number. */
  readonly #kept = new Map<number, Kept>();
  #settled: number[] = [];
  #replays = 0;
  #lastSeq = 0;

  constructor(options: MemoryOutboxOptions) {
    this.#options = options;
    this.#book = new LaneBook(options.clock, null);
  }

  get waiting(): number {
    return this.#book.waiting;
  }

  get isStuck(): boolean {
    return this.#book.isStuck;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  open(onReady: (receiver: string) => void): Promise<void> {
    this.#book.onReady = onReady;
    return Promise.resolve();
  }

  append(event: NewEvent): number | null {
    if (this.#book.waiting >= (this.#options.maxWaiting ?? MAX_WAITING_EVENTS)) return null;
    const seq = ++this.#lastSeq;
    const waiting: WaitingEvent = {
      ...event,
      seq,
      streamSeq: event.streamName === null ? null : this.#nextStreamSeq(event.streamName),
      id: `${this.#options.idPrefix}${seq}`,
      attempts: 0,
    };
    this.#kept.set(seq, { event: waiting, state: 'waiting', tries: [] });
    this.#book.place(waiting);
    this.#watchers.tell([waiting]);
    return seq;
  }

  /** A process that dies takes all with it, so there is nothing to be kept for the next one. */
  note(): void {}

  count(): void {}

  reserve(_prefix: string, _last: number, _exact: boolean, onSafe: () => void): void {
    onSafe();
  }

  take(receiver: string, maxLanes: number): Promise<Take> {
    return Promise.resolve(this.#book.take(receiver, maxLanes));
  }

  settle(event: WaitingEvent, settlement: Settlement): void {
    if (!this.#book.settle(event, settlement)) return;
    const kept = this.#kept.get(event.seq);
    if (kept === undefined) return;
    if (kept.tries.length === MAX_TRIES) kept.tries.shift();
    kept.tries.push({
      unixMs: this.#options.clock.unixMs(),
      status: settlement.status,
      error: 'why' in settlement && settlement.status === null ? settlement.why : null,
    });
    kept.event = { ...kept.event, attempts: event.attempts + 1 };
    if (settlement.kind === 'retry') return;
    kept.state = settlement.kind;
    this.#tallies.add(event.receiver, settlement.kind);
    this.#settled.push(event.seq);
    if (this.#settled.length < 2 * MAX_SETTLED_EVENTS) return;
    for (const seq of this.#settled.slice(0, -MAX_SETTLED_EVENTS)) {
      if (this.#kept.get(seq)?.state !== 'waiting') this.#kept.delete(seq);
    }
    this.#settled = this.#settled.slice(-MAX_SETTLED_EVENTS);
  }

  release(seq: number): void {
    this.#book.release(seq);
  }

  hurry(): void {
    this.#book.hurry();
  }

  tallies(): Promise<ReceiverTally[]> {
    return Promise.resolve(this.#tallies.of(this.#book, () => null));
  }

  events({ since, before = Infinity, isNewestFirst, streamName, state, limit }: EventFilter): Promise<KeptEvent[]> {
    const found: KeptEvent[] = [];
    for (const [seq, kept] of isNewestFirst === true ? [...this.#kept].reverse() : this.#kept) {
      if (found.length === limit) break;
      if (seq <= since || seq >= before || (state !== null && kept.state !== state)) continue;
      if (streamName !== null && kept.event.streamName !== streamName) continue;
      found.push({ ...kept.event, state: kept.state, tries: [...kept.tries] });
    }
    return Promise.resolve(found);
  }

  replay(filter: ReplayFilter): Promise<number> {
    const ids = 'ids' in filter ? new Set(filter.ids) : null;
    const isMeant = ({ event, state }: Kept): boolean => {
      if (state === 'waiting') return false;
      if (ids !== null) return ids.has(event.id);
      return 'state' in filter ? state === filter.state : 'from' in filter && inRange(event.seq, filter);
    };
    const lanePrefix = `replay ${++this.#replays} `;
    let count = 0;
    for (const kept of this.#kept.values()) {
      if (!isMeant(kept)) continue;
      kept.state = 'waiting';
      kept.event = { ...kept.event, lane: lanePrefix + kept.event.lane, after: null };
      this.#book.place(kept.event);
      count++;
    }
    return Promise.resolve(count);
  }

  watch(onEvents: (events: readonly WaitingEvent[]) => void): () => void {
    return this.#watchers.add(onEvents);
  }

  idle(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #nextStreamSeq(streamName: string): number {
    const next = (this.#streamSeqs.get(streamName) ?? 0) + 1;
    // Set anew, so that the map's order is that of the last use.
    this.#streamSeqs.delete(streamName);
    this.#streamSeqs.set(streamName, next);
    if (this.#streamSeqs.size > MAX_STREAM_COUNTERS) {
      const [oldest] = this.#streamSeqs.keys();
      if (oldest !== undefined) this.#streamSeqs.delete(oldest);
    }
    return next;
  }
}

function inRange(seq: number, { from, to }: { from: number; to: number }): boolean {
  return seq >= from && seq <= to;
}
