/** The outbox as recording and delivery see it: what holds the events between the two, in order and by lanes. */
import type { RecordFacts, SessionFacts, StopReason } from '../streams/index.ts';
import type { NotifyEvent } from './options.ts';

/** An event as it is recorded. */
export interface NewEvent {
  readonly event: NotifyEvent;
  readonly url: string;
  /** The URL's origin. Receivers never wait for each other. */
  readonly receiver: string;
  /** Events of one receiver and lane are delivered one after the other, in the order of `append`. */
  readonly lane: string;
  /** Not before the event of this number, which is not settled yet, is settled or released; null: none need be. */
  readonly after: number | null;
  readonly body: string;
  readonly streamName: string | null;
  /** The session that the event tells of; null where it tells of none. */
  readonly sessionId: string | null;
  /** Why the session ended; null in every event but a stop. */
  readonly reason: StopReason | null;
  /** When it happened. */
  readonly unixMs: number;
}

/** An event that waits for its delivery. */
export interface WaitingEvent extends NewEvent {
  /** Over all events, rising. */
  readonly seq: number;
  /** Of its stream, from 1, without gaps; null for events of no stream, and where it is not known yet. */
  readonly streamSeq: number | null;
  /** The same over all deliveries of this event, and of no other event. */
  readonly id: string;
  /** Deliveries tried so far. */
  readonly attempts: number;
}

/** How one try to deliver an event ended; `status` is that of the answer, null where there was none. */
export type Settlement =
  | { readonly kind: 'delivered' | 'refused'; readonly status: number }
  /** Given up: too old. */
  | { readonly kind: 'expired'; readonly status: number | null; readonly why: string }
  /** To be tried again, `delayMs` from now at the earliest. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly status: number | null; readonly why: string };

/** What can be delivered now. */
export interface Take {
  /** Each a run of successive events of one lane, at least one; the lane is the taker's until the run is settled. */
  readonly runs: readonly (readonly WaitingEvent[])[];
  /** When the next retry is due, ms from now; null where none waits for its time. */
  readonly nextDueMs: number | null;
}

/** What is kept of a session or a record, so that it gets its stop though the process dies. `id` tells it from all others of its kind. */
export type OpenChange =
  | { readonly kind: 'open'; readonly of: 'session'; readonly id: string; readonly facts: SessionFacts }
  | { readonly kind: 'open'; readonly of: 'record'; readonly id: string; readonly facts: RecordFacts }
  | { readonly kind: 'close'; readonly of: 'session' | 'record'; readonly id: string };

export interface SessionBytes {
  readonly sessionId: string;
  readonly readBytesSum: number;
  readonly wroteBytesSum: number;
}

/** What earlier processes left. */
export interface Left {
  /** Sessions without a stop, in the order of their starts, with the last byte sums known. */
  readonly sessions: readonly SessionFacts[];
  /** Records without a stop, likewise. */
  readonly records: readonly RecordFacts[];
  /** The highest session number that may have been given, by prefix. */
  readonly counters: ReadonlyMap<string, number>;
  /** False where earlier numbers may have been given that cannot be known. */
  readonly complete: boolean;
}

/** How far an event has come. */
export const EVENT_STATES = ['waiting', 'delivered', 'refused', 'expired'] as const;
export type EventState = (typeof EVENT_STATES)[number];
/** The states of events that are settled, and so can be sent once more. */
export const SETTLED_STATES = ['refused', 'expired', 'delivered'] as const;

export interface Attempt {
  readonly unixMs: number;
  readonly status: number | null;
  readonly error: string | null;
}

/** An event with what became of it. */
export interface KeptEvent extends WaitingEvent {
  readonly state: EventState;
  /** The newest tries, oldest first. */
  readonly tries: readonly Attempt[];
}

