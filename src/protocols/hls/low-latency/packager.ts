/** One publication's frames to the window: waits for a frame to start at, learns the frame rate, then cuts. */
import { createFmp4Init, Fmp4FragmentMuxer } from '../../../containers/fmp4/index.ts';
import {
  type AudioFrame,
  FRAME_OVERHEAD_BYTES,
  type Frame,
  NO_TRACKS,
  sameTrack,
  type Tracks,
  type VideoFrame,
} from '../../../media/index.ts';
import type { FrameConsumer } from '../../../streams/index.ts';
import { DateClock } from './date-clock.ts';
import { type CutterOptions, PartCutter } from './part-cutter.ts';
import { type PartTarget, partTarget } from './part-target.ts';
import type { SegmentWindow } from './segment-window.ts';

/** So much of the leading track is looked at before the first part is made. Milliseconds. */
const LOOK_MS = 1000;
/** And so long at most, where that track has hardly a frame. Milliseconds. */
const MAX_LOOK_MS = 3000;
/** Sound does not wait longer than this for the first key frame. Milliseconds. */
const MAX_START_MS = 3000;
/** Where nothing at all came for so long, what comes next is a new beginning. Milliseconds. */
const MAX_HOLE_MS = 5000;
/** Of the memory that a stream may take, what is looked at has at most this share. */
const MAX_LOOK_SHARE = 0.25;

export interface PackagerOptions extends CutterOptions {
  /** What parts are to have about. */
  readonly partDurationMs: number;
  readonly unixMs: () => number;
}

type MediaFrame = VideoFrame | AudioFrame;

interface Arrival {
  readonly frame: MediaFrame;
  readonly unixMs: number;
}

export class Packager implements FrameConsumer {
  readonly #options: PackagerOptions;
  readonly #window: SegmentWindow;
  #tracks: Tracks = NO_TRACKS;
  #muxer: Fmp4FragmentMuxer | null = null;
  #cutter: PartCutter | null = null;
  /** Known once frames of these tracks were looked at. */
  #target: PartTarget | null = null;
  /** What came since the stretch began, while there is no cutter. */
  #looked: Arrival[] = [];
  #lookedBytes = 0;
  /** Of the first frame that came, whether it could be started at or not. */
  #firstMs: number | null = null;
  #keySeen = false;
  /** The latest of all frames. */
  #lastMs = Number.NaN;

  constructor(options: PackagerOptions, window: SegmentWindow) {
    this.#options = options;
    this.#window = window;
  }

  setTracks(tracks: Tracks): void {
    const before = this.#tracks;
    const sameVideo = sameTrack(before.video, tracks.video);
    const sameAudio = sameTrack(before.audio, tracks.audio);
    if (sameVideo && sameAudio) return;
    const onlyAdds = (before.video === null || sameVideo) && (before.audio === null || sameAudio);
    // a track that joins while nothing is out yet belongs to the same start
    if (this.#cutter !== null || !onlyAdds) this.#finish();
    this.#tracks = tracks;
    this.#target = null;
    this.#muxer = new Fmp4FragmentMuxer(tracks);
  }

  write(frame: Frame): void {
    if (frame.kind === 'data' || this.#muxer === null || !this.#carries(this.#muxer, frame)) return;
    if (frame.dts - this.#lastMs > MAX_HOLE_MS) this.#finish();
    this.#lastMs = Math.max(frame.dts, Number.isNaN(this.#lastMs) ? frame.dts : this.#lastMs);
    if (frame.kind === 'video') {
      this.#keySeen ||= frame.key;
      if (!this.#keySeen) {
        this.#firstMs ??= frame.dts;
        return;
      }
    }
    if (this.#cutter !== null) {
      this.#cutter.write(frame, this.#options.unixMs());
      return;
    }
    this.#firstMs ??= frame.dts;
    const waits = this.#looked.length === 0 && frame.kind === 'audio' && this.#muxer.carriesVideo;
    if (waits && frame.dts - this.#firstMs <= MAX_START_MS) return;
    this.#looked.push({ frame, unixMs: this.#options.unixMs() });
    this.#lookedBytes += FRAME_OVERHEAD_BYTES + frame.data.length;
    if (this.#target !== null || this.#lookedEnough(frame)) this.#start();
  }

  discontinuity(): void {
    this.#finish();
  }

  end(): void {
    this.#finish();
    this.#tracks = NO_TRACKS;
    this.#muxer = null;
  }

  #carries(muxer: Fmp4FragmentMuxer, frame: MediaFrame): boolean {
    if (frame.kind === 'video') return muxer.carriesVideo && this.#tracks.video?.codec === frame.codec;
    return muxer.carriesAudio && this.#tracks.audio?.codec === frame.codec;
  }

  #lookedEnough(frame: MediaFrame): boolean {
    const ms = frame.dts - (this.#looked[0]?.frame.dts ?? frame.dts);
    const enough = frame.kind === this.#leader() ? LOOK_MS : MAX_LOOK_MS;
    return ms >= enough || this.#lookedBytes > this.#options.maxBytes * MAX_LOOK_SHARE;
  }

  /** The kind of frames that parts end at. */
  #leader(): MediaFrame['kind'] {
    return this.#keySeen ? 'video' : 'audio';
  }

  /** Makes parts of what was looked at, and of all that follows. */
  #start(): void {
    const looked = this.#looked;
    const [first] = looked;
    const init = createFmp4Init(this.#tracks);
    if (first === undefined || this.#muxer === null || init === null) return;
    this.#looked = [];
    this.#lookedBytes = 0;
    this.#target ??= partTarget(steps(looked, this.#leader()), this.#options.partDurationMs, this.#window.target);
    const dates = new DateClock(first.frame.dts, first.unixMs);
    const discontinuity = this.#window.nextSequence > 0;
    const stretch = { muxer: this.#muxer, init, target: this.#target, discontinuity, dates };
    this.#cutter = new PartCutter(this.#options, stretch, this.#window, first.frame.dts);
    for (const { frame, unixMs } of looked) this.#cutter.write(frame, unixMs);
  }

  /** Ends the stretch; what comes next begins a new one, at a frame that can be started at. */
  #finish(): void {
    if (this.#cutter === null) this.#start();
    this.#cutter?.finish();
    this.#cutter = null;
    this.#firstMs = null;
    this.#keySeen = false;
    this.#muxer = new Fmp4FragmentMuxer(this.#tracks);
  }
}

/** The times between frames of one kind. */
function steps(looked: readonly Arrival[], kind: MediaFrame['kind']): number[] {
  const times = looked.filter(({ frame }) => frame.kind === kind).map(({ frame }) => frame.dts);
  return times.slice(1).map((time, i) => time - (times[i] ?? time));
}
