/** The lanes' policy: one request in flight per lane, lanes side by side per receiver, retries, and giving up. */
import type { Complaints } from '../net/index.ts';
import type { Clock, Log } from '../streams/index.ts';
import type { Delivery } from './delivery.ts';
import type { HeaderMaker } from './headers.ts';
import type { Outbox, Settlement, WaitingEvent } from './outbox.ts';
import { judge } from './retry-policy.ts';
import type { Timers } from './timers.ts';

export interface LanesOptions {
  /** Lanes of one receiver that are being delivered at a time. */
  readonly concurrency: number;
  readonly maxAgeHours: number;
}

export interface LanesDeps {
  readonly outbox: Outbox;
  readonly delivery: Pick<Delivery, 'post'>;
  readonly headers: HeaderMaker;
  readonly clock: Clock;
  readonly timers: Timers;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly complaints: Complaints;
  /** Whether the event was recorded by this process. */
  readonly isOwn: (event: WaitingEvent) => boolean;
  /** Each try, once it is settled; `reached`: the receiver had the request, whether it answered or not. */
  readonly onTried: (event: WaitingEvent, settlement: Settlement, reached: boolean) => void;
}

export interface LaneCounters {
  inFlight: number;
  delivered: number;
  /** Answered with a status that says no for good. */
  refused: number;
  /** Given up because of their age. */
  expired: number;
  /** Tries that are followed by another one. */
  failedAttempts: number;
}

interface Receiver {
  readonly name: string;
  /** Lanes out of the outbox, each with one request in flight. */
  active: number;
  taking: boolean;
  /** Something became ready while taking. */
  again: boolean;
  cancelDue: () => void;
}

const HOUR_MS = 3_600_000;

export class Lanes {
  readonly counters: LaneCounters = { inFlight: 0, delivered: 0, refused: 0, expired: 0, failedAttempts: 0 };
  #options: LanesOptions;
  readonly #deps: LanesDeps;
  readonly #receivers = new Map<string, Receiver>();
  /** Events whose last try lost its connection and was followed by another at once. */
  readonly #triedAtOnce = new Set<number>();
  readonly #startMs: number;
  #onDrained: (() => void) | null = null;
  #givesUp = false;
  /** Whether a receiver was there in the drain: then what it did not take is tried until the deadline. */
  #wasReached = false;
  #stopped = false;

  constructor(options: LanesOptions, deps: LanesDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#startMs = deps.clock.monotonicMs();
  }

