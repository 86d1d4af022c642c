/** RTMP's 32-bit timestamps as one continuous number. */

/**
 * Continues a timeline over the wrap at 2^32 ms (49.7 days) in both directions: each timestamp is taken to be at most 2^31 ms
 * away from the one before (RTMP 5.3.1.2.1 has receivers use such serial number arithmetic).
 */
export class TimestampUnwrapper {
  #last: number | null = null;

  /** @param timestamp milliseconds mod 2^32 @returns milliseconds, negative where time goes back below 0 */
  unwrap(timestamp: number): number {
    // ToInt32 takes both mod 2^32 and gives the shorter way around.
    this.#last = this.#last === null ? timestamp : this.#last + ((timestamp - this.#last) | 0);
    return this.#last;
  }
}
