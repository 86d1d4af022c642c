/** The outbox as recording and delivery see it: what holds the events between the two, in order and by lanes. */
import type { StopReason } from '../streams/index.ts';
import type { NotifyEvent } from './options.ts';

/** An event as it is recorded. */
export interface NewEvent {
  readonly event: NotifyEvent;
  readonly url: string;
  /** The URL's origin. Receivers never wait for each other. */
  readonly receiver: string;
  /** Events of one receiver and lane are delivered one after the other, in the order of `append`. */
  readonly lane: string;
  /** Not before the event of this number is settled or released; null: nothing else need be settled. */
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
  /** Of its stream, from 1, without gaps; null for events of no stream. */
  readonly streamSeq: number | null;
  /** The same over all deliveries of this event, and of no other event. */
  readonly id: string;
  /** Deliveries tried so far. */
  readonly attempts: number;
}

/** How one try to deliver an event ended. */
export type Settlement =
  | { readonly kind: 'delivered' | 'refused'; readonly status: number }
  /** Given up: too old. */
  | { readonly kind: 'expired'; readonly why: string }
  /** To be tried again, `delayMs` from now at the earliest. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly why: string };

/** What can be delivered now. */
export interface Take {
  /** Each a run of successive events of one lane, at least one; the lane is the taker's until the run is settled. */
  readonly runs: readonly (readonly WaitingEvent[])[];
  /** When the next retry is due, ms from now; null where none waits for its time. */
  readonly nextDueMs: number | null;
}

/**
 * Holds events until they are settled. `append` and `settle` never block and never throw; an outbox that writes to a
 * disk gives an event out by `take` once it is committed, and holds no more than a bounded window of them in memory.
 */
export interface Outbox {
  /** Resolves once `append` may be called. `onReady` is told of each receiver that may have something to take. */
  open(onReady: (receiver: string) => void): Promise<void>;
  /** Takes an event in and gives it its number; null: there is no room, and it is lost. */
  append(event: NewEvent): number | null;
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
  /** The number that was given last. */
  readonly lastSeq: number;
  /** Resolves once what was appended and settled is safe, as far as it ever will be. */
  close(): Promise<void>;
}
