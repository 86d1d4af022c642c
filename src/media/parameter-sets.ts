/** Keeps the parameter sets of a video stream that carries them in band, and makes tracks of them. */
import { h264Track, MAX_PARAMETER_SET_BYTES, MIN_AVC_SPS_BYTES } from './avc.ts';
import { h265Track } from './hevc.ts';
import { H264_NAL, H265_NAL, h264NalType, h265NalType } from './nal.ts';
import { sameTrack } from './same-track.ts';
import type { VideoTrack } from './track.ts';

/** Parameter sets of one kind that are kept; of more, the oldest are forgotten. */
const MAX_PARAMETER_SETS = 64;

export class ParameterSets {
  readonly #codec: 'H264' | 'H265';
  #vps: readonly Buffer[] = [];
  #sps: readonly Buffer[] = [];
  #pps: readonly Buffer[] = [];
  #track: VideoTrack | null = null;

  constructor(codec: 'H264' | 'H265') {
    this.#codec = codec;
  }

  /** Null until there is one parameter set of each kind. */
  get track(): VideoTrack | null {
    return this.#track;
  }

  /**
   * Takes over the parameter sets of one access unit (or of a session description); other NAL units are passed over, and
   * parameter sets that no configuration record can hold: of more than 65,535 bytes, and SPS of H264 without level. The units are kept as they are and
   * must not be changed afterwards.
   * @returns whether `track` is another now
   */
  adopt(units: readonly Buffer[]): boolean {
    const h265 = this.#codec === 'H265';
    const names = h265 ? H265_NAL : H264_NAL;
    const typeOf = h265 ? h265NalType : h264NalType;
    const sets = units.filter((unit) => unit.length <= MAX_PARAMETER_SET_BYTES);
    const sps = sets.filter((unit) => typeOf(unit) === names.SPS && (h265 || unit.length >= MIN_AVC_SPS_BYTES));
    const pps = sets.filter((unit) => typeOf(unit) === names.PPS);
    const vps = h265 ? sets.filter((unit) => typeOf(unit) === H265_NAL.VPS) : [];
    // most access units have none
    if (sps.length + pps.length + vps.length === 0) return false;
    // an SPS begins a coded video sequence; a PPS alone comes on top of those that are known
    const anew = sps.length > 0;
    this.#vps = merge(this.#vps, vps, anew);
    this.#sps = merge(this.#sps, sps, anew);
    this.#pps = merge(this.#pps, pps, anew);
    if (this.#sps.length === 0 || this.#pps.length === 0 || (h265 && this.#vps.length === 0)) return false;
    const track = h265 ? h265Track(this.#vps, this.#sps, this.#pps) : h264Track(this.#sps, this.#pps);
    if (sameTrack(track, this.#track)) return false;
    this.#track = track;
    return true;
  }
}

/** The known units of a kind after `found` came, each once: in their place where there are any, or after them. */
function merge(known: readonly Buffer[], found: readonly Buffer[], anew: boolean): readonly Buffer[] {
  if (found.length === 0) return known;
  const merged = anew ? [] : [...known];
  for (const unit of found.slice(-MAX_PARAMETER_SETS))
    if (!merged.some((other) => other.equals(unit))) merged.push(unit);
  return merged.slice(-MAX_PARAMETER_SETS);
}
