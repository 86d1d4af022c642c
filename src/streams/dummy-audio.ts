/** Adds silent AAC to a publication that shows no audio, for players that will not start without. */
import { type AudioFrame, aacTrack, type Frame, type Tracks } from '../media/index.ts';
import type { Publisher } from './stream.ts';

/** AudioSpecificConfig of AAC LC, 44.1 kHz, stereo (ISO 14496-3 1.6.2.1). */
const TRACK = aacTrack(Buffer.from([0x12, 0x10]));
/** One frame of it: a channel pair with all spectral data zero (ISO 14496-3 4.4.2.1). */
const SILENCE = Buffer.from([0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c]);
const FRAME_MS = (1024 / 44_100) * 1000;
/** The picture's time may jump; no more silence than this is made at once. Milliseconds. */
const MAX_FILL_MS = 1000;

/** The same publisher, whose stream gets silence once it has shown video for `waitMs` and no audio. Real audio takes over. */
export function withDummyAudio(publisher: Publisher, waitMs: number): Publisher {
  return new DummyAudio(publisher, waitMs);
}

class DummyAudio implements Publisher {
  readonly #publisher: Publisher;
  readonly #waitMs: number;
  /** As the publisher gave them last. */
  #tracks: Tracks | null = null;
  #firstVideoMs: number | null = null;
  #hasAudio = false;
  /** The time of the next silent frame; null while none are made. */
  #nextMs: number | null = null;

  constructor(publisher: Publisher, waitMs: number) {
    this.#publisher = publisher;
    this.#waitMs = waitMs;
  }

  get id(): string {
    return this.#publisher.id;
  }

  get closed(): boolean {
    return this.#publisher.closed;
  }

  setTracks(tracks: Tracks): void {
    this.#tracks = tracks;
    this.#publisher.setTracks(this.#nextMs === null ? tracks : { ...tracks, audio: TRACK });
  }

  write(frame: Frame): void {
    if (!this.#hasAudio) {
      if (frame.kind === 'audio') this.#takeOver();
      else if (frame.kind === 'video') this.#fill(frame.dts);
    }
    this.#publisher.write(frame);
  }

  close(...reason: Parameters<Publisher['close']>): void {
    this.#publisher.close(...reason);
  }

  /** Silence up to the picture's time. */
  #fill(dts: number): void {
    this.#firstVideoMs ??= dts;
    if (this.#nextMs === null) {
      if (this.#tracks === null || dts - this.#firstVideoMs < this.#waitMs) return;
      this.#nextMs = dts;
      this.#publisher.setTracks({ ...this.#tracks, audio: TRACK });
    }
    if (Math.abs(dts - this.#nextMs) > MAX_FILL_MS) this.#nextMs = dts;
    for (; this.#nextMs <= dts; this.#nextMs += FRAME_MS) this.#publisher.write(silence(this.#nextMs));
  }

  #takeOver(): void {
    this.#hasAudio = true;
    if (this.#nextMs !== null && this.#tracks !== null) this.#publisher.setTracks(this.#tracks);
    this.#nextMs = null;
  }
}

function silence(dts: number): AudioFrame {
  return { kind: 'audio', codec: 'AAC', dts, pts: dts, data: SILENCE };
}
