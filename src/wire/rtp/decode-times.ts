/** Decoding times for frames that come in decoding order with presentation times alone, as RTP sends them. */

/** Before the first frame's presentation time, for each picture of reordering. Milliseconds. */
const FIRST_STEP_MS = 40;
/** The least step where there is nothing to go by. Milliseconds. */
const LEAST_STEP_MS = 1;
/** Pictures that are looked back on for the depth; the standards allow no more (MaxDpbFrames). */
const WINDOW = 16;
/** A presentation time this far before the last decoding time is no reordering: the clock jumped. Milliseconds. */
const JUMP_MS = 1000;

/**
 * With a reorder depth of N, the frame that is n-th in decoding order is decoded when the (n - N)-th is shown: that is
 * known as soon as it comes, for all that are shown before are there by then. So no frame waits, decoding times go up by
 * the frames' own steps, and are presentation times where N is 0.
 *
 * The depth is what the SPS says; where it says nothing, 0 until frames are seen to be reordered. Of such a stream, the
 * frames that are met first so, and would have to be decoded before what is out already, are to be left out: they are
 * shown before a frame that came before them, and nothing but such frames refers to them.
 */
export class DecodeTimes {
  #depth = 0;
  /** Presentation times that are no decoding times yet, ascending. */
  readonly #waiting: number[] = [];
  /** Of the last frames, in decoding order. */
  readonly #recent: number[] = [];
  #last = Number.NEGATIVE_INFINITY;
  /** Decoding times of the frames of a start, which none is shown before; null: the start is over. */
  #next: number | null = null;
  #isStart = true;

  /** The depth that a new SPS says; null: it says nothing, and what was seen stays. */
  setDepth(depth: number | null): void {
    if (depth !== null) this.#depth = depth;
  }

  /** The next frame does not follow on those before: it is a key frame after a loss, or the sender began anew. */
  restart(): void {
    this.#isStart = true;
  }

  /** The decoding time of the next frame, above the last; null: there is none that is not above its presentation time. */
  next(pts: number, isKey: boolean): number | null {
    if (pts <= this.#last && (isKey || pts < this.#last - JUMP_MS)) {
      // what follows a key frame is shown after what came before: the clock was set back
      this.#last = Number.NEGATIVE_INFINITY;
      this.#isStart = true;
    }
    if (this.#isStart) this.#begin(pts);
    this.#observe(pts);
    if (pts <= this.#last) return null;
    insert(this.#waiting, pts);
    let due: number | undefined;
    while (this.#waiting.length > this.#depth) due = this.#waiting.shift();
    if (due !== undefined) this.#next = null;
    const wanted = due ?? this.#next ?? Number.NEGATIVE_INFINITY;
    if (this.#next !== null) this.#next += FIRST_STEP_MS;
    const least = this.#last + Math.min(LEAST_STEP_MS, (pts - this.#last) / 2);
    this.#last = wanted > this.#last ? Math.min(wanted, pts) : least;
    return this.#last;
  }

  #begin(pts: number): void {
    this.#isStart = false;
    this.#waiting.length = 0;
    this.#recent.length = 0;
    this.#next = this.#depth === 0 ? null : pts - this.#depth * FIRST_STEP_MS;
  }

  /** Frames before this one that are shown after it: as many as that, the depth is at least. */
  #observe(pts: number): void {
    let later = 0;
    for (const other of this.#recent) if (other > pts) later++;
    if (later > this.#depth) this.#depth = later;
    this.#recent.push(pts);
    if (this.#recent.length > WINDOW) this.#recent.shift();
  }
}

function insert(ascending: number[], value: number): void {
  let at = ascending.length;
  while (at > 0 && (ascending[at - 1] ?? 0) > value) at--;
  ascending.splice(at, 0, value);
}
