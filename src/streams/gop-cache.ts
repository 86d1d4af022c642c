/** The newest groups of pictures of a stream as frames, so that a format's first subscriber can start at once. */
import { FRAME_OVERHEAD_BYTES, type Frame, type Tracks } from '../media/index.ts';

/** No GOP is kept beyond this many bytes, whatever the settings: a stream without key frames must not fill the memory. */
const MAX_GOP_BYTES = 64 * 1024 * 1024;

export interface Gop {
  /** The tracks in force at the GOP's key frame. */
  readonly tracks: Tracks;
  /** Frames, and the tracks that changed between them. */
  readonly items: (Frame | Tracks)[];
  frames: number;
  bytes: number;
}

/**
 * Keeps the running GOP and the `gopNum - 1` before it; nothing where `gopNum` is 0. A GOP that outgrows
 * `maxFrames` (0: no bound) or 64 MiB is given up whole: a cache with a hole would not decode.
 */
export class GopCache {
  readonly #gopNum: number;
  readonly #maxFrames: number;
  #gops: Gop[] = [];
  #overflowed = false;

  constructor(gopNum: number, maxFrames: number) {
    this.#gopNum = gopNum;
    this.#maxFrames = maxFrames;
  }

  get gops(): readonly Gop[] {
    return this.#gops;
  }

  /**
   * @param startsGop whether a subscriber could start at this frame
   * @returns whether the cache was given up at this frame
   */
  push(frame: Frame, startsGop: boolean, tracks: Tracks): boolean {
    if (this.#gopNum === 0) return false;
    if (startsGop) {
      this.#overflowed = false;
      if (this.#gops.length >= this.#gopNum) this.#gops.shift();
      this.#gops.push({ tracks, items: [], frames: 0, bytes: 0 });
    }
    const gop = this.#gops.at(-1);
    if (gop === undefined || this.#overflowed) return false;
    gop.items.push(frame);
    gop.frames++;
    gop.bytes += FRAME_OVERHEAD_BYTES + frame.data.length;
    if ((this.#maxFrames > 0 && gop.frames > this.#maxFrames) || gop.bytes > MAX_GOP_BYTES) {
      this.#overflowed = true;
      this.#gops = [];
    }
    return this.#overflowed;
  }

  /** The frames after this belong to these tracks. */
  setTracks(tracks: Tracks): void {
    const gop = this.#gops.at(-1);
    if (gop === undefined) return;
    const last = gop.items.at(-1);
    // those that no frame followed are for nobody
    if (last !== undefined && !('kind' in last)) {
      gop.items.pop();
      gop.bytes -= sizeOf(last);
    }
    gop.items.push(tracks);
    gop.bytes += sizeOf(tracks);
  }

  clear(): void {
    this.#gops = [];
    this.#overflowed = false;
  }
}

function sizeOf({ video, audio, metadata }: Tracks): number {
  const buffers = video === null ? [] : [...(video.codec === 'H265' ? video.vps : []), ...video.sps, ...video.pps];
  if (audio?.codec === 'AAC') buffers.push(audio.config);
  if (metadata !== null) buffers.push(metadata);
  return buffers.reduce((sum, { length }) => sum + length, FRAME_OVERHEAD_BYTES);
}
