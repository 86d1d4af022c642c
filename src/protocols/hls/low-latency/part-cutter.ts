/** One unbroken stretch of a stream's frames to parts and segments: decides where they end. */
import type { Fmp4FragmentMuxer } from '../../../containers/fmp4/index.ts';
import type { Frame } from '../../../media/index.ts';
import type { DateClock } from './date-clock.ts';
import type { PartTarget } from './part-target.ts';
import type { SegmentWindow } from './segment-window.ts';

/** Segments without a key frame are cut at so many times the length that they should have. */
const FORCED_CUT = 10;
/** Until viewers can begin, segments are only so long, if key frames allow. Milliseconds. */
const FIRST_SEGMENT_MS = 1000;
/** A key frame ends a segment that has this share of the wanted length: key frames too come a little early or late. */
const MIN_SEGMENT_SHARE = 0.95;
/** Pictures that are missing for so long no longer hold the sound back. Milliseconds. */
const STALL_MS = 1000;
/** A segment has at most this share of the memory that a stream may take. */
const MAX_SEGMENT_SHARE = 0.25;

export interface CutterOptions {
  readonly segmentDurationMs: number;
  readonly maxBytes: number;
}

/** What is the same for all frames of a stretch. */
export interface Stretch {
  readonly muxer: Fmp4FragmentMuxer;
  readonly init: Buffer;
  readonly target: PartTarget;
  /** It does not follow on what was there before. */
  readonly discontinuity: boolean;
  readonly dates: DateClock;
}

/**
 * Parts end where the leading track's frames do: those of video, or of audio where there is no video. A part's duration
 * is counted from frame to frame of that track, and where the next one is late it is the Part Target Duration: so no
 * part is ever too long or too short, and together they are as long as the media. Where no frame at all comes for longer
 * than that, the segment ends.
 */
export class PartCutter {
  readonly #options: CutterOptions;
  readonly #stretch: Stretch;
  readonly #window: SegmentWindow;
  readonly #maxSegmentBytes: number;
  #partStartMs: number;
  #segmentStartMs: number;
  #discontinuity: boolean;
  #lastVideoMs: number;
  /** Of the leading track. */
  #lastMs: number;
  #stepMs = 0;
  #nowUnixMs = 0;

  /** @param startMs decoding time of the first frame */
  constructor(options: CutterOptions, stretch: Stretch, window: SegmentWindow, startMs: number) {
    this.#options = options;
    this.#stretch = stretch;
    this.#window = window;
    this.#maxSegmentBytes = options.maxBytes * MAX_SEGMENT_SHARE;
    this.#partStartMs = startMs;
    this.#segmentStartMs = startMs;
    this.#lastVideoMs = startMs;
    this.#lastMs = startMs;
    this.#discontinuity = stretch.discontinuity;
  }

  /** @param unixMs when it came */
  write(frame: Frame, unixMs: number): void {
    this.#nowUnixMs = unixMs;
    if (!this.#stretch.muxer.write(frame)) return;
    if (frame.kind === 'video') {
      this.#lastVideoMs = frame.dts;
      this.#advance(frame.dts, true, frame.key);
    } else if (!this.#stretch.muxer.carriesVideo || frame.dts - this.#lastVideoMs > STALL_MS) {
      this.#advance(frame.dts, false, false);
    }
    if (this.#stretch.muxer.waitingBytes > this.#maxSegmentBytes) this.#force(frame.dts);
  }

  /** No more frames follow these: what is left becomes the last part of the last segment. */
  finish(): void {
    const { muxer } = this.#stretch;
    muxer.flush();
    const endMs = Math.max(this.#lastMs + this.#stepMs, this.#partStartMs + 1);
    this.#closeOverdue(endMs);
    this.#closePart(Math.max(endMs, this.#partStartMs + 1), Infinity);
    this.#window.endSegment(true);
  }

  /** The leading track has a frame at `ms`; those before it are known to their end. */
  #advance(ms: number, video: boolean, key: boolean): void {
    this.#stepMs = Math.max(0, ms - this.#lastMs);
    this.#lastMs = ms;
    if (ms <= this.#partStartMs) return;
    const ends = this.#endsSegment(ms, video, key);
    this.#closeOverdue(ms);
    if (ends || ms - this.#partStartMs >= this.#stretch.target.minMs) this.#closePart(ms);
    if (!ends) return;
    this.#endSegment();
    this.#stretch.dates.correct(ms, this.#nowUnixMs);
  }

  #endsSegment(ms: number, video: boolean, key: boolean): boolean {
    const wantedMs = this.#options.segmentDurationMs;
    const segmentDurationMs = this.#window.ready ? wantedMs : Math.min(wantedMs, FIRST_SEGMENT_MS);
    const durationMs = ms - this.#segmentStartMs;
    const bytes = (this.#window.open?.bytes ?? 0) + this.#stretch.muxer.waitingBytes;
    if (durationMs >= FORCED_CUT * wantedMs || bytes >= this.#maxSegmentBytes) return true;
    if (video) return key && durationMs >= segmentDurationMs * MIN_SEGMENT_SHARE;
    return durationMs >= segmentDurationMs && ms - this.#partStartMs >= this.#stretch.target.minMs;
  }

  /** Closes parts at the Part Target Duration where the next frame of the leading track is later than that. */
  #closeOverdue(ms: number): void {
    const { maxMs } = this.#stretch.target;
    while (ms - this.#partStartMs > maxMs) {
      if (this.#closePart(this.#partStartMs + maxMs)) continue;
      // where not even the segment's first frame is known to its end, nothing can be done yet
      if (this.#window.open === null && !this.#closePart(ms)) return;
      this.#window.endSegment(false, ms - this.#partStartMs);
      this.#partStartMs = ms;
      this.#segmentStartMs = ms;
    }
  }

  /** @returns false where nothing is in it, and nothing is done */
  #closePart(endMs: number, beforeMs: number = endMs): boolean {
    if (endMs <= this.#partStartMs) return false;
    const { muxer, init, dates, target } = this.#stretch;
    const fragment = muxer.cut(beforeMs);
    if (fragment === null) return false;
    this.#window.addPart(
      { bytes: fragment.bytes, durationMs: endMs - this.#partStartMs, independent: fragment.independent },
      { init, discontinuity: this.#discontinuity, unixMs: dates.at(this.#segmentStartMs), target },
    );
    this.#discontinuity = false;
    this.#partStartMs = endMs;
    return true;
  }

  /** Where the last part ended: a little before the next frame where that was late. Not where there is no part. */
  #endSegment(): void {
    if (this.#window.open === null) return;
    this.#window.endSegment(true);
    this.#segmentStartMs = this.#partStartMs;
  }

  /** Too much waits, as where time stands still: it becomes a part, whatever it is. */
  #force(ms: number): void {
    const endMs = Math.max(ms, this.#partStartMs + 1);
    this.#closeOverdue(endMs);
    this.#closePart(endMs, Infinity);
    this.#endSegment();
  }
}
