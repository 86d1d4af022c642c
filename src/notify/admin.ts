/** The outbox as the API shows it, in plain JSON. */
import { createRedactor } from '../net/index.ts';
import type { Clock } from '../streams/index.ts';
import type { EventFilter, EventState, KeptEvent, Outbox, ReplayFilter, WaitingEvent } from './outbox.ts';
import { localTime } from './stat-json.ts';

const withoutSecrets = createRedactor([]);

export interface EventJson {
  /** Over all events, rising. */
  readonly seq: number;
  /** The callback's `webhook-id`. */
  readonly id: string;
  readonly event: string;
  readonly stream_name: string | null;
  /** Of its stream, from 1, without gaps; null for events of no stream. */
  readonly stream_seq: number | null;
  readonly session_id: string | null;
  /** Why the session ended, as the header `millrace-reason`; null in every event but a stop. */
  readonly reason: string | null;
  /** Where it goes, without passwords and tokens. */
  readonly url: string;
  readonly state: EventState;
  /** The newest ones, oldest first; `at` is local time. */
  readonly attempts: readonly { readonly at: string; readonly status: number | null; readonly error: string | null }[];
  /** When it happened. */
  readonly unix_ms: number;
  /** The callback's body, byte for byte. */
  readonly body: string;
}

export interface ReceiverJson {
  /** The origin of its URLs. */
  readonly receiver: string;
  /** Events not settled, those in flight included. */
  readonly backlog: number;
  readonly oldest_age_ms: number;
  readonly in_flight: number;
  /** Lanes whose next event failed and waits for another try. */
  readonly retrying: number;
  /** Since the database began; without one since the start. */
  readonly delivered: number;
  readonly refused: number;
  readonly expired: number;
}

export interface NotifyStatusJson {
  /** Where events are kept; `memory` while the database cannot be used, or where there is none. */
  readonly database: 'ok' | 'memory';
  /** Why not in the database; empty where they are. */
  readonly why: string;
  /** Events lost since the start: no room, or a damaged database. */
  readonly lost: number;
  readonly last_seq: number;
  readonly receivers: readonly ReceiverJson[];
}

/** What the API asks of the outbox and has it do. */
export interface NotifyAdmin {
  status(): Promise<NotifyStatusJson>;
  /** Events in the filter's order, at most `limit`. Rejects while the database cannot be read. */
  events(filter: EventFilter): Promise<readonly EventJson[]>;
  /** Makes settled events wait again, under the same ids; tells how many. Rejects while the database cannot be written. */
  replay(filter: ReplayFilter): Promise<number>;
  /** Calls back with the events that are committed from now on, by rising `seq`; returns what ends it. */
  watch(onEvents: (events: readonly EventJson[]) => void): () => void;
}

export interface AdminDeps {
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Requests in flight to a receiver. */
  readonly inFlight: (receiver: string) => number;
  /** Events that found no room. */
  readonly dropped: () => number;
}

export function createAdmin({ outbox, clock, inFlight, dropped }: AdminDeps): NotifyAdmin {
  return {
    status: async () => {
      const tallies = await outbox.tallies();
      const { keeping } = outbox;
      return {
        database: keeping.in === 'database' ? 'ok' : 'memory',
        why: keeping.in === 'database' ? '' : keeping.why,
        lost: outbox.lost + dropped(),
        last_seq: outbox.lastSeq,
        receivers: tallies.map(({ receiver, backlog, oldestUnixMs, retrying, delivered, refused, expired }) => ({
          receiver,
          backlog,
          oldest_age_ms: oldestUnixMs === null ? 0 : Math.max(0, clock.unixMs() - oldestUnixMs),
          in_flight: inFlight(receiver),
          retrying,
          delivered,
          refused,
          expired,
        })),
      };
    },
    events: async (filter) => (await outbox.events(filter)).map(keptJson),
    replay: (filter) => outbox.replay(filter),
    watch: (onEvents) => outbox.watch((events) => onEvents(events.map(freshJson))),
  };
}

function freshJson(event: WaitingEvent): EventJson {
  return keptJson({ ...event, state: 'waiting', tries: [] });
}

function keptJson(event: KeptEvent): EventJson {
  return {
    seq: event.seq,
    id: event.id,
    event: event.event,
    stream_name: event.streamName,
    stream_seq: event.streamSeq,
    session_id: event.sessionId,
    reason: event.reason,
    url: withoutSecrets(event.url),
    state: event.state,
    attempts: event.tries.map(({ unixMs, status, error }) => ({ at: localTime(unixMs), status, error })),
    unix_ms: event.unixMs,
    body: event.body,
  };
}
