/** One player of a stream: a session that is sent what its format's fan-out gathers, as fast as it can take it. */
import type { Tracks } from '../media/index.ts';
import type { Flow, Player, Sink } from './audience.ts';
import type { StopReason } from './ports.ts';
import type { Session } from './session.ts';

/** A subscriber that has been skipping this long, in seconds, will not catch up any more and is closed. */
const MAX_DROPPING_S = 30;
/** What waits for a subscriber is at most so old, or as old as the backlog may be: who takes a byte now and then only holds it. Milliseconds. */
const MAX_UNSENT_MS = 60_000;

/** Closes a subscriber's session on behalf of its stream. */
export interface SubscriberOwner {
  leave(subscriber: Subscriber, reason: StopReason): void;
}

export class Subscriber implements Player {
  readonly session: Session;
  sink: Sink | null = null;
  flow: Flow = 'waiting';
  /** Told of the stream's tracks at each change. */
  onTracks: ((tracks: Tracks) => void) | null = null;
  /** The bytes sent when progress was last seen, and when (monotonic ms). */
  #wroteSeen = 0;
  #progressAt: number;
  #droppingSeconds = 0;
  /** What will have been sent when all is that waited at the mark, and when that was (monotonic ms). */
  #markBytes = 0;
  #markAt: number;
  readonly #owner: SubscriberOwner;

  constructor(session: Session, owner: SubscriberOwner, nowMs: number) {
    this.session = session;
    this.#owner = owner;
    this.#progressAt = nowMs;
    this.#markAt = nowMs;
  }

  /** Somebody who watches, rather than a push of our own. */
  get isPlayer(): boolean {
    return this.session.identity.baseType !== 'PUSH';
  }

  get id(): string {
    return this.session.identity.sessionId;
  }

  /** Its peer is gone, and its byte counters are final. Once; more calls do nothing. */
  close(reason: StopReason): void {
    this.#owner.leave(this, reason);
  }

  drop(frames: number): void {
    this.session.droppedFrames += frames;
  }

  /** Asks its protocol to end the connection; nothing more is written to it. */
  askToClose(reason: StopReason): void {
    if (this.session.closing !== null || this.session.stopped) return;
    this.session.closing = reason;
    this.sink = null;
    this.session.peer.close(reason);
  }

  /**
   * Once a second: closes a peer to whom nothing could be written for `idleMs`, though something was to be.
   * So is one to whom nothing that is older than `backlogMs`, and a minute, could be written, however much it takes of it.
   * So is one whose lifetime is over. A subscriber who waits for a publisher has nothing to be written and stays. One that never stops dropping goes, too.
   */
  checkProgress(nowMs: number, idleMs: number, backlogMs: number): void {
    if (nowMs >= this.session.endsAtMs) {
      this.askToClose('expired');
      return;
    }
    this.#droppingSeconds = this.flow === 'dropping' ? this.#droppingSeconds + 1 : 0;
    if (this.#droppingSeconds > MAX_DROPPING_S) {
      this.askToClose('too slow');
      return;
    }
    const wrote = this.session.peer.wroteBytes();
    if (this.sink === null || this.sink.writableLength === 0 || wrote >= this.#markBytes) {
      this.#markBytes = wrote + (this.sink?.writableLength ?? 0);
      this.#markAt = nowMs;
    } else if (nowMs - this.#markAt >= Math.max(MAX_UNSENT_MS, backlogMs)) {
      this.askToClose('too slow');
      return;
    }
    if (this.sink === null || this.sink.writableLength === 0 || wrote !== this.#wroteSeen) {
      this.#wroteSeen = wrote;
      this.#progressAt = nowMs;
      return;
    }
    if (nowMs - this.#progressAt >= idleMs) this.askToClose('timed out');
  }
}
