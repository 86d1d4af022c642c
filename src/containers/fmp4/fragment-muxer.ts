/** Frames to fragments of an MP4 file, cut where the caller says. */
import { type AudioFrame, FRAME_OVERHEAD_BYTES, type Frame, type Tracks, type VideoFrame } from '../../media/index.ts';
import { type Sample, serializeFragment, type TrackRun } from './fragment.ts';
import { carriedFormats, TRACK_ID } from './init.ts';
import { SampleClock } from './sample-clock.ts';
import type { TrackFormat } from './track-format.ts';

export interface Fragment {
  /** moof and mdat. */
  readonly bytes: Buffer;
  /** A decoder can start within it: it has a key frame, or the file has no video. */
  readonly independent: boolean;
}

const MAX_DURATION = 0xffffffff;
const MAX_OFFSET = 0x7fffffff;

/**
 * One file, or one stretch of a live stream between two initialisation segments. A frame's duration is the time to the
 * next one of its track, so that fragments join without gap or overlap; the last frame of each track therefore waits
 * until its successor has come (or `flush`).
 */
export class Fmp4FragmentMuxer {
  readonly #tracks: Tracks;
  readonly #video: TrackQueue | null;
  readonly #audio: TrackQueue | null;
  #sequence = 0;

  constructor(tracks: Tracks) {
    this.#tracks = tracks;
    const formats = carriedFormats(tracks);
    const queue = (kind: TrackFormat['kind']): TrackQueue | null => {
      const format = formats.find((candidate) => candidate.kind === kind);
      return format === undefined ? null : new TrackQueue(format);
    };
    this.#video = queue('video');
    this.#audio = queue('audio');
  }

  get carriesVideo(): boolean {
    return this.#video !== null;
  }

  get carriesAudio(): boolean {
    return this.#audio !== null;
  }

  /** What `cut` could give and what waits takes of the memory, in bytes. It is the caller who bounds them, by cutting. */
  get waitingBytes(): number {
    return (this.#video?.bytes ?? 0) + (this.#audio?.bytes ?? 0);
  }

  /** @returns false where the frame is empty or of no track that is carried */
  write(frame: Frame): boolean {
    if (frame.kind === 'data' || frame.data.length === 0) return false;
    const track = frame.kind === 'video' ? this.#tracks.video : this.#tracks.audio;
    const queue = frame.kind === 'video' ? this.#video : this.#audio;
    if (queue === null || track?.codec !== frame.codec) return false;
    queue.push(frame);
    return true;
  }

  /** No more frames follow these: the last ones get the usual duration and can be cut. */
  flush(): void {
    this.#video?.flush();
    this.#audio?.flush();
  }

  /** The frames that are decoded before this time and whose duration is known; null: there is none. */
  cut(beforeMs = Infinity): Fragment | null {
    const runs: TrackRun[] = [];
    const video = this.#video?.take(beforeMs) ?? [];
    const audio = this.#audio?.take(beforeMs) ?? [];
    if (video.length > 0) runs.push({ trackId: TRACK_ID.video, video: true, samples: video });
    if (audio.length > 0) runs.push({ trackId: TRACK_ID.audio, video: false, samples: audio });
    if (runs.length === 0) return null;
    this.#sequence++;
    const independent = this.#video === null || video.some((sample) => sample.sync);
    return { bytes: serializeFragment(this.#sequence, runs), independent };
  }
}

/** A sample whose duration may still be unknown, and the frame's own time. */
interface TimedSample extends Sample {
  duration: number;
  readonly dtsMs: number;
}

class TrackQueue {
  readonly #format: TrackFormat;
  readonly #clock: SampleClock;
  #whole: TimedSample[] = [];
  #last: TimedSample | null = null;
  /** Of the last frame whose duration is known, in ticks. */
  #usual = 0;
  bytes = 0;

  constructor(format: TrackFormat) {
    this.#format = format;
    this.#clock = new SampleClock(format.timescale);
  }

  push(frame: VideoFrame | AudioFrame): void {
    const frameTicks = this.#format.frameTicks(frame.data);
    const time = this.#clock.time(frame.dts, frameTicks);
    if (this.#last !== null) this.#complete(this.#last, time - this.#last.time);
    this.bytes += FRAME_OVERHEAD_BYTES + frame.data.length;
    const video = frame.kind === 'video';
    const offset = video ? this.#clock.ticks(frame.pts) - time : 0;
    this.#last = {
      data: frame.data,
      time,
      duration: frameTicks ?? 0,
      offset: Math.max(-MAX_OFFSET, Math.min(MAX_OFFSET, offset)),
      sync: !video || frame.key,
      dtsMs: frame.dts,
    };
  }

  flush(): void {
    const last = this.#last;
    this.#last = null;
    if (last !== null) this.#complete(last, last.duration > 0 ? last.duration : this.#usual);
  }

  take(beforeMs: number): readonly Sample[] {
    const end = this.#whole.findIndex((sample) => sample.dtsMs >= beforeMs);
    const taken = end === -1 ? this.#whole : this.#whole.slice(0, end);
    this.#whole = end === -1 ? [] : this.#whole.slice(end);
    for (const sample of taken) this.bytes -= FRAME_OVERHEAD_BYTES + sample.data.length;
    return taken;
  }

  #complete(sample: TimedSample, duration: number): void {
    sample.duration = Math.min(duration, MAX_DURATION);
    this.#usual = sample.duration;
    this.#whole.push(sample);
  }
}
