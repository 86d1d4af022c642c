/** What the server's thread and the database's thread say to each other. */
import type { RecordFacts, SessionFacts } from '../streams/index.ts';
import type { StoredEvent } from './lane-book.ts';
import type { EventFilter, KeptEvent, OpenChange, ReplayFilter, SessionBytes, WaitingEvent } from './outbox.ts';
import type { SettledCounts } from './tallies.ts';

/** How far an event has come, as the database has it. */
export const STATES = { waiting: 0, delivered: 1, refused: 2, expired: 3 } as const;

/** One change of the database. Each may come twice, in the same order, and counts once. */
export type Op =
  /** An event whose `streamSeq` is null is given the next one of its stream. */
  | { readonly kind: 'append'; readonly event: WaitingEvent; readonly change: OpenChange | null }
  | { readonly kind: 'change'; readonly change: OpenChange }
  | {
      readonly kind: 'settle';
      readonly seq: number;
      readonly state: (typeof STATES)[keyof typeof STATES];
      /** This one included. */
      readonly attempts: number;
      readonly atMs: number;
      readonly status: number | null;
      readonly error: string | null;
      readonly dueMs: number;
    }
  | { readonly kind: 'release'; readonly seq: number }
  | { readonly kind: 'reserve'; readonly prefix: string; readonly last: number; readonly exact: boolean }
  /** Numbers of a stream that were given to events which are not kept: `more` after the last, at least up to `upTo`. */
  | { readonly kind: 'number'; readonly streamName: string; readonly more: number; readonly upTo: number };

export interface Requests {
  /** Opens the database, unless it is open; the file may grow to `maxPages`. */
  open: { readonly path: string; readonly maxPages: number | null };
  /** All or nothing. */
  commit: { readonly ops: readonly Op[]; readonly sessions: readonly SessionBytes[] };
  load: { readonly receiver: string; readonly lane: string; readonly from: number; readonly limit: number };
  scan: { readonly receiver: string; readonly from: number };
  /** The first events that fit; looks at a bounded number of them. */
  page: { readonly filter: EventFilter };
  oldest: { readonly receivers: readonly string[] };
  /** A number that tells the calls for replay apart. */
  'begin replay': object;
  /** Replays a bounded number of events with a number above `since`. `isAgain`: the answer was lost, so what was done is told, too. */
  replay: { readonly filter: ReplayFilter; readonly since: number; readonly run: number; readonly isAgain: boolean };
  /** Removes a bounded number of events, numbered above `since`, that were settled before. */
  prune: { readonly settledBeforeMs: number; readonly since: number };
  close: object;
}

export interface Replies {
  open: Opened;
  /** The number in its stream of each appended event. */
  commit: { readonly streamSeqs: readonly (number | null)[] };
  load: { readonly found: readonly StoredEvent[]; readonly isAll: boolean };
  scan: { readonly found: readonly (readonly [string, number])[]; readonly next: number | null };
  /** `next`: after which number to go on, or before which; null: there are no more. */
  page: { readonly events: readonly KeptEvent[]; readonly next: number | null };
  oldest: { readonly unixMs: readonly (number | null)[] };
  'begin replay': { readonly run: number };
  replay: {
    /** How many of each receiver, and the first number. */
    readonly replayed: readonly { readonly receiver: string; readonly count: number; readonly from: number }[];
    readonly next: number | null;
  };
  prune: { readonly removed: number; readonly next: number | null };
  close: object;
}

export interface Opened {
  /** The name under which a damaged database was set aside; null: it is whole. */
  readonly damagedAs: string | null;
  /** The highest number of an event so far. */
  readonly lastSeq: number;
  readonly receivers: readonly ({ readonly receiver: string; readonly waiting: number } & SettledCounts)[];
  readonly counters: readonly (readonly [string, number])[];
  readonly sessions: readonly SessionFacts[];
  readonly records: readonly RecordFacts[];
}

export type Kind = keyof Requests;
export type Request<K extends Kind = Kind> = { [P in K]: { readonly kind: P } & Requests[P] }[K];

/**
 * Why a request failed: `full`: no room; `locked`: another process has the database; `newer`: made by a later version;
 * `damaged`: it will be set aside; `dead`: the thread ended; `failed`: anything else.
 */
export type FailureCode = 'full' | 'locked' | 'newer' | 'damaged' | 'dead' | 'failed';
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
}
export type Reply<K extends Kind = Kind> =
  | { readonly ok: true; readonly value: Replies[K] }
  | { readonly ok: false; readonly failure: Failure };
