/** What the API and on_update are given: plain copies of the hub's state at one moment, never live objects. */
import type { BaseType, Protocol, StopReason } from './ports.ts';

export interface SessionSnapshot {
  readonly sessionId: string;
  readonly protocol: Protocol;
  readonly baseType: BaseType;
  readonly remoteAddr: string;
  readonly startUnixMs: number;
  readonly readBytesSum: number;
  readonly wroteBytesSum: number;
  /** kbit/s (1 kbit = 1024 bit) over the last full 5 s. */
  readonly readBitrateKbits: number;
  readonly writeBitrateKbits: number;
  /** Access units and audio frames dropped because the peer was too slow. */
  readonly droppedFrames: number;
  /** RTP packets of a publisher or a pull that did not come. */
  readonly lostPackets: number;
}

export interface GroupSnapshot {
  readonly streamName: string;
  readonly appName: string;
  /** `AAC`, `PCMA`, … or empty. */
  readonly audioCodec: string;
  readonly videoCodec: string;
  readonly videoWidth: number;
  readonly videoHeight: number;
  readonly pub: SessionSnapshot | null;
  readonly subs: readonly SessionSnapshot[];
  readonly pull: SessionSnapshot | null;
  readonly pushs: readonly SessionSnapshot[];
  /** Video frames received per second, newest second first, at most 32, the running second left out. */
  readonly inFramePerSec: readonly { readonly unixSec: number; readonly v: number }[];
}

/** Counts what the hub does, for metrics. Called where much happens: it must do next to nothing, and never throw. */
export interface HubWatch {
  /** A session has ended; its counters are final. */
  sessionEnded(session: SessionSnapshot, reason: StopReason): void;
  /** A batch is on its way to all its players, so many milliseconds after its first frame came. */
  batchWritten(ms: number): void;
  /** A publisher's clock jumped, and its stream's time went on without a gap. */
  timeJumped(): void;
  /** The SPS of a publication cannot be read, or is of a picture that no level has; once a publication. */
  pictureUnreadable(protocol: Protocol): void;
  /** A publisher sends far more than it declared; once a publication. */
  rateExceeded(): void;
}
