/** What the API asks of HTTP Notify and commands it: the narrow type that server.ts hands in. */

/** How far an event has come. */
export const EVENT_STATES = ['waiting', 'delivered', 'refused', 'expired'] as const;
export type EventState = (typeof EVENT_STATES)[number];

/** The states of events that are settled, and so can be sent once more. */
export const REPLAY_STATES = ['refused', 'expired', 'delivered'] as const;

/** An event as the API shows it; keys in the order of docs/http-api.md. */
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
  readonly url: string;
  readonly state: string;
  readonly attempts: readonly { readonly at: string; readonly status: number | null; readonly error: string | null }[];
  /** When it happened. */
  readonly unix_ms: number;
  /** The callback's body, byte for byte. */
  readonly body: string;
}

/** Which events; null: any. */
export interface EventFilter {
  /** Those with a higher `seq`. */
  readonly since: number;
  readonly streamName: string | null;
  readonly state: EventState | null;
  readonly limit: number;
}

/** Which events are sent once more; `from` and `to` are `seq`, both included. */
export type ReplayFilter =
  | { readonly ids: string[] }
  | { readonly state: (typeof REPLAY_STATES)[number] }
  | { readonly from: number; readonly to: number };

/** The part of HTTP Notify that the API sees. */
export interface NotifyAdmin {
  /** The data of `/api/notify/status`. */
  status(): Promise<object>;
  /** Committed events by rising `seq`, at most `limit`. */
  events(filter: EventFilter): Promise<readonly EventJson[]>;
  /** Has settled events delivered once more; tells how many. */
  replay(filter: ReplayFilter): Promise<number>;
  /** Tells of events that are committed from now on, by rising `seq`; returns what ends it. */
  watch(onEvents: (events: readonly EventJson[]) => void): () => void;
}
