/** Video of a PID: each PES packet is one access unit (as all live encoders and our muxer write them). */
import {
  annexBToNalUnits,
  ExcessError,
  H264_NAL,
  H265_NAL,
  h264NalType,
  h265NalType,
  isH264Idr,
  isH265Irap,
  joinNalUnits,
  MAX_NAL_UNITS,
  ParameterSets,
} from '../../media/index.ts';
import type { EventList } from './events.ts';

/** Takes access units apart: parameter sets to the track, delimiters to nowhere, the rest to the frame. */
export class VideoReader {
  readonly #codec: 'H264' | 'H265';
  readonly #pid: number;
  readonly #events: EventList;
  readonly #sets: ParameterSets;

  constructor(codec: 'H264' | 'H265', pid: number, events: EventList) {
    this.#codec = codec;
    this.#pid = pid;
    this.#events = events;
    this.#sets = new ParameterSets(codec);
  }

  /** One access unit; times in milliseconds. Frames before the first parameter sets are left out: no one could decode them. */
  push(payload: Buffer, pts: number | null, dts: number | null): void {
    if (pts === null || dts === null) {
      this.#events.problem(this.#pid, 'a video PES packet without pts, one is needed for each access unit');
      return;
    }
    const units = this.#unitsOf(payload);
    if (units === null) return;
    const h265 = this.#codec === 'H265';
    const rest: Buffer[] = [];
    const sets: Buffer[] = [];
    let key = false;
    for (const unit of units) {
      const type = h265 ? h265NalType(unit) : h264NalType(unit);
      const names = h265 ? H265_NAL : H264_NAL;
      if (type === names.AUD) continue;
      if (type === names.SPS || type === names.PPS || (h265 && type === H265_NAL.VPS)) sets.push(Buffer.from(unit));
      else {
        if (h265 ? isH265Irap(unit) : isH264Idr(unit)) key = true;
        rest.push(unit);
      }
    }
    if (this.#sets.adopt(sets)) this.#events.setVideo(this.#sets.track);
    if (rest.length === 0 || this.#sets.track === null) return;
    const data = joinNalUnits(rest);
    this.#events.push({ type: 'frame', frame: { kind: 'video', codec: this.#codec, dts, pts, key, data } });
  }

  /** Null where there are too many. */
  #unitsOf(payload: Buffer): Buffer[] | null {
    try {
      return annexBToNalUnits(payload, MAX_NAL_UNITS);
    } catch (error) {
      if (!(error instanceof ExcessError)) throw error;
      this.#events.excess(this.#pid, error.message);
      return null;
    }
  }

  /** Nothing lives from one access unit to the next but parameter sets. */
  reset(): void {}
}
