/** Test helper: made-up frames, a clock that is set by hand, and playlists read by a parser that is not ours. */
import assert from 'node:assert/strict';
import * as HLS from 'hls-parser';
import { type AudioFrame, aacTrack, h264Track, type Tracks, type VideoFrame } from '../../../media/index.ts';
import type { HttpAnswer } from '../../../net/index.ts';
import type { FrameConsumer } from '../../../streams/index.ts';
import { type LowLatencyOptions, LowLatencyStream } from './low-latency-stream.ts';

export const START_UNIX_MS = Date.UTC(2030, 0, 1);
const SPS = Buffer.from('6742c01ed90280bfe5c05a808080a0000003002000000651e2c5d4', 'hex');
const H264 = h264Track([SPS], [Buffer.from('68cb83cb20', 'hex')]);
export const AV: Tracks = { video: H264, audio: aacTrack(Buffer.from('1190', 'hex')), metadata: null };
export const VIDEO_ONLY: Tracks = { ...AV, audio: null };
export const AUDIO_ONLY: Tracks = { ...AV, video: null };
/** AAC LC, 48 kHz. */
export const AAC_MS: number = 1024 / 48;

export function picture(dts: number, key: boolean, size = 20): VideoFrame {
  return { kind: 'video', codec: 'H264', dts, pts: dts, key, data: Buffer.alloc(size, key ? 1 : 2) };
}

export function sound(dts: number, size = 8): AudioFrame {
  return { kind: 'audio', codec: 'AAC', dts, pts: dts, data: Buffer.alloc(size, 3) };
}

/** `from` included, `to` not, both in milliseconds; times are rounded to whole ones, as RTMP has them. */
export interface Recipe {
  readonly from?: number;
  readonly to: number;
  /** Pictures a second; 0: none. */
  readonly fps?: number;
  readonly gopMs?: number;
  readonly audio?: boolean;
}

/** Frames in the order of their times, which are counted from 0, as are the GOPs, so that stretches join. */
export function frames({ from = 0, to, fps = 25, gopMs = 1000, audio = true }: Recipe): (VideoFrame | AudioFrame)[] {
  const made: (VideoFrame | AudioFrame)[] = [];
  const gop = (i: number): number => Math.floor((i * 1000) / fps / gopMs + 1e-9);
  for (let i = Math.ceil((from * fps) / 1000); fps > 0 && (i * 1000) / fps < to; i++) {
    made.push(picture(Math.round((i * 1000) / fps), gop(i) !== gop(i - 1)));
  }
  for (let i = Math.ceil(from / AAC_MS); audio && i * AAC_MS < to; i++) made.push(sound(Math.round(i * AAC_MS)));
  return made.sort((a, b) => a.dts - b.dts);
}

/** A stream and its clock, which stands at each frame's time when it is written. */
export class Station {
  readonly stream: LowLatencyStream;
  /** Since the start. */
  nowMs = 0;
  #consumer: FrameConsumer;

  constructor(options: Partial<LowLatencyOptions> = {}) {
    this.stream = new LowLatencyStream({
      partDurationMs: 200,
      segmentDurationMs: 2000,
      segmentCount: 6,
      maxBytes: 1_000_000,
      maxWaiting: 10_000,
      clock: { monotonicMs: () => this.nowMs, unixMs: () => START_UNIX_MS + this.nowMs },
      ...options,
    });
    this.#consumer = this.stream.begin();
  }

  get consumer(): FrameConsumer {
    return this.#consumer;
  }

  begin(tracks: Tracks): void {
    this.#consumer = this.stream.begin();
    this.#consumer.setTracks(tracks);
  }

  /** @param after called behind each frame */
  write(list: readonly (VideoFrame | AudioFrame)[], after: () => void = () => {}): void {
    for (const frame of list) {
      this.nowMs = frame.dts;
      this.#consumer.write(frame);
      after();
    }
  }

