/** What the main thread, which has the hub, and a player thread, which has sockets, say to each other. */
import type { Frame, Tracks } from '../media/index.ts';
import type { FaultReason, FaultyProtocol, HttpAnswer, HttpRequestFacts } from '../net/index.ts';
import type {
  AudienceOptions,
  Fact,
  MuxedGop,
  Opening,
  Refusal,
  SessionIdentity,
  StopReason,
} from '../streams/index.ts';
import type { PlayerOptions } from './ports.ts';

/** What a thread says. `key` is its own number for a session, from the question whether it is let in to its end. */
export type FromThread =
  | { readonly kind: 'listening'; readonly index: number; readonly host: string; readonly port: number }
  | { readonly kind: 'not listening'; readonly index: number; readonly why: string }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string }
  /** A peer's fault, named already. */
  | { readonly kind: 'fault'; readonly protocol: FaultyProtocol; readonly reason: FaultReason }
  | { readonly kind: 'fact'; readonly fact: Fact }
  | ({ readonly kind: 'publish' | 'subscribe'; readonly identity: SessionIdentity } & PeerMessage)
  | { readonly kind: 'attach'; readonly key: number; readonly format: string }
  | { readonly kind: 'watch'; readonly key: number }
  | { readonly kind: 'tracks'; readonly key: number; readonly tracks: Tracks }
  | { readonly kind: 'frame'; readonly key: number; readonly frame: Frame; readonly readBytes: number }
  | { readonly kind: 'closed'; readonly reason: StopReason; readonly counters: Counters; readonly key: number }
  | { readonly kind: 'ask'; readonly id: number; readonly request: HttpRequestFacts }
  /** Nobody waits for the answer any more. */
  | { readonly kind: 'abandon'; readonly id: number }
  | { readonly kind: 'sent'; readonly account: string; readonly bytes: number }
  | { readonly kind: 'finished'; readonly account: string }
  /** The answer to `tick`: `COUNTER_FIELDS` numbers of each session of which they have changed. */
  | { readonly kind: 'counters'; readonly numbers: Float64Array };

/** What the hub must know of a peer from the start. */
interface PeerMessage {
  readonly key: number;
  readonly readBytes: number;
  readonly wroteBytes: number;
  readonly bitrateWindowSec: number | undefined;
  readonly idleTimeoutMs: number | undefined;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** How a session stands. */
export interface Counters {
  readonly readBytes: number;
  readonly wroteBytes: number;
  readonly droppedFrames: number;
  /** Accepted but not yet handed to the kernel. */
  readonly queuedBytes: number;
  readonly isDropping: boolean;
  readonly lostPackets: number;
}

/** Key, then the counters in their order, as numbers. */
export const COUNTER_FIELDS = 7;

/** What the main thread says. `audience` is its own number for a stream in a format in that thread. */
export type ToThread =
  /** Absent: any port, if that is what is configured. */
  | { readonly kind: 'listen'; readonly index: number; readonly port: number }
  | { readonly kind: 'stop listening' }
  | { readonly kind: 'update'; readonly options: PlayerOptions }
  | { readonly kind: 'tick' }
  | { readonly kind: 'published'; readonly key: number; readonly result: Admitted<{ readonly id: string }> }
  | { readonly kind: 'subscribed'; readonly key: number; readonly result: Admitted<Subscribed> }
  | { readonly kind: 'tracks'; readonly key: number; readonly tracks: Tracks }
  | { readonly kind: 'close'; readonly key: number; readonly reason: StopReason }
  | {
      readonly kind: 'open audience';
      readonly audience: number;
      readonly options: AudienceOptions;
      readonly gops: readonly MuxedGop[];
    }
  | { readonly kind: 'join'; readonly key: number; readonly audience: number; readonly opening: Opening }
  | {
      readonly kind: 'batch';
      readonly audience: number;
      readonly bytes: Buffer;
      readonly frames: number;
      readonly starts: boolean;
      readonly header: Buffer | null;
    }
  /** Null: a fault. */
  | { readonly kind: 'answer'; readonly id: number; readonly answer: HttpAnswer | null }
  | { readonly kind: 'stop sending'; readonly account: string }
  | { readonly kind: 'track bytes'; readonly audience: number; readonly bytes: Buffer }
  | { readonly kind: 'missed'; readonly audience: number; readonly frames: number }
  | { readonly kind: 'drop cache' | 'restart' | 'close audience'; readonly audience: number };

type Admitted<T> = ({ readonly ok: true } & T) | Refusal;

interface Subscribed {
  readonly id: string;
  readonly streamName: string;
  readonly tracks: Tracks;
}
