/** Test helper: HTTP Notify as the API sees it, with its events in memory; reads and news take as many turns as asked. */
import { setImmediate as turn } from 'node:timers/promises';
import type { EventFilter, EventJson, NotifyAdmin, NotifyStatusJson, ReplayFilter } from '../notify/index.ts';

export const STATUS: NotifyStatusJson = {
  database: 'ok',
  why: '',
  lost: 0,
  last_seq: 7,
  receivers: [
    {
      receiver: 'http://127.0.0.1:10101',
      backlog: 2,
      oldest_age_ms: 40,
      in_flight: 1,
      retrying: 0,
      delivered: 5,
      refused: 0,
      expired: 0,
    },
  ],
};

/** How many turns of the event loop something takes. */
interface Turns {
  /** Until a read sees the store, and then until it is answered. */
  readonly read: () => number;
  /** From a commit until those who watch hear of it. */
  readonly news: () => number;
}

export class FakeNotify implements NotifyAdmin {
  readonly stored: EventJson[] = [];
  readonly reads: EventFilter[] = [];
  readonly replays: ReplayFilter[] = [];
  readonly watchers = new Set<(events: readonly EventJson[]) => void>();
  failure: Error | null = null;
  readonly #turns: Turns;
  /** News are told in the order of the commits, whatever each takes. */
  #told: Promise<void> = Promise.resolve();

  constructor(turns: Partial<Turns> = {}) {
    this.#turns = { read: () => 1, news: () => 1, ...turns };
  }

  get last(): number {
    return this.stored.at(-1)?.seq ?? 0;
  }

  /** Resolves once those who watch have heard of them. */
  commit(count: number, body = '{}', streamName = 'test110'): Promise<void> {
    const events = Array.from({ length: count }, (_, i) => makeEvent(this.last + 1 + i, body, streamName));
    this.stored.push(...events);
    const { news } = this.#turns;
    this.#told = this.#told.then(async () => {
      for (let turns = news(); turns > 0; turns--) await turn();
      for (const watcher of [...this.watchers]) watcher(events);
    });
    return this.#told;
  }

  async status(): Promise<NotifyStatusJson> {
    await turn();
    if (this.failure !== null) throw this.failure;
    return STATUS;
  }

  async events(filter: EventFilter): Promise<readonly EventJson[]> {
    this.reads.push(filter);
    for (let turns = this.#turns.read(); turns > 0; turns--) await turn();
    if (this.failure !== null) throw this.failure;
    const { since, streamName, state, limit } = filter;
    const found = this.stored
      .filter(({ seq }) => seq > since)
      .filter((event) => streamName === null || event.stream_name === streamName)
      .filter((event) => state === null || event.state === state)
      .slice(0, limit);
    for (let turns = this.#turns.read(); turns > 0; turns--) await turn();
    return found;
  }

  async replay(filter: ReplayFilter): Promise<number> {
    await turn();
    this.replays.push(filter);
    return 'ids' in filter ? filter.ids.length : 7;
  }

  watch(onEvents: (events: readonly EventJson[]) => void): () => void {
    this.watchers.add(onEvents);
    return () => void this.watchers.delete(onEvents);
  }
}

function makeEvent(seq: number, body: string, streamName: string): EventJson {
  return {
    seq,
    id: `msg-${seq}`,
    event: 'on_pub_start',
    stream_name: streamName,
    stream_seq: seq,
    session_id: `RTMPPUBSUB${seq}`,
    reason: null,
    url: 'http://127.0.0.1:10101/on_pub_start',
    state: seq % 2 === 0 ? 'refused' : 'delivered',
    attempts: [{ at: '2026-11-24 08:37:18.855', status: seq % 2 === 0 ? 404 : 200, error: null }],
    unix_ms: 1795509440092 + seq,
    body,
  };
}
