/** Video of a PID: each PES packet is one access unit (as all live encoders and our muxer write them). */
import {
  annexBToNalUnits,
  H264_NAL,
  H265_NAL,
  h264NalType,
  h264Track,
  h265NalType,
  h265Track,
  isH264Idr,
  isH265Irap,
  joinNalUnits,
  type VideoTrack,
} from '../../media/index.ts';
import type { EventList } from './events.ts';

/** Parameter sets of one kind that are kept; of more, the oldest are forgotten. */
const MAX_PARAMETER_SETS = 64;

/** Takes access units apart: parameter sets to the track, delimiters to nowhere, the rest to the frame. */
export class VideoReader {
  readonly #codec: 'H264' | 'H265';
  readonly #pid: number;
  readonly #events: EventList;
  #vps: Buffer[] = [];
  #sps: Buffer[] = [];
  #pps: Buffer[] = [];
  #hasTrack = false;

  constructor(codec: 'H264' | 'H265', pid: number, events: EventList) {
    this.#codec = codec;
    this.#pid = pid;
    this.#events = events;
  }

  /** One access unit; times in milliseconds. Frames before the first parameter sets are left out: no one could decode them. */
  push(payload: Buffer, pts: number | null, dts: number | null): void {
    if (pts === null || dts === null) {
      this.#events.problem(this.#pid, 'a video PES packet without pts, one is needed for each access unit');
      return;
    }
    const h265 = this.#codec === 'H265';
    const rest: Buffer[] = [];
    const vps: Buffer[] = [];
    const sps: Buffer[] = [];
    const pps: Buffer[] = [];
    let key = false;
    for (const unit of annexBToNalUnits(payload)) {
      const type = h265 ? h265NalType(unit) : h264NalType(unit);
      const names = h265 ? H265_NAL : H264_NAL;
      if (type === names.AUD) continue;
      if (type === names.SPS) sps.push(Buffer.from(unit));
      else if (type === names.PPS) pps.push(Buffer.from(unit));
      else if (h265 && type === H265_NAL.VPS) vps.push(Buffer.from(unit));
      else {
        if (h265 ? isH265Irap(unit) : isH264Idr(unit)) key = true;
        rest.push(unit);
      }
    }
    if (vps.length + sps.length + pps.length > 0) this.#adopt(vps, sps, pps);
    if (rest.length === 0 || !this.#hasTrack) return;
    const data = joinNalUnits(rest);
    this.#events.push({ type: 'frame', frame: { kind: 'video', codec: this.#codec, dts, pts, key, data } });
  }

  /** Nothing lives from one access unit to the next but parameter sets. */
  reset(): void {}

  #adopt(vps: Buffer[], sps: Buffer[], pps: Buffer[]): void {
    // an SPS begins a coded video sequence; a PPS alone comes on top of those that are known
    const anew = sps.length > 0;
    this.#vps = merge(this.#vps, vps, anew);
    this.#sps = merge(this.#sps, sps, anew);
    this.#pps = merge(this.#pps, pps, anew);
    if (this.#sps.length === 0 || this.#pps.length === 0) return;
    if (this.#codec === 'H265' && this.#vps.length === 0) return;
    this.#hasTrack = true;
    this.#events.setVideo(this.#track());
  }

  #track(): VideoTrack {
    return this.#codec === 'H264' ? h264Track(this.#sps, this.#pps) : h265Track(this.#vps, this.#sps, this.#pps);
  }
}

/** The known units of a kind after `found` came: in their place where there are any, or after them. */
function merge(known: Buffer[], found: Buffer[], anew: boolean): Buffer[] {
  if (found.length === 0) return known;
  if (anew) return found.slice(-MAX_PARAMETER_SETS);
  const added = found.filter((unit) => !known.some((other) => other.equals(unit)));
  return added.length === 0 ? known : [...known, ...added].slice(-MAX_PARAMETER_SETS);
}
