/** A publisher whose connection is in this player thread and whose stream is in the main thread. */
import type { Frame, Tracks } from '../media/index.ts';
import type { Log, Peer, Publisher, StopReason } from '../streams/index.ts';
import type { Link } from './link.ts';
import type { Counters, FromThread, ToThread } from './messages.ts';

export class RemotePublisher implements Publisher {
  readonly id: string;
  readonly #key: number;
  readonly #peer: Peer;
  readonly #link: Link<FromThread, ToThread>;
  readonly #log: Log;
  readonly #onClosed: () => void;
  #isClosed = false;
  /** Whether the hub has ended it; the peer's connection may still be open. */
  #isOver = false;
  #hasVideo = false;
  /** Frames left out because the main thread does not keep up. */
  #missed = 0;

  /** @param onClosed called once, when the connection is done with it */
  constructor(id: string, key: number, peer: Peer, link: Link<FromThread, ToThread>, log: Log, onClosed: () => void) {
    this.id = id;
    this.#key = key;
    this.#peer = peer;
    this.#link = link;
    this.#log = log;
    this.#onClosed = onClosed;
  }

  get closed(): boolean {
    return this.#isOver || this.#isClosed;
  }

  setTracks(tracks: Tracks): void {
    if (this.closed) return;
    this.#hasVideo = tracks.video !== null;
    this.#link.send({ kind: 'tracks', key: this.#key, tracks });
  }

  write(frame: Frame): void {
    if (this.closed) return;
    if (!this.#goesOnAt(frame)) {
      this.#missed++;
      return;
    }
    if (this.#missed > 0) {
      this.#log.warn(
        { session: this.id, frames: this.#missed },
        'the main thread did not keep up: frames were left out',
      );
      this.#missed = 0;
    }
    this.#link.send({ kind: 'frame', key: this.#key, frame, readBytes: this.#peer.readBytes() });
  }

  close(reason: StopReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#link.send({ kind: 'closed', key: this.#key, reason, counters: this.counters() });
    this.#onClosed();
  }

  /** The hub wants it ended. */
  askToClose(reason: StopReason): void {
    if (this.closed) return;
    this.#isOver = true;
    this.#peer.close(reason);
  }

  counters(): Counters {
    const [readBytes, wroteBytes] = [this.#peer.readBytes(), this.#peer.wroteBytes()];
    const lostPackets = this.#peer.lostPackets?.() ?? 0;
    return { readBytes, wroteBytes, droppedFrames: 0, queuedBytes: 0, isDropping: false, lostPackets };
  }

  /** Whole GOPs are left out while the link is full. */
  #goesOnAt(frame: Frame): boolean {
    if (this.#missed === 0) return !this.#link.isFull;
    const canStart = this.#hasVideo ? frame.kind === 'video' && frame.key : true;
    return canStart && this.#link.hasRoom;
  }
}
