/** A stream in one format on its way to one player thread; what the thread cannot take is left out by whole GOPs. */
import type { AudienceOptions, Batch, Branch, MuxedGop } from '../streams/index.ts';
import type { Link } from './link.ts';
import type { FromThread, ToThread } from './messages.ts';

/** Frames that a thread was not sent, because it did not keep up. */
export interface Missed {
  frames: number;
}

export class ThreadBranch implements Branch {
  readonly #audience: number;
  readonly #link: Link<ToThread, FromThread>;
  readonly #total: Missed;
  readonly #onClose: () => void;
  #missed = 0;

  /**
   * @param audience its number in the thread
   * @param total is added to
   */
  constructor(
    audience: number,
    link: Link<ToThread, FromThread>,
    options: AudienceOptions,
    gops: readonly MuxedGop[],
    total: Missed,
    onClose: () => void,
  ) {
    this.#audience = audience;
    this.#link = link;
    this.#total = total;
    this.#onClose = onClose;
    link.send({ kind: 'open audience', audience, options, gops: link.isFull ? [] : gops });
  }

  write({ bytes, frames, starts, header }: Batch): void {
    const goesOn = this.#missed === 0 ? !this.#link.isFull : starts && this.#link.hasRoom;
    if (!goesOn) {
      this.#missed += frames;
      this.#total.frames += frames;
      return;
    }
    const audience = this.#audience;
    if (this.#missed > 0) this.#link.send({ kind: 'missed', audience, frames: this.#missed });
    this.#missed = 0;
    this.#link.send({ kind: 'batch', audience, bytes, frames, starts, header });
  }

  writeTracks(bytes: Buffer): void {
    this.#link.send({ kind: 'track bytes', audience: this.#audience, bytes });
  }

  dropCache(): void {
    this.#link.send({ kind: 'drop cache', audience: this.#audience });
  }

  restart(): void {
    this.#link.send({ kind: 'restart', audience: this.#audience });
  }

  close(): void {
    this.#link.send({ kind: 'close audience', audience: this.#audience });
    this.#onClose();
  }
}
