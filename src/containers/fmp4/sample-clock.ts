/** Milliseconds of frames, often rounded, to times of samples: in ticks, always going on, evenly where the codec says how. */

/**
 * Frames whose length is known keep to it while their times differ by less than this share of it: what rounding and
 * jitter make, but not a frame that is missing.
 */
const MAX_DRIFT_FRAMES = 0.75;
/** Likewise, however short the frames are. Milliseconds. */
const MIN_DRIFT_MS = 10;

export class SampleClock {
  readonly #timescale: number;
  #last = -1;
  /** Where the next sample begins if it follows without a gap; null: not known. */
  #next: number | null = null;

  /** @param timescale ticks a second */
  constructor(timescale: number) {
    this.#timescale = timescale;
  }

  /**
   * The decoding time of the next sample, in ticks; never negative, always after the one before.
   * @param frameTicks how long it plays, where its codec says so
   */
  time(dtsMs: number, frameTicks: number | null): number {
    const read = this.ticks(dtsMs);
    const time = Math.max(this.#last + 1, this.#followsOn(read, frameTicks) ?? read);
    this.#last = time;
    this.#next = frameTicks === null ? null : time + frameTicks;
    return time;
  }

  /** A time in ticks, as it is. */
  ticks(ms: number): number {
    return Math.round((ms * this.#timescale) / 1000);
  }

  #followsOn(read: number, frameTicks: number | null): number | null {
    if (this.#next === null || frameTicks === null) return null;
    const drift = Math.max(MAX_DRIFT_FRAMES * frameTicks, this.ticks(MIN_DRIFT_MS));
    return Math.abs(read - this.#next) <= drift ? this.#next : null;
  }
}
