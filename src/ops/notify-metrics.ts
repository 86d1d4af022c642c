/** Metrics of HTTP Notify: what waits, how long, and what became of the rest. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { NotifyStatus, NotifyStatusJson } from '../notify/index.ts';

/** Where the numbers come from. */
export interface NotifyNumbers {
  /** Receiver by receiver; asks the database. */
  receivers(): Promise<NotifyStatusJson>;
  /** Of this process, at once. */
  counts(): NotifyStatus;
}

/** The database may be stuck, which is when metrics are needed most. Milliseconds. */
const PATIENCE_MS = 1000;

export class NotifyMetrics {
  readonly #numbers: NotifyNumbers;
  readonly #backlog: Gauge;
  readonly #receiverBacklog: Gauge<'receiver'>;
  readonly #oldestAge: Gauge<'receiver'>;
  readonly #inFlight: Gauge<'receiver'>;
  readonly #retrying: Gauge<'receiver'>;
  readonly #settled: Counter<'receiver' | 'outcome'>;
  readonly #attempts: Counter<'outcome'>;
  readonly #lost: Counter;
  readonly #updates: Counter<'outcome'>;
  readonly #isInMemory: Gauge;
  #lostSeen = 0;

  constructor(numbers: NotifyNumbers, registry: Registry) {
    const registers = [registry];
    const ofReceiver = (name: string, help: string): Gauge<'receiver'> =>
      new Gauge({ name, help, labelNames: ['receiver'], registers });
    this.#numbers = numbers;
    this.#backlog = new Gauge({
      name: 'millrace_notify_backlog',
      help: 'Events that are not settled, those in flight included',
      registers,
    });
    this.#receiverBacklog = ofReceiver('millrace_notify_receiver_backlog', 'The same for each receiver');
    this.#oldestAge = ofReceiver('millrace_notify_oldest_event_age_seconds', 'Age of the oldest event not settled');
    this.#inFlight = ofReceiver('millrace_notify_in_flight_requests', 'Requests that wait for their answer');
    const retrying = 'Streams whose next event failed and waits for another try';
    this.#retrying = ofReceiver('millrace_notify_retrying_streams', retrying);
    this.#settled = new Counter({
      name: 'millrace_notify_events_total',
      help: 'Events settled, since the database began: delivered, refused by the receiver (4xx), or expired',
      ...{ labelNames: ['receiver', 'outcome'], registers },
    });
    this.#attempts = new Counter({
      name: 'millrace_notify_attempts_total',
      help: 'Tries since the start: delivered, refused, or failed and to be tried again',
      ...{ labelNames: ['outcome'], registers },
    });
    this.#lost = new Counter({
      name: 'millrace_notify_lost_events_total',
      help: 'Events lost since the start: no room in memory, or a damaged database',
      registers,
    });
    this.#updates = new Counter({
      name: 'millrace_notify_updates_total',
      help: 'on_update since the start: sent, replaced by a newer one before it was sent, or failed',
      ...{ labelNames: ['outcome'], registers },
    });
    this.#isInMemory = new Gauge({
      name: 'millrace_notify_memory_only',
      help: '1 while events are kept in memory alone, because the database cannot be used or is not wanted',
      registers,
    });
  }

  /** Takes the numbers. Never rejects; those of the receivers are left out where they do not come in time. */
  async collect(): Promise<void> {
    const status = await inTime(this.#numbers.receivers().catch(() => null));
    const { backlog, delivered, refused, failed, dropped, updates } = this.#numbers.counts();
    this.#backlog.set(backlog);
    set(this.#attempts, { delivered, refused, failed });
    set(this.#updates, { sent: updates.sent, replaced: updates.replaced, failed: updates.failed });
    this.#receiver(status);
    this.#lostSeen = Math.max(this.#lostSeen, status?.lost ?? dropped);
    this.#lost.reset();
    this.#lost.inc(this.#lostSeen);
    if (status !== null) this.#isInMemory.set(status.database === 'ok' ? 0 : 1);
  }

  #receiver(status: NotifyStatusJson | null): void {
    for (const metric of [this.#receiverBacklog, this.#oldestAge, this.#inFlight, this.#retrying, this.#settled]) {
      metric.reset();
    }
    for (const each of status?.receivers ?? []) {
      const { receiver, backlog, oldest_age_ms, in_flight, retrying } = each;
      this.#receiverBacklog.set({ receiver }, backlog);
      this.#oldestAge.set({ receiver }, oldest_age_ms / 1000);
      this.#inFlight.set({ receiver }, in_flight);
      this.#retrying.set({ receiver }, retrying);
      for (const outcome of ['delivered', 'refused', 'expired'] as const) {
        this.#settled.inc({ receiver, outcome }, each[outcome]);
      }
    }
  }
}

function set(counter: Counter<'outcome'>, counts: Readonly<Record<string, number>>): void {
  counter.reset();
  for (const [outcome, count] of Object.entries(counts)) counter.inc({ outcome }, count);
}

/** Null where it takes too long. */
async function inTime<T>(promise: Promise<T>): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), PATIENCE_MS);
  const first = await Promise.race([promise, late.promise]);
  clearTimeout(timer);
  return first;
}
