/** Video frames received in each of the last seconds, as the statistics' in_frame_per_sec wants them. */

/** How many seconds are told at most. */
const SECONDS = 32;

export class FrameRate {
  readonly #seconds = new Float64Array(SECONDS + 1);
  readonly #counts = new Uint32Array(SECONDS + 1);
  #newest = 0;

  /** Counts a frame that came at `unixMs`. */
  count(unixMs: number): void {
    const second = Math.floor(unixMs / 1000);
    this.#newest = second;
    const slot = second % (SECONDS + 1);
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#counts[slot] = 0;
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  /** Newest second first, the running one left out; seconds without a frame are left out too. */
  describe(unixMs: number): { unixSec: number; v: number }[] {
    const running = Math.floor(unixMs / 1000);
    const seconds: { unixSec: number; v: number }[] = [];
    // most groups of a large server have no publisher
    if (this.#newest < running - SECONDS) return seconds;
    for (let second = running - 1; second >= running - SECONDS; second--) {
      const slot = second % (SECONDS + 1);
      const v = this.#counts[slot] ?? 0;
      if (this.#seconds[slot] === second && v > 0) seconds.push({ unixSec: second, v });
    }
    return seconds;
  }
}
