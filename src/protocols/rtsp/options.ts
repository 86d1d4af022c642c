/** What the RTSP servers are told to do, and what they need of the house. */
import type { ListenAddress, PeerFaults, PeerLimits, TlsFiles } from '../../net/index.ts';
import type { Clock, Hub, Log, SessionCounter } from '../../streams/index.ts';

/** Who must give the name and the password. */
export interface RtspAuthOptions {
  /** At DESCRIBE. */
  readonly isAskedOfPlayers: boolean;
  /** At ANNOUNCE. */
  readonly isAskedOfPublishers: boolean;
  readonly method: 'basic' | 'digest';
  readonly username: string;
  readonly password: string;
}

/** What a connection is given, however it came. */
export interface RtspSessionOptions {
  readonly auth: RtspAuthOptions;
  /** A connection that neither publishes nor plays for this long is closed. Milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** A player that is sent nothing over its connection and gives no sign of life for this long is closed. Milliseconds. */
  readonly sessionTimeoutMs: number;
  /** A player that comes before its publisher waits this long for an answer. Milliseconds. */
  readonly publisherWaitMs: number;
}

export interface RtspServerOptions extends RtspSessionOptions {
  readonly address: ListenAddress;
  /** Null: plain RTSP. */
  readonly tls: TlsFiles | null;
}

export interface RtspWebSocketOptions extends RtspSessionOptions {
  readonly address: ListenAddress;
}

export interface RtspDeps {
  readonly hub: Hub;
  readonly counter: SessionCounter;
  readonly clock: Clock;
  readonly log: Log;
  readonly faults: PeerFaults;
  /** Absent: everybody is let in. */
  readonly limits?: PeerLimits;
  /** Value of the header `Server`. */
  readonly serverName: string;
}

/** The time-out that players are told of and keep alive, as RFC 2326 12.37 has it where nothing is said. */
export const RTSP_SESSION_TIMEOUT_MS = 60_000;
/** Long enough for the business side to start a pull when it hears of a player. */
export const RTSP_PUBLISHER_WAIT_MS = 10_000;
