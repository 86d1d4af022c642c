/** Which wall-clock time the stream's own time means: what EXT-X-PROGRAM-DATE-TIME says of each segment. */

/** The publisher's clock may differ from ours by so much before dates follow ours again. Milliseconds. */
const MAX_DRIFT_MS = 2000;
/** Dates may only overlap by less than a second (RFC 8216bis 6.2.1). Milliseconds. */
const MAX_STEP_BACK_MS = 900;

/** Goes on with the media, so that the dates of two segments differ by what lies between them. */
export class DateClock {
  #mediaMs: number;
  #unixMs: number;

  /** @param mediaMs a time of the stream, and the wall-clock time that it came at */
  constructor(mediaMs: number, unixMs: number) {
    this.#mediaMs = mediaMs;
    this.#unixMs = unixMs;
  }

  /** Milliseconds since 1970. */
  at(mediaMs: number): number {
    return this.#unixMs + mediaMs - this.#mediaMs;
  }

  /** A segment begins with this media time, now: dates that ran away are brought nearer. */
  correct(mediaMs: number, unixMs: number): void {
    const ahead = this.at(mediaMs) - unixMs;
    if (Math.abs(ahead) > MAX_DRIFT_MS) this.#unixMs -= Math.min(ahead, MAX_STEP_BACK_MS);
  }
}
