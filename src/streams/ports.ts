/** Whom the hub asks and tells: the narrow types that admission, ledger and log fulfil; server.ts hands them in. */

export type Protocol = 'RTMP' | 'RTSP' | 'FLV' | 'TS' | 'HLS' | 'PS' | 'CUSTOMIZE';
export type BaseType = 'PUB' | 'SUB' | 'PULL' | 'PUSH';

/** Why a session ended, in the words that the business side is told (header `millrace-reason`). */
export type StopReason =
  | 'peer closed'
  | 'kicked'
  | 'timed out'
  | 'protocol error'
  | 'too slow'
  | 'replaced'
  | 'refused'
  | 'expired'
  | 'pull failed'
  | 'unwatched'
  | 'server stopped'
  | 'server crashed';

/** A session's identity: fixed for its life. */
export interface SessionIdentity {
  readonly sessionId: string;
  readonly protocol: Protocol;
  readonly baseType: BaseType;
  /** `ADDRESS:PORT`, IPv6 in brackets. */
  readonly remoteAddr: string;
  /** As the client asked for it, query included. */
  readonly url: string;
  readonly appName: string;
  readonly streamName: string;
  readonly urlParam: string;
}

/** A session's identity and counters at the moment of a fact. */
export interface SessionFacts extends SessionIdentity {
  readonly readBytesSum: number;
  readonly wroteBytesSum: number;
  /** The stream's state right after the change that the fact reports. */
  readonly hasInSession: boolean;
  readonly hasOutSession: boolean;
}

/** Something the business side was promised to hear of. `unixMs` is when it happened. */
export type Fact =
  | { readonly kind: 'server_start'; readonly unixMs: number }
  | {
      readonly kind: 'rtmp_connect';
      readonly unixMs: number;
      readonly sessionId: string;
      readonly remoteAddr: string;
      readonly app: string;
      readonly flashVer: string;
      readonly tcUrl: string;
    }
  | { readonly kind: 'session_start'; readonly unixMs: number; readonly session: SessionFacts }
  | {
      readonly kind: 'session_stop';
      readonly unixMs: number;
      readonly session: SessionFacts;
      readonly reason: StopReason;
    }
  | {
      readonly kind: 'hls_make_ts';
      readonly unixMs: number;
      /** `open` where a segment file was made, `close` where it and the playlists that list it are complete. */
      readonly event: 'open' | 'close';
      readonly streamName: string;
      /** The process's working folder; the paths are relative to it where the configured folder is relative. */
      readonly cwd: string;
      readonly tsFile: string;
      readonly liveM3u8File: string;
      readonly recordM3u8File: string;
      /** Linear within the stream's folder. */
      readonly id: number;
      /** Seconds, exact to the millisecond; 0 at `open`. */
      readonly durationSec: number;
    }
  | ({ readonly kind: 'record_start'; readonly unixMs: number } & RecordFacts)
  | ({
      readonly kind: 'record_stop';
      readonly unixMs: number;
      /** Of the media in the file. */
      readonly durationMs: number;
      readonly bytes: number;
      readonly reason: string;
    } & RecordFacts);

/** A file that a stream is recorded into. */
export interface RecordFacts {
  readonly streamName: string;
  readonly appName: string;
  readonly format: 'flv' | 'ts' | 'mp4';
  readonly path: string;
  readonly startUnixMs: number;
}

/** Takes the facts that were promised to the business side. Never blocks, never throws. */
export interface Ledger {
  record(fact: Fact): void;
}

/** Gives each session its number: 1, 2, … per prefix (`RTMPPUBSUB`), never twice. */
export interface SessionCounter {
  next(prefix: string): number;
}

/** Who wants to publish or play what. */
export interface AdmissionRequest {
  readonly direction: 'publish' | 'play';
  readonly session: SessionIdentity;
}

/** Let in, with what is asked for beside it, or the reason for the refusal, which the client is told. */
export type Decision =
  | {
      readonly ok: true;
      /** The stream that it publishes or plays, whatever its URL says. */
      readonly streamName?: string;
      /** Its session is ended after so many seconds. */
      readonly lifetimeSec?: number;
      /** What it publishes is recorded in this format. */
      readonly record?: 'flv' | 'ts' | 'mp4';
    }
  | { readonly ok: false; readonly reason: string };

/** Decides who is let in. */
export interface Admission {
  decide(request: AdmissionRequest): Promise<Decision>;
}

/** A stream's sessions changed, or nobody is awaited any more: whether one publishes or pulls it, and how many play it, pushes left out. */
export interface StreamChange {
  readonly streamName: string;
  /** The group's. */
  readonly appName: string;
  readonly hasInSession: boolean;
  /** Nobody publishes, and somebody is to: the publisher that was lost has time to come back, or another is taking its place. */
  readonly isAwaited: boolean;
  readonly players: number;
}

/** Told of each peer that a bound of the hub turned away. Cheap enough for a flood of them; never throws. */
export interface HubRefusals {
  /** @param peer `ADDRESS:PORT` */
  refused(limit: 'max_groups' | 'max_subscribers_per_group', peer: string, sentence: string): void;
}

/** The log as the parts below ops see it: structured fields first, then one sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The clock as the hub sees it, handed in so that tests can set it. */
export interface Clock {
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Milliseconds since 1970. */
  unixMs(): number;
}
