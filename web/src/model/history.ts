/** How bitrate and frame rate of a stream went, learnt from one snapshot after the other. */
import type { Group, Session } from './types.ts';

/** Points that are kept: five minutes at one a second. */
const MAX_POINTS = 300;
/** A gap in which the page was not seen is no bitrate. Seconds. */
const MAX_GAP_SEC = 30;

/** Times in seconds, values beside them. */
export interface Line {
  readonly times: number[];
  readonly values: number[];
}

export class History {
  /** Bits a second into the server, and out of it. */
  readonly bitsIn: Line = { times: [], values: [] };
  readonly bitsOut: Line = { times: [], values: [] };
  /** Frames of video. */
  readonly frames: Line = { times: [], values: [] };
  #bytesIn = new Map<string, number>();
  #bytesOut = new Map<string, number>();
  #at: number | null = null;

  /** @param unixSec when the snapshot came */
  add(groups: readonly Group[], unixSec: number): void {
    const bytesIn = new Map<string, number>();
    const bytesOut = new Map<string, number>();
    for (const { pub, pull, subs, pushs } of groups) {
      for (const each of [pub, pull]) if (each.session_id !== '') bytesIn.set(each.session_id, each.read_bytes_sum);
      for (const each of [...subs, ...pushs]) bytesOut.set(each.session_id, each.wrote_bytes_sum);
    }
    const elapsed = this.#at === null ? 0 : unixSec - this.#at;
    if (elapsed > 0 && elapsed < MAX_GAP_SEC) {
      push(this.bitsIn, unixSec, (8 * grown(this.#bytesIn, bytesIn)) / elapsed);
      push(this.bitsOut, unixSec, (8 * grown(this.#bytesOut, bytesOut)) / elapsed);
    }
    this.#at = unixSec;
    this.#bytesIn = bytesIn;
    this.#bytesOut = bytesOut;
  }

  /** The seconds that are not known yet. */
  addFrames({ in_frame_per_sec: seconds }: Group): void {
    const last = this.frames.times.at(-1) ?? 0;
    for (const { unix_sec, v } of seconds.toReversed()) if (unix_sec > last) push(this.frames, unix_sec, v);
  }
}

/** Histories of all streams that are there, and of all of them together. */
export class Histories {
  readonly total = new History();
  #streams = new Map<string, History>();

  add(groups: readonly Group[], unixSec: number): void {
    this.total.add(groups, unixSec);
    const streams = new Map<string, History>();
    for (const group of groups) {
      const history = this.#streams.get(group.stream_name) ?? new History();
      history.add([group], unixSec);
      streams.set(group.stream_name, history);
    }
    this.#streams = streams;
  }

  of(streamName: string): History | null {
    return this.#streams.get(streamName) ?? null;
  }
}

/** The session that brings the stream; null where none does. */
export function sourceOf({ pub, pull }: Group): Session | null {
  if (pub.session_id !== '') return pub;
  return pull.session_id === '' ? null : pull;
}

function push({ times, values }: Line, time: number, value: number): void {
  times.push(time);
  values.push(value);
  if (times.length <= MAX_POINTS) return;
  times.shift();
  values.shift();
}

/** A session that is new has begun since; one that is gone is not known to the end. */
function grown(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [id, bytes] of now) sum += Math.max(0, bytes - (before.get(id) ?? 0));
  return sum;
}