  answer(name: string, query = '', suffix = ''): HttpAnswer | Promise<HttpAnswer> {
    return this.stream.answer(name, new URLSearchParams(query), suffix);
  }

  /** An answer that is there at once. */
  now(name: string, query = '', suffix = ''): HttpAnswer {
    const answer = this.answer(name, query, suffix);
    assert.ok(!(answer instanceof Promise), `${name}?${query} waits`);
    return answer;
  }

  /** Whether there is a playlist without waiting for it. */
  lists(): boolean {
    return this.answer('ll.m3u8') instanceof Promise === false;
  }

  text(query = '', suffix = ''): string {
    const answer = this.now('ll.m3u8', query, suffix);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['Content-Type'], 'application/vnd.apple.mpegurl');
    return bytesOf(answer).toString();
  }

  playlist(query = ''): HLS.types.MediaPlaylist {
    return readPlaylist(this.text(query));
  }

  fetch(uri: string): Buffer {
    const answer = this.now(uri);
    assert.equal(answer.status, 200, uri);
    assert.equal(answer.headers['Content-Type'], 'video/mp4');
    return bytesOf(answer);
  }
}

export function bytesOf({ body }: HttpAnswer): Buffer {
  if (body === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  assert.ok(Array.isArray(body));
  return Buffer.concat(body);
}

export function readPlaylist(text: string): HLS.types.MediaPlaylist {
  const warnings: unknown[] = [];
  const { warn } = console;
  console.warn = (...said) => warnings.push(said);
  HLS.setOptions({ strictMode: true });
  const playlist = HLS.parse(text);
  console.warn = warn;
  assert.deepEqual(warnings, []);
  assert.ok(!playlist.isMasterPlaylist);
  return playlist;
}

/** What must hold of every playlist that is not a delta update (RFC 8216bis 4.4.3 and 4.4.4). */
export function assertLawful(playlist: HLS.types.MediaPlaylist): void {
  const target = playlist.partTargetDuration ?? 0;
  const control = playlist.lowLatencyCompatibility;
  assert.ok(control?.canBlockReload === true);
  assert.ok(control.partHoldBack >= 3 * target - 1e-9, `PART-HOLD-BACK ${control.partHoldBack} of parts of ${target}`);
  assert.ok(control.holdBack >= 3 * playlist.targetDuration);
  assert.ok(control.canSkipUntil >= 6 * playlist.targetDuration);
  let next: { readonly unixMs: number; readonly sequence: number } | null = null;
  for (const segment of playlist.segments) {
    const parts = segment.parts.filter((part) => !part.hint);
    const durations = parts.map((part) => part.duration ?? 0);
    const sum = durations.reduce((total, duration) => total + duration, 0);
    durations.forEach((duration, i) => {
      assert.ok(duration <= target + 1e-9, `a part of ${duration}, the target is ${target}`);
      // the last of a segment, and of one that is still being made
      if (i < durations.length - 1) assert.ok(duration >= 0.85 * target - 1e-5, `a part of ${duration} of ${target}`);
    });
    const whole = segment.uri !== '' && segment.uri !== undefined;
    if (whole) {
      assert.ok(Math.round(segment.duration) <= playlist.targetDuration, `EXTINF ${segment.duration}`);
      if (parts.length > 0)
        assert.ok(Math.abs(sum - segment.duration) < 1e-4 * parts.length, `${sum}, ${segment.duration}`);
    }
    const unixMs = segment.programDateTime?.getTime() ?? Number.NaN;
    if (parts.length === 0 && !whole) continue;
    if (next !== null) assert.equal(segment.mediaSequenceNumber, next.sequence);
    if (next !== null && segment.discontinuity !== true) assert.ok(Math.abs(unixMs - next.unixMs) <= 2, 'dates go on');
    next = { unixMs: unixMs + segment.duration * 1000, sequence: segment.mediaSequenceNumber + 1 };
  }
}
