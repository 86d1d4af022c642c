/** Keeps a stream's time going on evenly: over publishers that come back, and over clocks that jump. */

type Kind = 'video' | 'audio' | 'data';

/** A step back of more than this is a jump, less is reordering that players cope with. Milliseconds. */
const MAX_STEP_BACK_MS = 1000;
/** A step forward of more than this beyond the time that really passed is a jump. Milliseconds. */
const MAX_STEP_AHEAD_MS = 10_000;
/** Two tracks whose raw times are closer than this are on the same clock. Milliseconds. */
const SAME_CLOCK_MS = 2000;
/** A publisher's first time is kept where it lies in this range; others (negative, near the wrap) begin at 0. */
const MAX_FIRST_MS = 2 ** 31;
/** The step assumed over a jump, and the least one over a change of publisher. Milliseconds. */
const JUMP_STEP_MS = 40;

/** Where a track's time stands. */
interface TrackClock {
  /** Of its last frame, as the publisher has it. */
  raw: number;
  /** When that frame came, monotonic. */
  at: number;
  /** From the publisher's times to the stream's. */
  offset: number;
}

/**
 * Maps a publisher's decoding times onto the stream's. One per stream; `begin` once a publication, then `offset` for
 * each frame, which tells what to add to its dts and pts. The clock is handed in, in monotonic milliseconds.
 */
export class Timeline {
  readonly #clocks = new Map<Kind, TrackClock>();
  #lastOut: number | null = null;
  #lastOutAt = 0;
  #offset: number | null = null;
  /** How often time jumped, over the stream's life: its pictures need not follow each other there. */
  jumps = 0;

  /** A new publication begins: its first frame follows on what subscribers saw last. */
  begin(): void {
    this.#clocks.clear();
    this.#offset = null;
  }

  /** Milliseconds to add to the times of a frame of this kind that was decoded at `dts` and came at `nowMs`. */
  offset(kind: Kind, dts: number, nowMs: number): number {
    const clock = this.#clocks.get(kind);
    let offset: number;
    if (this.#offset === null) {
      offset = this.#firstOffset(dts, nowMs);
      this.#offset = offset;
    } else if (clock === undefined) {
      // a track's first frame: on the clock of the others, or on one of its own
      offset = this.#neighbour(kind, dts) ?? this.#jump(dts);
    } else {
      const step = dts - clock.raw;
      const isJump = step < -MAX_STEP_BACK_MS || step > nowMs - clock.at + MAX_STEP_AHEAD_MS;
      offset = isJump ? (this.#neighbour(kind, dts) ?? this.#jump(dts)) : clock.offset;
    }
    if (clock === undefined) this.#clocks.set(kind, { raw: dts, at: nowMs, offset });
    else {
      clock.raw = dts;
      clock.at = nowMs;
      clock.offset = offset;
    }
    const out = dts + offset;
    if (this.#lastOut === null || out > this.#lastOut) {
      this.#lastOut = out;
      this.#lastOutAt = nowMs;
    }
    return offset;
  }

  #firstOffset(dts: number, nowMs: number): number {
    if (this.#lastOut !== null) {
      return this.#lastOut + Math.max(JUMP_STEP_MS, Math.round(nowMs - this.#lastOutAt)) - dts;
    }
    return dts < 0 || dts > MAX_FIRST_MS ? -dts : 0;
  }

  /** The offset of another track that is already on the clock that `dts` is read from. */
  #neighbour(kind: Kind, dts: number): number | null {
    for (const [other, { raw, offset }] of this.#clocks) {
      if (other !== kind && Math.abs(raw - dts) < SAME_CLOCK_MS) return offset;
    }
    return null;
  }

  #jump(dts: number): number {
    this.jumps++;
    return (this.#lastOut ?? 0) + JUMP_STEP_MS - dts;
  }
}