  /** From now on. */
  update(options: LanesOptions): void {
    this.#options = options;
    for (const receiver of this.#receivers.keys()) this.wake(receiver);
  }

  /** Something of the receiver may be ready. */
  wake(receiver: string): void {
    void this.#pump(this.#receiver(receiver));
  }

  /** Requests in flight to the receiver. */
  inFlight(receiver: string): number {
    return this.#receivers.get(receiver)?.active ?? 0;
  }

  /**
   * Resolves once nothing waits any more, or after `deadlineMs`; what waits for its retry is tried at once. `givesUp`:
   * also once all that is left has been tried, no receiver was there, and it waits for another try: it is kept for the
   * next start.
   */
  async drain(deadlineMs: number, givesUp: boolean): Promise<void> {
    this.#givesUp = givesUp;
    this.#wasReached = false;
    this.#deps.outbox.hurry();
    if (this.#isDrained()) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.timers.after(deadlineMs, resolve);
      this.#onDrained = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Begins no more tries. */
  stop(): void {
    this.#stopped = true;
    for (const receiver of this.#receivers.values()) receiver.cancelDue();
  }

  #receiver(name: string): Receiver {
    let receiver = this.#receivers.get(name);
    if (receiver === undefined) {
      receiver = { name, active: 0, taking: false, again: false, cancelDue: () => {} };
      this.#receivers.set(name, receiver);
    }
    return receiver;
  }

  async #pump(receiver: Receiver): Promise<void> {
    receiver.again = true;
    if (receiver.taking) return;
    receiver.taking = true;
    while (receiver.again && !this.#stopped && receiver.active < this.#options.concurrency) {
      receiver.again = false;
      const { runs, nextDueMs } = await this.#deps.outbox.take(
        receiver.name,
        this.#options.concurrency - receiver.active,
      );
      receiver.cancelDue();
      if (nextDueMs !== null && !this.#stopped) {
        receiver.cancelDue = this.#deps.timers.after(nextDueMs, () => this.wake(receiver.name));
      }
      for (const run of runs) void this.#deliver(receiver, run);
    }
    receiver.taking = false;
  }

  async #deliver(receiver: Receiver, run: readonly WaitingEvent[]): Promise<void> {
    receiver.active++;
    for (const event of run) {
      if (this.#stopped || !(await this.#try(event))) break;
    }
    receiver.active--;
    await this.#pump(receiver);
    if (this.#onDrained !== null && this.#isDrained()) this.#onDrained();
  }

  #isDrained(): boolean {
    if (this.#deps.outbox.waiting === 0) return true;
    return (
      this.#givesUp &&
      !this.#wasReached &&
      this.#deps.outbox.isStuck &&
      [...this.#receivers.values()].every(({ active }) => active === 0)
    );
  }

  /** Whether the lane may go on. */
  async #try(event: WaitingEvent): Promise<boolean> {
    const { clock, delivery, headers, outbox } = this.#deps;
    this.counters.inFlight++;
    const answer = await delivery.post(event.url, headers.event(event, clock.unixMs()), event.body);
    this.counters.inFlight--;
    const reached = answer.kind === 'answered' || answer.cause !== 'unreachable';
    this.#wasReached ||= reached;
    let settlement = judge(answer, event.attempts + 1, clock.unixMs(), this.#deps.random);
    if (settlement.kind === 'retry') settlement = this.#atOnceOrNever(event, settlement, answer);
    else this.#triedAtOnce.delete(event.seq);
    outbox.settle(event, settlement);
    this.#count(event, settlement);
    this.#deps.onTried(event, settlement, reached);
    return settlement.kind !== 'retry';
  }

  /** A connection that was lost is most often a stale one, so one more try goes out at once; an old event ends here. */
  #atOnceOrNever(
    event: WaitingEvent,
    retry: Extract<Settlement, { kind: 'retry' }>,
    answer: { kind: string; cause?: string },
  ): Settlement {
    if (answer.cause === 'lost' && !this.#triedAtOnce.has(event.seq)) {
      this.#triedAtOnce.add(event.seq);
      return { ...retry, delayMs: 0 };
    }
    this.#triedAtOnce.delete(event.seq);
    if (this.#ageMs(event) + retry.delayMs <= this.#options.maxAgeHours * HOUR_MS) return retry;
    return { kind: 'expired', status: retry.status, why: retry.why };
  }

  /** What this process has recorded is no older than it is, wherever the clock was put since. */
  #ageMs(event: WaitingEvent): number {
    const { clock, isOwn } = this.#deps;
    const ageMs = clock.unixMs() - event.unixMs;
    return isOwn(event) ? Math.min(ageMs, clock.monotonicMs() - this.#startMs) : ageMs;
  }

  #count(event: WaitingEvent, settlement: Settlement): void {
    const { log, complaints } = this.#deps;
    const about = { event: event.event, stream: event.streamName, seq: event.seq, url: event.url };
    switch (settlement.kind) {
      case 'delivered':
        this.counters.delivered++;
        return;
      case 'refused':
        this.counters.refused++;
        complaints.about(`refused ${event.url} ${settlement.status}`, (times) =>
          log.warn({ ...about, status: settlement.status, times }, 'callback refused by its receiver, not tried again'),
        );
        return;
      case 'expired':
        this.counters.expired++;
        complaints.about(`expired ${event.receiver}`, (times) =>
          log.error({ ...about, why: settlement.why, times }, 'callback given up: it is too old'),
        );
        return;
      case 'retry':
        this.counters.failedAttempts++;
        if (settlement.delayMs === 0) return;
        complaints.about(`failed ${event.receiver}`, (times) =>
          log.warn(
            { ...about, ...settlement, attempt: event.attempts + 1, times },
            'callback not delivered, to be tried again',
          ),
        );
    }
  }
}
