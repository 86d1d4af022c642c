/** Access units as byte streams (ITU-T H.264 and H.265 Annex B, ISO 13818-1 2.14, 2.17), written without a copy in between. */
import { H264_NAL, H265_NAL, NAL_LENGTH_SIZE, type VideoFrame, type VideoTrack } from '../../media/index.ts';
import type { PacketWriter } from './packet.ts';

const START_CODE = Buffer.from([0, 0, 0, 1]);
/** Access unit delimiters with their start codes; they allow any type of picture. */
const H264_DELIMITER = Buffer.from([0, 0, 0, 1, 0x09, 0xf0]);
const H265_DELIMITER = Buffer.from([0, 0, 0, 1, 0x46, 0x01, 0x50]);
const NO_UNITS: readonly Buffer[] = [];

/** What of the parameter sets is in the access unit itself. */
const SEEN_VPS = 1;
const SEEN_SPS = 2;
const SEEN_PPS = 4;

/**
 * Sizes up an access unit (`plan`), then writes it (`write`): its delimiter first, before a key frame the track's
 * parameter sets unless it has all kinds of them itself, then its NAL units. Kept by the muxer and used again.
 */
export class AccessUnitWriter {
  #startsWithDelimiter = false;
  #withParameterSets = false;

  /**
   * The size in bytes of what `write` will write; 0 where there is no NAL unit in the frame. A NAL unit whose length runs
   * past the end of the data is left out with all after it.
   */
  plan(frame: VideoFrame, track: VideoTrack): number {
    const { data } = frame;
    const h265 = frame.codec === 'H265';
    let size = 0;
    let seen = 0;
    let first = true;
    this.#startsWithDelimiter = false;
    for (let at = 0; at + NAL_LENGTH_SIZE < data.length; ) {
      const end = at + NAL_LENGTH_SIZE + data.readUInt32BE(at);
      if (end > data.length) break;
      if (end > at + NAL_LENGTH_SIZE) {
        const type = nalType(data, at + NAL_LENGTH_SIZE, h265);
        if (type === (h265 ? H265_NAL.AUD : H264_NAL.AUD)) {
          if (first) {
            this.#startsWithDelimiter = true;
            size += end - at;
          }
        } else {
          seen |= parameterSetKind(type, h265);
          size += end - at;
        }
        first = false;
      }
      at = end;
    }
    if (size === 0) return 0;
    if (!this.#startsWithDelimiter) size += (h265 ? H265_DELIMITER : H264_DELIMITER).length;
    const all = h265 ? SEEN_VPS | SEEN_SPS | SEEN_PPS : SEEN_SPS | SEEN_PPS;
    this.#withParameterSets = frame.key && seen !== all;
    if (this.#withParameterSets) {
      size += unitsBytes(vpsOf(track)) + unitsBytes(track.sps) + unitsBytes(track.pps);
    }
    return size;
  }

  /** Writes the frame that was planned last. */
  write(out: PacketWriter, frame: VideoFrame, track: VideoTrack): void {
    const { data } = frame;
    const h265 = frame.codec === 'H265';
    const delimiter = h265 ? H265_DELIMITER : H264_DELIMITER;
    // the parameter sets' place is after the delimiter, be it ours or the data's
    if (!this.#startsWithDelimiter) {
      out.append(delimiter, 0, delimiter.length);
      this.#writeParameterSets(out, track);
    }
    let first = true;
    for (let at = 0; at + NAL_LENGTH_SIZE < data.length; ) {
      const start = at + NAL_LENGTH_SIZE;
      const end = start + data.readUInt32BE(at);
      if (end > data.length) break;
      if (end > start) {
        const isDelimiter = nalType(data, start, h265) === (h265 ? H265_NAL.AUD : H264_NAL.AUD);
        if (!isDelimiter || first) {
          out.append(START_CODE, 0, START_CODE.length);
          out.append(data, start, end);
          if (isDelimiter) this.#writeParameterSets(out, track);
        }
        first = false;
      }
      at = end;
    }
  }

  #writeParameterSets(out: PacketWriter, track: VideoTrack): void {
    if (!this.#withParameterSets) return;
    writeUnits(out, vpsOf(track));
    writeUnits(out, track.sps);
    writeUnits(out, track.pps);
  }
}

/** nal_unit_type of the NAL unit whose header is at `data[at]`. */
function nalType(data: Buffer, at: number, h265: boolean): number {
  const header = data[at] ?? 0;
  return h265 ? (header >> 1) & 0x3f : header & 0x1f;
}

function parameterSetKind(type: number, h265: boolean): number {
  if (h265 && type === H265_NAL.VPS) return SEEN_VPS;
  if (type === (h265 ? H265_NAL.SPS : H264_NAL.SPS)) return SEEN_SPS;
  return type === (h265 ? H265_NAL.PPS : H264_NAL.PPS) ? SEEN_PPS : 0;
}

function vpsOf(track: VideoTrack): readonly Buffer[] {
  return track.codec === 'H265' ? track.vps : NO_UNITS;
}

function unitsBytes(units: readonly Buffer[]): number {
  let size = 0;
  for (const unit of units) size += START_CODE.length + unit.length;
  return size;
}

function writeUnits(out: PacketWriter, units: readonly Buffer[]): void {
  for (const unit of units) {
    out.append(START_CODE, 0, START_CODE.length);
    out.append(unit, 0, unit.length);
  }
}
