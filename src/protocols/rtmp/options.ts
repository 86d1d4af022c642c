/** What the RTMP server is told to do, and what it needs of the house. */
import type { HevcTagging } from '../../containers/flv/index.ts';
import type { ListenAddress, PeerFaults, PeerLimits, TlsFiles } from '../../net/index.ts';
import type { Clock, Hub, Ledger, Log, SessionCounter } from '../../streams/index.ts';

export interface RtmpServerOptions {
  readonly address: ListenAddress;
  /** Null: plain RTMP. */
  readonly tls: TlsFiles | null;
  /** A connection that neither publishes nor plays for this long is closed. Milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** A longer message ends its connection. Bytes. */
  readonly maxMessageBytes: number;
  /** How H265 is tagged for players that do not say what they know. */
  readonly hevc: HevcTagging;
}

export interface RtmpDeps {
  readonly hub: Hub;
  readonly ledger: Ledger;
  readonly counter: SessionCounter;
  readonly clock: Clock;
  readonly log: Log;
  readonly faults: PeerFaults;
  /** Absent: everybody is let in. */
  readonly limits?: PeerLimits;
}
