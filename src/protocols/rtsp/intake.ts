/** What a publisher or a pulled source sends by RTP, put in order and read: the common part of publish and client. */
import { type Frame, NO_BYTES, type Tracks } from '../../media/index.ts';
import { type ReceiverStats, type RtpMedia, RtpReceiver } from '../../wire/rtp/index.ts';

/** How often packets that wait for a missing one are looked at. Milliseconds. */
const TICK_MS = 50;

export interface IntakeEvents {
  onTracks(tracks: Tracks): void;
  onFrame(frame: Frame): void;
  /** A receiver report for the sender. */
  onRtcp(mediaIndex: number, bytes: Buffer): void;
  /** Something was dropped, and why. */
  onProblem(message: string): void;
  /** An access unit that is larger than any that is taken was dropped. */
  onExcess(message: string): void;
  /** A fault of our own: whoever owns this ends it, and nothing else. */
  onFault(error: unknown): void;
}

export class RtpIntake {
  readonly #receiver: RtpReceiver;
  readonly #events: IntakeEvents;
  readonly #nowMs: () => number;
  readonly #ticker: NodeJS.Timeout;

  constructor(media: readonly RtpMedia[], isOrdered: boolean, events: IntakeEvents, nowMs: () => number) {
    this.#receiver = new RtpReceiver({ media, isOrdered });
    this.#events = events;
    this.#nowMs = nowMs;
    this.#ticker = setInterval(() => this.#take('tick'), TICK_MS);
    this.#take('nothing');
  }

  get stats(): ReceiverStats {
    return this.#receiver.stats;
  }

  onRtp(mediaIndex: number, bytes: Buffer): void {
    this.#take('rtp', mediaIndex, bytes);
  }

  onRtcp(mediaIndex: number, bytes: Buffer): void {
    this.#take('rtcp', mediaIndex, bytes);
  }

  /** The sender is done: what waited for more is given out. */
  end(): void {
    clearInterval(this.#ticker);
    this.#take('end');
  }

  /** Hands one thing in and gives out what it brings. Datagrams and timers have nobody above who could catch. */
  #take(what: 'rtp' | 'rtcp' | 'tick' | 'end' | 'nothing', mediaIndex = 0, bytes: Buffer = NO_BYTES): void {
    try {
      if (what === 'rtp') this.#receiver.pushRtp(mediaIndex, bytes, this.#nowMs());
      else if (what === 'rtcp') this.#receiver.pushRtcp(mediaIndex, bytes, this.#nowMs());
      else if (what === 'tick') this.#receiver.tick(this.#nowMs());
      else if (what === 'end') this.#receiver.end();
      this.#drain();
    } catch (error) {
      this.#events.onFault(error);
    }
  }

  #drain(): void {
    for (let event = this.#receiver.next(); event !== null; event = this.#receiver.next()) {
      switch (event.kind) {
        case 'tracks':
          this.#events.onTracks(event.tracks);
          break;
        case 'frame':
          this.#events.onFrame(event.frame);
          break;
        case 'rtcp':
          this.#events.onRtcp(event.mediaIndex, event.bytes);
          break;
        case 'problem':
          this.#events.onProblem(event.message);
          break;
        case 'excess':
          this.#events.onExcess(event.message);
      }
    }
  }
}
