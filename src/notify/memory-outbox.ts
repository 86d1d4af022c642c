/** The outbox that keeps its events in memory: fast, bounded, and gone with the process. */
import type { Clock } from '../streams/index.ts';
import { DueHeap } from './due-heap.ts';
import type { NewEvent, Outbox, Settlement, Take, WaitingEvent } from './outbox.ts';

/** Events held at most; with bodies of 400 bytes about 100 MB. */
const MAX_WAITING_EVENTS = 100_000;
/** Streams whose numbering is remembered; the stream that was silent longest is forgotten first. */
const MAX_STREAM_COUNTERS = 100_000;
/** Events of one lane given out at once: few, so that lanes take turns. */
const RUN_LENGTH = 16;

export interface MemoryOutboxOptions {
  /** Begins every event's id; differs from one process to the next. */
  readonly idPrefix: string;
  readonly clock: Clock;
  /** Events held at most. */
  readonly maxWaiting?: number;
}

interface Lane {
  readonly key: string;
  readonly receiver: ReceiverLanes;
  /** Not settled yet, in order; those before `head` are gone already. */
  events: WaitingEvent[];
  head: number;
  /** `blocked`: its first event waits for another; `parked`: for its retry. */
  state: 'ready' | 'taken' | 'blocked' | 'parked';
  /** Events of the run that is out and not settled. */
  taken: number;
}

interface ReceiverLanes {
  readonly name: string;
  readonly lanes: Map<string, Lane>;
  readonly ready: Set<Lane>;
  readonly parked: DueHeap<Lane>;
}

export class MemoryOutbox implements Outbox {
  readonly #options: MemoryOutboxOptions;
  readonly #receivers = new Map<string, ReceiverLanes>();
  readonly #streamSeqs = new Map<string, number>();
  /** Events that others may wait for: those not settled and not released. */
  readonly #unsettled = new Set<number>();
  readonly #blocked = new Map<number, Lane[]>();
  #onReady: (receiver: string) => void = () => {};
  #waiting = 0;
  #lastSeq = 0;

  constructor(options: MemoryOutboxOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  open(onReady: (receiver: string) => void): Promise<void> {
    this.#onReady = onReady;
    return Promise.resolve();
  }

  append(event: NewEvent): number | null {
    if (this.#waiting >= (this.#options.maxWaiting ?? MAX_WAITING_EVENTS)) return null;
    const seq = ++this.#lastSeq;
    const lane = this.#lane(event);
    lane.events.push({
      ...event,
      seq,
      streamSeq: event.streamName === null ? null : this.#nextStreamSeq(event.streamName),
      id: `${this.#options.idPrefix}${seq}`,
      attempts: 0,
    });
    this.#waiting++;
    this.#unsettled.add(seq);
    if (lane.events.length - lane.head === 1) this.#offer(lane);
    return seq;
  }

  take(receiver: string, maxLanes: number): Promise<Take> {
    const from = this.#receivers.get(receiver);
    if (from === undefined) return Promise.resolve({ runs: [], nextDueMs: null });
    const nowMs = this.#options.clock.monotonicMs();
    for (let lane = from.parked.popDue(nowMs); lane !== undefined; lane = from.parked.popDue(nowMs)) {
      lane.state = 'ready';
      from.ready.add(lane);
    }
    const runs: WaitingEvent[][] = [];
    for (const lane of from.ready) {
      if (runs.length >= maxLanes) break;
      from.ready.delete(lane);
      const run = this.#run(lane);
      lane.state = 'taken';
      lane.taken = run.length;
      runs.push(run);
    }
    const { nextMs } = from.parked;
    return Promise.resolve({ runs, nextDueMs: nextMs === null ? null : Math.max(0, nextMs - nowMs) });
  }

  settle(event: WaitingEvent, settlement: Settlement): void {
    const lane = this.#receivers.get(event.receiver)?.lanes.get(event.lane);
    if (lane?.state !== 'taken' || lane.events[lane.head]?.seq !== event.seq) return;
    if (settlement.kind === 'retry') {
      lane.events[lane.head] = { ...event, attempts: event.attempts + 1 };
      lane.taken = 0;
      lane.state = 'parked';
      lane.receiver.parked.push(this.#options.clock.monotonicMs() + settlement.delayMs, lane);
      this.#onReady(lane.receiver.name);
      return;
    }
    lane.head++;
    this.#waiting--;
    lane.taken--;
    this.release(event.seq);
    if (lane.taken > 0) return;
    if (lane.head < lane.events.length) {
      if (lane.head * 2 >= lane.events.length) {
        lane.events = lane.events.slice(lane.head);
        lane.head = 0;
      }
      this.#offer(lane);
    } else {
      lane.receiver.lanes.delete(lane.key);
      if (lane.receiver.lanes.size === 0) this.#receivers.delete(lane.receiver.name);
    }
  }

  release(seq: number): void {
    this.#unsettled.delete(seq);
    const lanes = this.#blocked.get(seq);
    this.#blocked.delete(seq);
    for (const lane of lanes ?? []) this.#offer(lane);
  }

  hurry(): void {
    for (const receiver of this.#receivers.values()) {
      const parked = receiver.parked;
      for (let lane = parked.popDue(Infinity); lane !== undefined; lane = parked.popDue(Infinity)) this.#offer(lane);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #lane(event: NewEvent): Lane {
    let receiver = this.#receivers.get(event.receiver);
    if (receiver === undefined) {
      receiver = { name: event.receiver, lanes: new Map(), ready: new Set(), parked: new DueHeap() };
      this.#receivers.set(event.receiver, receiver);
    }
    let lane = receiver.lanes.get(event.lane);
    if (lane === undefined) {
      lane = { key: event.lane, receiver, events: [], head: 0, state: 'ready', taken: 0 };
      receiver.lanes.set(event.lane, lane);
    }
    return lane;
  }

  /** The lane can be taken now, unless its first event waits for another one. */
  #offer(lane: Lane): void {
    const after = this.#waitsFor(lane.events[lane.head]);
    if (after === null) {
      lane.state = 'ready';
      lane.receiver.ready.add(lane);
      this.#onReady(lane.receiver.name);
      return;
    }
    lane.state = 'blocked';
    const others = this.#blocked.get(after);
    if (others === undefined) this.#blocked.set(after, [lane]);
    else others.push(lane);
  }

  #run(lane: Lane): WaitingEvent[] {
    const run: WaitingEvent[] = [];
    for (let i = lane.head; i < lane.events.length && run.length < RUN_LENGTH; i++) {
      const event = lane.events[i];
      if (event === undefined || this.#waitsFor(event) !== null) break;
      run.push(event);
    }
    return run;
  }

  #waitsFor(event: WaitingEvent | undefined): number | null {
    const after = event?.after ?? null;
    return after !== null && this.#unsettled.has(after) ? after : null;
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
