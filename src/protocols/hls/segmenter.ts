/** Cuts a publication into segments of MPEG-TS: when one ends, what the next begins with, and how long it is. */
import { tsFormat } from '../../containers/mpegts/index.ts';
import { type Frame, type Muxer, NO_BYTES, NO_TRACKS, sameTrack, type Tracks } from '../../media/index.ts';
import type { FrameConsumer } from '../../streams/index.ts';

/** A segment without a key frame in sight is cut at so many times the wanted duration. */
const FORCED_CUT = 10;
/** Time that goes back by more than this begins a segment that does not follow on the last. Milliseconds. */
const MAX_STEP_BACK_MS = 1000;
/** A segment of this size is cut wherever it is: it is held in memory until it is complete. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
/** Frames further apart than this have a gap between them. Milliseconds. */
const MAX_FRAME_MS = 1000;
/** How long a frame is taken to last that is the only one of its kind. Milliseconds. */
const LONE_FRAME_MS = 40;

/** A complete segment. */
export interface CutSegment {
  /** Its bytes in order. */
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  /** To where the next one begins, or to the end of its last frame. */
  readonly durationMs: number;
}

/** Takes the segments of one publication: `open` and `close` in turn, then `end`. */
export interface SegmentSink {
  /** A segment begins. @returns whether it is wanted; if not, there is no `close` for it */
  open(isDiscontinuous: boolean): boolean;
  close(segment: CutSegment): void;
  /** The publication is over. */
  end(): void;
}

/** The segment that is being made. */
interface OpenSegment {
  readonly isWanted: boolean;
  /** The first frame's dts. */
  readonly start: number;
  /** The end of its last frame, as far as it is known. */
  end: number;
  parts: Buffer[];
  bytes: number;
}

/** One publication. The muxer may have served earlier ones: continuity counters go on over segments and publications. */
export class Segmenter implements FrameConsumer {
  readonly #fragmentMs: number;
  readonly #muxer: Muxer;
  readonly #sink: SegmentSink;
  readonly #onLeftOut: (codec: string) => void;
  /** As the publisher has announced them; the muxer's may be older until the next cut. */
  #tracks: Tracks = NO_TRACKS;
  #areTracksNew = true;
  #leftOut: string | null = null;
  #segment: OpenSegment | null = null;
  #isBroken = false;
  #hasBegun = false;
  /** When the wait for the first key frame began. */
  #waitsSince: number | null = null;
  readonly #last = { video: Number.NaN, audio: Number.NaN };
  readonly #step = { video: Number.NaN, audio: Number.NaN };
  /** PAT and PMT that the next segment must begin with, since their continuity counters are used up. */
  #psi: Buffer = NO_BYTES;

  /** @param onLeftOut told of each codec that is announced and cannot be carried */
  constructor(fragmentMs: number, muxer: Muxer, sink: SegmentSink, onLeftOut: (codec: string) => void) {
    this.#fragmentMs = fragmentMs;
    this.#muxer = muxer;
    this.#sink = sink;
    this.#onLeftOut = onLeftOut;
  }

  setTracks(announced: Tracks): void {
    const { audio } = announced;
    const isLeftOut = audio !== null && !tsFormat.carries(audio.codec);
    if (isLeftOut && this.#leftOut !== audio.codec) {
      this.#leftOut = audio.codec;
      this.#onLeftOut(audio.codec);
    }
    const tracks = isLeftOut ? { ...announced, audio: null } : announced;
    if (!sameTrack(tracks.video, this.#tracks.video) || !sameTrack(tracks.audio, this.#tracks.audio)) {
      this.#areTracksNew = true;
    }
    this.#tracks = tracks;
  }

  write(frame: Frame): void {
    if (frame.kind === 'data') return;
    const isKey = frame.kind === 'video' && frame.key;
    if (this.#segment === null) {
      if (!this.#mayBegin(frame.dts, isKey)) return;
    } else if (this.#isCut(this.#segment, frame, isKey)) {
      this.#close(this.#segment, this.#isBroken ? this.#segment.end : frame.dts);
    }
    if (this.#segment === null && this.#areTracksNew) this.#useTracks();
    const bytes = this.#muxer.write(frame);
    if (bytes.length === 0) return;
    const segment = this.#segment ?? this.#open(frame.dts, bytes);
    this.#noteTime(segment, frame.kind, frame.dts);
    segment.bytes += bytes.length;
    if (segment.isWanted) segment.parts.push(bytes);
  }

  discontinuity(): void {
    this.#isBroken = true;
  }

  end(): void {
    if (this.#segment !== null) this.#close(this.#segment, this.#segment.end);
    this.#sink.end();
  }

  /** A publication begins at a key frame where it has video, unless none comes for as long as a forced cut takes. */
  #mayBegin(dts: number, isKey: boolean): boolean {
    if (this.#hasBegun || isKey || this.#tracks.video === null) return true;
    this.#waitsSince ??= dts;
    return dts - this.#waitsSince >= FORCED_CUT * this.#fragmentMs;
  }

  /** Whether the frame begins a new segment. */
  #isCut(segment: OpenSegment, { kind, dts }: Exclude<Frame, { kind: 'data' }>, isKey: boolean): boolean {
    if (dts < this.#last[kind] - MAX_STEP_BACK_MS) this.#isBroken = true;
    const length = dts - segment.start;
    if (this.#isBroken || length >= FORCED_CUT * this.#fragmentMs || segment.bytes >= MAX_SEGMENT_BYTES) return true;
    if (!isKey && this.#tracks.video !== null) return false;
    return this.#areTracksNew || length >= this.#fragmentMs;
  }

  /** Tracks change between segments only, so that each is of one kind throughout. */
  #useTracks(): void {
    this.#areTracksNew = false;
    this.#isBroken ||= this.#hasBegun;
    const psi = this.#muxer.setTracks(this.#tracks);
    if (psi.length > 0) this.#psi = psi;
  }

  #open(dts: number, first: Buffer): OpenSegment {
    const isWanted = this.#sink.open(this.#isBroken);
    // in a new time base nothing goes back
    if (this.#isBroken) this.#last.video = this.#last.audio = Number.NaN;
    const psi = this.#psi.length > 0 ? this.#psi : isPat(first) ? NO_BYTES : this.#muxer.header();
    this.#psi = NO_BYTES;
    this.#isBroken = false;
    this.#hasBegun = true;
    const parts = isWanted && psi.length > 0 ? [psi] : [];
    this.#segment = { isWanted, start: dts, end: dts, parts, bytes: psi.length };
    return this.#segment;
  }

  #close({ isWanted, start, parts, bytes }: OpenSegment, end: number): void {
    this.#segment = null;
    if (isWanted) this.#sink.close({ parts, bytes, durationMs: Math.max(1, Math.round(end - start)) });
  }

  #noteTime(segment: OpenSegment, kind: 'video' | 'audio', dts: number): void {
    const step = dts - this.#last[kind];
    if (step > 0 && step < MAX_FRAME_MS) this.#step[kind] = step;
    this.#last[kind] = dts;
    const length = this.#step[kind];
    segment.end = Math.max(segment.end, dts + (Number.isNaN(length) ? LONE_FRAME_MS : length));
  }
}

/** Whether a packet of the PAT comes first (ISO 13818-1 2.4.3.3: its PID is 0). */
function isPat(packets: Buffer): boolean {
  return packets.length > 2 && (packets.readUInt16BE(1) & 0x1fff) === 0;
}
