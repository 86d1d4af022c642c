/** The newest events, as they are recorded, with what becomes of them. */
import { eventSourceUrl, get, reasonOf } from './api.ts';
import { startPolling } from './polling.ts';
import { Store } from './store.ts';
import type { NotifyEvent, NotifyStatus } from './types.ts';

/** Events that are kept, and how many of the past are asked for at first. */
const MAX_KEPT = 500;
const FIRST = 100;
/** Between two drawings of what comes in. Milliseconds. */
const FLUSH_MS = 250;
const STATES_POLL_MS = 1000;
const RETRY_MS = 5000;
/** The most that the API gives at once. */
const MAX_LIMIT = 1000;

interface Feed {
  /** Newest first. */
  readonly events: readonly NotifyEvent[];
  /** Why nothing new comes; null where it does. */
  readonly problem: string | null;
}

export class EventFeed {
  readonly feed = new Store<Feed>({ events: [], problem: null });
  readonly #events = new Map<number, NotifyEvent>();
  #problem: string | null = null;
  #source: EventSource | null = null;
  #flushTimer: number | undefined;
  #retryTimer: number | undefined;
  #stopPolling: (() => void) | null = null;

  start(): void {
    void this.#open();
    this.#stopPolling = startPolling(() => this.#refresh(), STATES_POLL_MS);
  }

  stop(): void {
    this.#source?.close();
    this.#source = null;
    this.#stopPolling?.();
    this.#stopPolling = null;
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#retryTimer);
  }

  async #open(): Promise<void> {
    try {
      const { data } = await get<NotifyStatus>('notify/status');
      // stopped meanwhile
      if (this.#stopPolling === null) return;
      this.#listen(Math.max(0, data.last_seq - FIRST, ...this.#events.keys()));
    } catch (error) {
      this.#fail(reasonOf(error));
    }
  }

  #listen(since: number): void {
    const source = new EventSource(eventSourceUrl(since));
    source.onopen = () => this.#setProblem(null);
    source.onmessage = ({ data }: MessageEvent<string>) => this.#take([JSON.parse(data) as NotifyEvent]);
    source.onerror = () => {
      // it tries again by itself, unless it was refused
      if (source.readyState === EventSource.CLOSED) this.#fail('the stream of events was refused');
      else this.#setProblem('the stream of events is interrupted');
    };
    this.#source = source;
  }

  #fail(why: string): void {
    this.#setProblem(why);
    clearTimeout(this.#retryTimer);
    if (this.#stopPolling !== null) this.#retryTimer = window.setTimeout(() => void this.#open(), RETRY_MS);
  }

  /** The stream tells of an event once; what became of those that wait is asked for. */
  async #refresh(): Promise<number> {
    const waiting = [...this.#events.values()].filter(({ state }) => state === 'waiting');
    const first = Math.min(...waiting.map(({ seq }) => seq));
    if (waiting.length === 0) return 0;
    try {
      const query = { since: first - 1, limit: MAX_LIMIT };
      const { data, bytes } = await get<{ events: readonly NotifyEvent[] }>('notify/events', query);
      this.#take(data.events.filter(({ seq }) => this.#events.has(seq)));
      return bytes;
    } catch {
      // the database cannot be read now; the status says so
      return 0;
    }
  }

  #take(events: readonly NotifyEvent[]): void {
    for (const event of events) this.#events.set(event.seq, event);
    this.#flushTimer ??= window.setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush(): void {
    this.#flushTimer = undefined;
    const newestFirst = [...this.#events.values()].sort((a, b) => b.seq - a.seq);
    for (const { seq } of newestFirst.slice(MAX_KEPT)) this.#events.delete(seq);
    this.feed.set({ events: newestFirst.slice(0, MAX_KEPT), problem: this.#problem });
  }

  #setProblem(problem: string | null): void {
    this.#problem = problem;
    this.feed.set({ ...this.feed.value, problem });
  }

  /** Events that were sent once more wait again. */
  markWaiting(ids: readonly string[]): void {
    const again = [...this.#events.values()].filter(({ id }) => ids.includes(id));
    this.#take(again.map((event) => ({ ...event, state: 'waiting' })));
  }
}
