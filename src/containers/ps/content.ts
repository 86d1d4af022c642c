/** What an elementary stream is: by the type that its program stream map gives it, or by its own bytes. */
import { ADTS_HEADER_BYTES, CodecError, H265_NAL, parseAdtsHeader } from '../../media/index.ts';
import { STREAM_TYPE } from '../mpegts/index.ts';

export type VideoCodec = 'H264' | 'H265';
export type AudioCodec = 'AAC' | 'PCMA' | 'PCMU';

/** G711 in program streams (GB/T 28181 annex C). */
const G711A_TYPE = 0x90;
const G711U_TYPE = 0x91;

const CODECS: ReadonlyMap<number, VideoCodec | AudioCodec> = new Map([
  [STREAM_TYPE.H264, 'H264'],
  [STREAM_TYPE.H265, 'H265'],
  [STREAM_TYPE.AAC, 'AAC'],
  [G711A_TYPE, 'PCMA'],
  [G711U_TYPE, 'PCMU'],
]);

/** Null: not carried. */
export function codecOfType(streamType: number): VideoCodec | AudioCodec | null {
  return CODECS.get(streamType) ?? null;
}

export function isVideoCodec(codec: VideoCodec | AudioCodec): codec is VideoCodec {
  return codec === 'H264' || codec === 'H265';
}

/** The header of an SPS of H264: type 7, which others refer to (nal_ref_idc 1 to 3). */
const H264_SPS_HEADERS: readonly number[] = [0x27, 0x47, 0x67];
/** The headers of VPS and SPS of H265 in the base layer, temporal id 0. */
const H265_HEADERS: readonly number[] = [(H265_NAL.VPS << 9) | 1, (H265_NAL.SPS << 9) | 1];

/** The codec of which this is a parameter set, by the first two bytes of the NAL unit; null where it is none. */
export function codecOfNalUnit(unit: Buffer): VideoCodec | null {
  if (H264_SPS_HEADERS.includes(unit.readUInt8(0))) return 'H264';
  return H265_HEADERS.includes(unit.readUInt16BE(0)) ? 'H265' : null;
}

/** Whether a PES packet begins with a whole ADTS frame, and goes on with another one where it goes on. */
export function beginsWithAdts(payload: Buffer): boolean {
  const first = adtsFrameLength(payload);
  if (first === null || first > payload.length) return false;
  const rest = payload.subarray(first);
  return rest.length < ADTS_HEADER_BYTES || adtsFrameLength(rest) !== null;
}

function adtsFrameLength(bytes: Buffer): number | null {
  try {
    return parseAdtsHeader(bytes).frameLength;
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}
