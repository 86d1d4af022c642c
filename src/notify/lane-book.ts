/** The lanes' order: which events can be delivered now. Holds a window of each lane; the rest is where it is stored. */
import type { Clock } from '../streams/index.ts';
import { earlierFrom, type Lane, newLane, newReceiver, type ReceiverLanes, setState, takeUncommitted } from './lane.ts';
import type { Settlement, Take, WaitingEvent } from './outbox.ts';
import { MAX_RETRY_AFTER_MS } from './retry-policy.ts';

/** Events of one lane given out at once: few, so that lanes take turns. */
const RUN_LENGTH = 16;
/** Events of one lane that are held while more are stored. */
const LANE_WINDOW = 64;
/** Events held of all lanes, beyond the first of each. */
const MAX_HELD = 5_000;
/** Lanes of one receiver that are known at a time; those of the events after them get their turn when these are done. */
const MAX_LANES = 5_000;

/** Where the events are that are not held. Answers by `loaded` and `scanned`. */
export interface LaneStore {
  /** Asks for a lane's waiting events from the number `from` on. */
  load(receiver: string, lane: string, from: number, limit: number): void;
  /** Asks for the lanes of a receiver's waiting events from the number `from` on. */
  scan(receiver: string, from: number): void;
  /** Whether the event was settled, though the store may not say so yet. */
  isSettled(seq: number): boolean;
  /** Whether nobody need wait for the event any more, likewise. */
  isReleased(seq: number): boolean;
}

export interface StoredEvent {
  readonly event: WaitingEvent;
  /** Not to be tried before. */
  readonly dueUnixMs: number;
}

export class LaneBook {
  readonly #clock: Clock;
  readonly #store: LaneStore | null;
  readonly #receivers = new Map<string, ReceiverLanes>();
  /** Events that held ones wait for. */
  readonly #unsettled = new Set<number>();
  readonly #blocked = new Map<number, Lane[]>();
  #onReady: (receiver: string) => void = () => {};
  /** Events up to this number may be given out. */
  #committedSeq: number;
  #givesAll = false;
  #held = 0;
  #waiting = 0;

