/** One peer's session: who it is, its counters and bit rates, and its start and stop in ledger and log. */
import type { Clock, Fact, Ledger, Log, SessionFacts, SessionIdentity, StopReason } from './ports.ts';
import type { HubWatch, SessionSnapshot } from './snapshot.ts';

/** The connection behind a session, as its protocol hands it to the hub. */
export interface Peer {
  /** Bytes received and sent for this session so far, protocol overhead included. */
  readBytes(): number;
  wroteBytes(): number;
  /** `ADDRESS:PORT` of whoever is at the other end now, where that is not known when the session begins; absent: the identity's. */
  remoteAddr?(): string;
  /** RTP packets that did not come; absent: it brings none. */
  lostPackets?(): number;
  /**
   * The hub wants the connection ended. A subscriber's protocol flushes what is under way and calls the subscriber's
   * `close` once its byte counters are final; a publisher's session is over already when this is called.
   */
  close(reason: StopReason): void;
  /** Bit rates are taken over so many seconds; absent: 5. */
  readonly bitrateWindowSec?: number;
  /** A publisher without a byte for this long is closed; absent: as the stream's options say; 0: never. Milliseconds. */
  readonly idleTimeoutMs?: number;
}

/** What every session of the hub needs of its surroundings. */
export interface SessionDeps {
  readonly ledger: Ledger;
  readonly log: Log;
  readonly clock: Clock;
  /** Absent: nobody counts. */
  readonly watch?: HubWatch;
}

/** Whether the stream has an in-session and an out-session. */
export interface StreamState {
  readonly hasInSession: boolean;
  readonly hasOutSession: boolean;
}

/** Bit rates are taken over so many seconds where the peer says nothing else. */
const BITRATE_WINDOW_SEC = 5;

export class Session {
  readonly identity: SessionIdentity;
  readonly peer: Peer;
  readonly startUnixMs: number;
  /** Set when the session is asked to end: the reason that its stop will carry. */
  closing: StopReason | null = null;
  droppedFrames = 0;
  /** When its lifetime is over, as admission set it. Monotonic milliseconds. */
  endsAtMs = Number.POSITIVE_INFINITY;
  readonly #deps: SessionDeps;
  readonly #startMs: number;
  readonly #windowSec: number;
  #stopped = false;
  #ticks = 0;
  #readBefore = 0;
  #wroteBefore = 0;
  #readKbits = 0;
  #writeKbits = 0;
  /** The bytes that had come when more were last seen, and when that was. Monotonic milliseconds. */
  #readSeen: number;
  #readSeenMs: number;

  /** Takes the session's start; its stop is `stop`, which nothing else can cause. */
  constructor(identity: SessionIdentity, peer: Peer, deps: SessionDeps) {
    this.identity = identity;
    this.peer = peer;
    this.#deps = deps;
    this.startUnixMs = deps.clock.unixMs();
    this.#startMs = deps.clock.monotonicMs();
    this.#readSeen = peer.readBytes();
    this.#readSeenMs = this.#startMs;
    this.#windowSec = peer.bitrateWindowSec ?? BITRATE_WINDOW_SEC;
  }

  /** `ADDRESS:PORT` of the peer; empty while nobody is there. */
  get remoteAddr(): string {
    return this.peer.remoteAddr?.() ?? this.identity.remoteAddr;
  }

  /** Received over the last full window, in kbit/s of 1000 bits. */
  get readKbitsPerSec(): number {
    return (this.#readKbits * 1024) / 1000;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Tells ledger and log that the session began; `state` is the stream's, this session included. */
  start(state: StreamState): void {
    this.#record('session_start', this.startUnixMs, state, null);
    const { identity } = this;
    this.#deps.log.info(
      {
        session: identity.sessionId,
        type: identity.baseType,
        stream: identity.streamName,
        peer: identity.remoteAddr,
        url: identity.url,
      },
      'session started',
    );
  }

  /** Tells ledger and log that the session is over, once; `state` is the stream's without it. */
  stop(reason: StopReason, state: StreamState): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const why = this.closing ?? reason;
    this.#record('session_stop', this.#deps.clock.unixMs(), state, why);
    this.#deps.watch?.sessionEnded(this.describe(), why);
    this.#deps.log.info(
      {
        session: this.identity.sessionId,
        type: this.identity.baseType,
        stream: this.identity.streamName,
        reason: why,
        readBytes: this.peer.readBytes(),
        wroteBytes: this.peer.wroteBytes(),
        droppedFrames: this.droppedFrames,
        seconds: Math.round(this.#deps.clock.monotonicMs() - this.#startMs) / 1000,
      },
      'session stopped',
    );
  }

  /** Once a second. */
  tick(): void {
    if (++this.#ticks < this.#windowSec) return;
    this.#ticks = 0;
    const read = this.peer.readBytes();
    const wrote = this.peer.wroteBytes();
    this.#readKbits = this.#kbits(read - this.#readBefore);
    this.#writeKbits = this.#kbits(wrote - this.#wroteBefore);
    this.#readBefore = read;
    this.#wroteBefore = wrote;
  }

  /** How long the peer has brought no byte, as far as that was looked at. Milliseconds. */
  silentMs(nowMs: number): number {
    const read = this.peer.readBytes();
    if (read !== this.#readSeen) {
      this.#readSeen = read;
      this.#readSeenMs = nowMs;
    }
    return nowMs - this.#readSeenMs;
  }

  describe(): SessionSnapshot {
    return {
      sessionId: this.identity.sessionId,
      protocol: this.identity.protocol,
      baseType: this.identity.baseType,
      remoteAddr: this.remoteAddr,
      startUnixMs: this.startUnixMs,
      readBytesSum: this.peer.readBytes(),
      wroteBytesSum: this.peer.wroteBytes(),
      readBitrateKbits: this.#readKbits,
      writeBitrateKbits: this.#writeKbits,
      droppedFrames: this.droppedFrames,
      lostPackets: this.peer.lostPackets?.() ?? 0,
    };
  }

  #record(kind: 'session_start' | 'session_stop', unixMs: number, state: StreamState, reason: StopReason | null): void {
    const session: SessionFacts = {
      ...this.identity,
      remoteAddr: this.remoteAddr,
      readBytesSum: this.peer.readBytes(),
      wroteBytesSum: this.peer.wroteBytes(),
      hasInSession: state.hasInSession,
      hasOutSession: state.hasOutSession,
    };
    const fact: Fact =
      kind === 'session_start' || reason === null
        ? { kind: 'session_start', unixMs, session }
        : { kind: 'session_stop', unixMs, session, reason };
    this.#deps.ledger.record(fact);
  }

  /** kbit/s of 1024 bit over the bit rate's window. */
  #kbits(bytes: number): number {
    return Math.round((bytes * 8) / 1024 / this.#windowSec);
  }
}