export interface EventFilter {
  /** Those with a higher number. */
  readonly since: number;
  /** Those with a lower number; absent: all. */
  readonly before?: number;
  /** By falling number rather than rising, so that a limit leaves the newest ones. */
  readonly isNewestFirst?: boolean;
  readonly streamName: string | null;
  readonly state: EventState | null;
  readonly limit: number;
}

/** Settled events: by id, by state, or by number (`from` and `to` included). */
export type ReplayFilter =
  | { readonly ids: readonly string[] }
  | { readonly state: (typeof SETTLED_STATES)[number] }
  | { readonly from: number; readonly to: number };

export interface ReceiverTally {
  readonly receiver: string;
  /** Not settled yet. */
  readonly backlog: number;
  /** When the oldest of them happened; null where there is none. */
  readonly oldestUnixMs: number | null;
  /** Lanes whose next event waits for another try. */
  readonly retrying: number;
  readonly delivered: number;
  readonly refused: number;
  readonly expired: number;
}

/** Where events are kept: `why` not in a database. */
export type Keeping = { readonly in: 'database' } | { readonly in: 'memory'; readonly why: string };

/**
 * Holds events until they are settled. `append` and `settle` never block and never throw; an outbox that writes to a
 * disk gives an event out by `take` once it is committed, and holds no more than a bounded window of them in memory.
 */
export interface Outbox {
  /**
   * Resolves once `append` may be called. `onReady` is told of each receiver that may have something to take; `onLeft`
   * of what earlier processes left, once: before this resolves, or later where that could not be read at first.
   * Rejects where another process has the same outbox.
   */
  open(onReady: (receiver: string) => void, onLeft?: (left: Left) => void): Promise<void>;
  /** Takes an event in and gives it its number; null: there is no room, and it is lost. `change` is kept with it. */
  append(event: NewEvent, change?: OpenChange | null): number | null;
  /** Keeps a change that no event tells of. */
  note(change: OpenChange): void;
  /** Keeps the newest byte sums of open sessions. */
  count(sessions: readonly SessionBytes[]): void;
  /** Numbers up to `last` may be given to sessions; `onSafe` once that is kept. `exact`: and none beyond it was. */
  reserve(prefix: string, last: number, exact: boolean, onSafe: () => void): void;
  /** Takes from up to `maxLanes` lanes of the receiver that are not taken and not waiting. Never rejects. */
  take(receiver: string, maxLanes: number): Promise<Take>;
  /**
   * Ends a try of the run's first unsettled event. All settlements but `retry` remove it from what waits; `retry` also gives the
   * rest of the run back.
   */
  settle(event: WaitingEvent, settlement: Settlement): void;
  /** Those that wait `after` this event need not wait any longer. */
  release(seq: number): void;
  /** Makes every retry due now: the server is stopping. */
  hurry(): void;
  /** Events not settled yet, those that are taken included. */
  readonly waiting: number;
  /** Nothing can be taken before a retry is due. */
  readonly isStuck: boolean;
  /** The number that was given last. */
  readonly lastSeq: number;
  readonly keeping: Keeping;
  /** It never keeps anything beyond the process. */
  readonly isVolatile: boolean;
  /** Committed events that were lost with a damaged database. */
  readonly lost: number;
  /** By receiver. */
  tallies(): Promise<readonly ReceiverTally[]>;
  /** In the filter's order. Rejects where the database cannot be read. */
  events(filter: EventFilter): Promise<readonly KeptEvent[]>;
  /** Makes settled events wait again; how many. Rejects where the database cannot be written. */
  replay(filter: ReplayFilter): Promise<number>;
  /** Calls back with the events that are committed from now on, by rising number; returns what ends it. */
  watch(onEvents: (events: readonly WaitingEvent[]) => void): () => void;
  /** Resolves once all that was taken in is safe, or cannot be made so for now. */
  idle(): Promise<void>;
  /** Resolves once what was appended and settled is safe, as far as it ever will be. */
  close(): Promise<void>;
}