  /** Without a store every event is held, and given out at once. */
  constructor(clock: Clock, store: LaneStore | null) {
    this.#clock = clock;
    this.#store = store;
    this.#committedSeq = store === null ? Infinity : 0;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Every lane waits for its retry, or for one that does. */
  get isStuck(): boolean {
    for (const { lanes, scanning } of this.#receivers.values()) {
      if (scanning) return false;
      for (const { state } of lanes.values()) if (state !== 'parked' && state !== 'blocked') return false;
    }
    return true;
  }

  set onReady(onReady: (receiver: string) => void) {
    this.#onReady = onReady;
  }

  receivers(): IterableIterator<ReceiverLanes> {
    return this.#receivers.values();
  }

  /** When the oldest event that is held happened; null where there is none. */
  oldestUnixMs(receiver: ReceiverLanes): number | null {
    let oldest: number | null = null;
    for (const { events, head, uncommitted } of receiver.lanes.values()) {
      const first = events[head] ?? uncommitted[0];
      if (first !== undefined && (oldest === null || first.unixMs < oldest)) oldest = first.unixMs;
    }
    return oldest;
  }

  /** `count` events of the receiver wait in the store, the first has the number `from`. */
  stored(receiverName: string, count: number, from: number): void {
    const receiver = this.#receiver(receiverName);
    receiver.waiting += count;
    this.#waiting += count;
    receiver.scanFrom = Math.min(receiver.scanFrom ?? from, from);
    receiver.isScanStale = receiver.scanning;
    this.#onReady(receiverName);
  }

  /** A new event, of the highest number so far. */
  place(event: WaitingEvent): void {
    const receiver = this.#receiver(event.receiver);
    receiver.waiting++;
    this.#waiting++;
    if (event.after !== null) this.#unsettled.add(event.after);
    const known = receiver.lanes.get(event.lane);
    if (known === undefined) {
      if (this.#store !== null && !this.#givesAll && receiver.lanes.size - receiver.idle >= MAX_LANES) {
        receiver.scanFrom ??= event.seq;
      }
      const lane = newLane(receiver, event.lane, receiver.scanFrom === null ? 'ready' : 'latent');
      if (lane.state === 'latent') {
        lane.tailFrom = event.seq;
        lane.uncommitted.push(event);
      } else {
        this.#hold(lane, event);
        this.#offer(lane);
      }
    } else if (known.tailFrom === null && earlierFrom(known) === null && this.#hasRoom(known)) {
      this.#hold(known, event);
    } else {
      known.tailFrom ??= earlierFrom(known) ?? event.seq;
      known.uncommitted.push(event);
    }
  }

  /** The event, and so all before it, are in the store, with its `streamSeq`. */
  committed(event: WaitingEvent): void {
    this.#committedSeq = Math.max(this.#committedSeq, event.seq);
    const lane = this.#receivers.get(event.receiver)?.lanes.get(event.lane);
    if (lane === undefined) return;
    if (lane.uncommitted[0]?.seq === event.seq) {
      lane.uncommitted.shift();
      if (lane.state === 'latent' && lane.uncommitted.length === 0) this.#drop(lane);
      return;
    }
    const head = lane.events[lane.head];
    if (head?.seq === event.seq && head !== event) lane.events[lane.head] = { ...head, streamSeq: event.streamSeq };
    if (lane.state === 'uncommitted') this.#offer(lane);
  }

  /** Everything up to this number is in the store already. */
  startAt(committedSeq: number): void {
    this.#committedSeq = committedSeq;
  }

  /** Gives events out though they are not committed, or no more. */
  giveAll(on: boolean): void {
    this.#givesAll = on;
    if (!on) return;
    for (const lane of this.#allLanes()) {
      if (lane.tailFrom !== null && lane.tailFrom > this.#committedSeq && lane.state !== 'latent') {
        this.#holdUncommitted(lane);
        if (lane.state === 'loading' || lane.state === 'ready') this.#offer(lane);
      }
      if (lane.state === 'uncommitted') this.#offer(lane);
    }
  }

  /** The store is lost, and with it all but what is held. Tells what is, by rising number. */
  storeLost(): WaitingEvent[] {
    const held: WaitingEvent[] = [];
    this.#waiting = 0;
    for (const receiver of this.#receivers.values()) {
      receiver.scanFrom = null;
      receiver.isScanStale = false;
      receiver.scanning = false;
      receiver.waiting = 0;
      for (const lane of [...receiver.lanes.values()]) {
        lane.again = null;
        this.#holdUncommitted(lane);
        held.push(...lane.events.slice(lane.head));
        receiver.waiting += lane.events.length - lane.head;
        if (lane.state === 'latent' || lane.state === 'loading' || lane.state === 'ready') this.#offer(lane);
      }
      this.#waiting += receiver.waiting;
    }
    const left = new Set(held.map(({ seq }) => seq));
    for (const seq of [...this.#unsettled]) if (!left.has(seq)) this.release(seq);
    return held.sort((a, b) => a.seq - b.seq);
  }

  take(receiverName: string, maxLanes: number): Take {
    const from = this.#receivers.get(receiverName);
    if (from === undefined) return { runs: [], nextDueMs: null };
    const nowMs = this.#clock.monotonicMs();
    for (let lane = from.parked.popDue(nowMs); lane !== undefined; lane = from.parked.popDue(nowMs)) {
      setState(lane, 'ready');
      from.ready.add(lane);
    }
    this.#scan(from);
    const runs: WaitingEvent[][] = [];
    let asked = 0;
    for (const lane of from.ready) {
      if (runs.length + asked >= maxLanes) break;
      from.ready.delete(lane);
      const run = this.#run(lane);
      if (run.length > 0) {
        setState(lane, 'taken');
        lane.taken = run.length;
        runs.push(run);
      } else if (lane.head < lane.events.length || lane.tailFrom === null) {
        this.#offer(lane);
      } else {
        setState(lane, 'loading');
        asked++;
        this.#store?.load(from.name, lane.key, lane.tailFrom, this.#held < MAX_HELD ? LANE_WINDOW : 1);
      }
    }
    const { nextMs } = from.parked;
    return { runs, nextDueMs: nextMs === null ? null : Math.max(0, nextMs - nowMs) };
  }

  /** The store's answer to `load`, by rising number; `isAll`: there were no more when it answered. */
  loaded(receiver: string, key: string, from: number, found: readonly StoredEvent[], isAll: boolean): void {
    const lane = this.#receivers.get(receiver)?.lanes.get(key);
    if (lane?.state !== 'loading' || lane.tailFrom !== from) return;
    const fresh = found.filter(({ event }) => this.#store?.isSettled(event.seq) !== true);
    for (const { event } of fresh) {
      if (event.after !== null && this.#store?.isReleased(event.after) !== true) this.#unsettled.add(event.after);
      this.#hold(lane, event);
    }
    // What came after the answer is not committed yet, so it is here.
    if (isAll) this.#holdUncommitted(lane);
    else lane.tailFrom = (found.at(-1)?.event.seq ?? from) + 1;
    const waitMs = (fresh[0]?.dueUnixMs ?? 0) - this.#clock.unixMs();
    // no retry waits longer than that: the clock was put back since
    if (waitMs > 0 && waitMs <= MAX_RETRY_AFTER_MS) this.#park(lane, waitMs);
    else this.#offer(lane);
    // it was asked for in the place of another lane; if it cannot be taken after all, that one's turn has come
    this.#onReady(receiver);
  }

  /** The store's answer to `scan`: lanes with the number of their first event there, by rising number; `next`: go on. */
  scanned(receiverName: string, found: readonly (readonly [string, number])[], next: number | null): void {
    const receiver = this.#receiver(receiverName);
    if (!receiver.scanning) return;
    receiver.scanning = false;
    if (receiver.isScanStale) {
      receiver.isScanStale = false;
      this.#scan(receiver);
      return;
    }
    let goOn = next;
    for (const [key, first] of found) {
      const known = receiver.lanes.get(key);
      if (known !== undefined && known.state !== 'latent') {
        if (known.tailFrom === null || known.tailFrom > first) known.again = Math.min(known.again ?? first, first);
        continue;
      }
      if (receiver.lanes.size - receiver.idle >= MAX_LANES) {
        goOn = first;
        break;
      }
      const lane = known ?? newLane(receiver, key, 'ready');
      lane.tailFrom = first;
      this.#offer(lane);
    }
    receiver.scanFrom = goOn;
    if (goOn === null) {
      for (const lane of receiver.lanes.values()) {
        if (lane.state !== 'latent') continue;
        this.#holdUncommitted(lane);
        this.#offer(lane);
      }
    }
    this.#scan(receiver);
  }

  /** False: the event is not the first of a run that is out. */
  settle(event: WaitingEvent, settlement: Settlement): boolean {
    const lane = this.#receivers.get(event.receiver)?.lanes.get(event.lane);
    if (lane?.state !== 'taken' || lane.events[lane.head]?.seq !== event.seq) return false;
    if (settlement.kind === 'retry') {
      const head = lane.events[lane.head] ?? event;
      lane.events[lane.head] = { ...head, attempts: event.attempts + 1 };
      lane.taken = 0;
      this.#park(lane, settlement.delayMs);
      return true;
    }
    lane.head++;
    lane.taken--;
    lane.receiver.waiting--;
    this.#waiting--;
    this.#held--;
    this.release(event.seq);
    if (lane.taken > 0) return true;
    if (lane.head * 2 >= lane.events.length) {
      lane.events = lane.events.slice(lane.head);
      lane.head = 0;
    }
    this.#offer(lane);
    return true;
  }

  release(seq: number): void {
    this.#unsettled.delete(seq);
    const lanes = this.#blocked.get(seq);
    this.#blocked.delete(seq);
    for (const lane of lanes ?? []) if (lane.state === 'blocked') this.#offer(lane);
  }

  hurry(): void {
    for (const { parked } of this.#receivers.values()) {
      for (let lane = parked.popDue(Infinity); lane !== undefined; lane = parked.popDue(Infinity)) this.#offer(lane);
    }
  }

  #receiver(name: string): ReceiverLanes {
    let receiver = this.#receivers.get(name);
    if (receiver === undefined) {
      receiver = newReceiver(name);
      this.#receivers.set(name, receiver);
    }
    return receiver;
  }

  #hasRoom(lane: Lane): boolean {
    if (this.#store === null || this.#givesAll) return true;
    const held = lane.events.length - lane.head;
    return held === 0 || (held < LANE_WINDOW && this.#held < MAX_HELD);
  }

  #hold(lane: Lane, event: WaitingEvent): void {
    lane.events.push(event);
    this.#held++;
  }

  /** What is left of the lane in the store, if anything is, is here as well. */
  #holdUncommitted(lane: Lane): void {
    for (const event of takeUncommitted(lane)) this.#hold(lane, event);
  }

  /** The lane can be taken now, unless its first event waits for another one or for its commit. */
  #offer(lane: Lane): void {
    const head = lane.events[lane.head];
    if (head === undefined && lane.tailFrom === null) {
      if (lane.again === null) {
        this.#drop(lane);
        return;
      }
      lane.tailFrom = lane.again;
      lane.again = null;
    }
    if (head !== undefined && !this.#isGiven(head)) {
      setState(lane, 'uncommitted');
      return;
    }
    const after = this.#waitsFor(head);
    if (after !== null) {
      setState(lane, 'blocked');
      const others = this.#blocked.get(after);
      if (others === undefined) this.#blocked.set(after, [lane]);
      else others.push(lane);
      return;
    }
    setState(lane, 'ready');
    lane.receiver.ready.add(lane);
    this.#onReady(lane.receiver.name);
  }

  #park(lane: Lane, delayMs: number): void {
    setState(lane, 'parked');
    lane.receiver.parked.push(this.#clock.monotonicMs() + delayMs, lane);
    this.#onReady(lane.receiver.name);
  }

  #drop(lane: Lane): void {
    setState(lane, 'ready');
    lane.receiver.ready.delete(lane);
    lane.receiver.lanes.delete(lane.key);
  }

  #run(lane: Lane): WaitingEvent[] {
    const run: WaitingEvent[] = [];
    for (let i = lane.head; i < lane.events.length && run.length < RUN_LENGTH; i++) {
      const event = lane.events[i];
      if (event === undefined || !this.#isGiven(event) || this.#waitsFor(event) !== null) break;
      run.push(event);
    }
    return run;
  }

  #isGiven(event: WaitingEvent): boolean {
    return this.#givesAll || event.seq <= this.#committedSeq;
  }

  #waitsFor(event: WaitingEvent | undefined): number | null {
    const after = event?.after ?? null;
    return after !== null && this.#unsettled.has(after) ? after : null;
  }

  /** Looks for lanes that are not known, where there is room for them. */
  #scan(receiver: ReceiverLanes): void {
    if (this.#store === null || receiver.scanFrom === null || receiver.scanning) return;
    if (receiver.lanes.size - receiver.idle > MAX_LANES / 2) return;
    receiver.scanning = true;
    this.#store.scan(receiver.name, receiver.scanFrom);
  }

  *#allLanes(): Generator<Lane> {
    for (const receiver of this.#receivers.values()) yield* receiver.lanes.values();
  }
}
