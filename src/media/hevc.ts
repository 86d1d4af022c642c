/** What H265's own bytes say: the sequence parameter set and the HEVCDecoderConfigurationRecord. */
import { withLengths } from './avc.ts';
import { BitReader } from './bits.ts';
import { ByteReader } from './byte-reader.ts';
import { CodecError, tooLarge } from './codec-error.ts';
import { H265_NAL, NAL_LENGTH_SIZE, removeEmulationPrevention } from './nal.ts';
import type { H265Track } from './track.ts';

/** Level 7.2, the highest: MaxLumaPs, and no side above sqrt(8 * MaxLumaPs), in pixels (ITU-T H.265 A.4.1, table A.8). */
const MAX_PICTURE_PIXELS = 142_606_336;
const MAX_SIDE_PIXELS = 33_776;
const MAX_CHROMA_FORMAT = 3;
const MAX_BIT_DEPTH_MINUS8 = 8;
/** sps_max_sub_layers_minus1 (7.4.3.2.1). */
const MAX_SUB_LAYERS_MINUS1 = 6;
/** profile_tier_level of the general profile: 88 bits, then one byte of level (7.3.3). */
const PROFILE_BYTES = 11;
/** numNalus has 16 bits (ISO 14496-15 8.3.3.1). */
const MAX_UNITS_PER_ARRAY = 0xffff;
/** NAL units in a configuration record that is read: all that can have ids of their own (16 VPS, 16 SPS, 64 PPS), and SEI. */
const MAX_UNITS = 256;

export interface HevcSps {
  /**
   * general_profile_space, tier, profile_idc, the compatibility and the constraint flags: the 11 bytes that the SPS and
   * the configuration record both have.
   */
  readonly profile: Buffer;
  readonly level: number;
  readonly subLayers: number;
  readonly temporalIdNesting: boolean;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Pixels, within the conformance window. */
  readonly width: number;
  readonly height: number;
}

/**
 * Reads a sequence parameter set as far as its bit depths (ITU-T H.265 7.3.2.2.1).
 * @param unit the NAL unit with its two header bytes
 * @throws CodecError where it ends early or breaks a bound
 */
export function parseHevcSps(unit: Buffer): HevcSps {
  return readHevcSps(new BitReader(removeEmulationPrevention(unit)));
}

/** Reads as far as `parseHevcSps` does, so that what follows can be read after it. */
export function readHevcSps(reader: BitReader): HevcSps {
  reader.skip(16 + 4); // NAL unit header, sps_video_parameter_set_id
  const subLayersMinus1 = reader.bits(3);
  if (subLayersMinus1 > MAX_SUB_LAYERS_MINUS1) {
    throw tooLarge('sps_max_sub_layers_minus1', subLayersMinus1, MAX_SUB_LAYERS_MINUS1);
  }
  const temporalIdNesting = reader.flag();
  const profile = Buffer.alloc(PROFILE_BYTES);
  for (let i = 0; i < PROFILE_BYTES; i++) profile[i] = reader.bits(8);
  const level = reader.bits(8);
  skipSubLayers(reader, subLayersMinus1);
  reader.ueUpTo(15, 'sps_seq_parameter_set_id');
  const chromaFormat = reader.ueUpTo(MAX_CHROMA_FORMAT, 'chroma_format_idc');
  if (chromaFormat === 3) reader.skip(1); // separate_colour_plane_flag
  let width = reader.ueUpTo(MAX_SIDE_PIXELS, 'pic_width_in_luma_samples');
  let height = reader.ueUpTo(MAX_SIDE_PIXELS, 'pic_height_in_luma_samples');
  const pixels = width * height;
  if (pixels === 0) throw new CodecError(`a picture of ${width}x${height}`);
  if (pixels > MAX_PICTURE_PIXELS) throw tooLarge('picture size in luma samples', pixels, MAX_PICTURE_PIXELS);
  if (reader.flag()) {
    // SubWidthC and SubHeightC (table 6-1)
    const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
    const unitY = chromaFormat === 1 ? 2 : 1;
    const cropX = (reader.ue() + reader.ue()) * unitX;
    const cropY = (reader.ue() + reader.ue()) * unitY;
    if (cropX >= width) throw tooLarge('conformance window cropping of the width', cropX, width - 1);
    if (cropY >= height) throw tooLarge('conformance window cropping of the height', cropY, height - 1);
    width -= cropX;
    height -= cropY;
  }
  const bitDepthLuma = reader.ueUpTo(MAX_BIT_DEPTH_MINUS8, 'bit_depth_luma_minus8') + 8;
  const bitDepthChroma = reader.ueUpTo(MAX_BIT_DEPTH_MINUS8, 'bit_depth_chroma_minus8') + 8;
  return {
    profile,
    level,
    subLayers: subLayersMinus1 + 1,
    temporalIdNesting,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    width,
    height,
  };
}

/** The part of profile_tier_level() that is about sub-layers (ITU-T H.265 7.3.3). */
function skipSubLayers(reader: BitReader, subLayersMinus1: number): void {
  let bits = 0;
  for (let i = 0; i < subLayersMinus1; i++) {
    if (reader.flag()) bits += PROFILE_BYTES * 8;
    if (reader.flag()) bits += 8;
  }
  // reserved_zero_2bits fill the flags up to 8 sub-layers
  if (subLayersMinus1 > 0) reader.skip((8 - subLayersMinus1) * 2);
  reader.skip(bits);
}

/** A track of these parameter sets; 0x0 where the first SPS cannot be read. */
export function h265Track(vps: readonly Buffer[], sps: readonly Buffer[], pps: readonly Buffer[]): H265Track {
  const { width, height } = readable(sps[0]) ?? { width: 0, height: 0 };
  return { kind: 'video', codec: 'H265', vps, sps, pps, width, height };
}

function readable(unit: Buffer | undefined): HevcSps | null {
  if (unit === undefined) return null;
  try {
    return parseHevcSps(unit);
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

/**
 * Reads an HEVCDecoderConfigurationRecord (ISO 14496-15 8.3.3.1). The parameter sets are copied, so that a track does
 * not keep the bytes alive that it came in; SEI messages in it are left out.
 * @returns the track, and how many bytes the lengths before its NAL units have
 * @throws CodecError where it ends early, has another version, or no SPS
 */
export function parseHevcConfig(record: Buffer): { track: H265Track; nalLengthSize: number } {
  const reader = new ByteReader(record, 'HEVCDecoderConfigurationRecord');
  const version = reader.u8();
  // version 0 was written by encoders before the standard was final, with the same layout
  if (version > 1) throw tooLarge('version of the HEVCDecoderConfigurationRecord', version, 1);
  reader.bytes(20); // profile, tier, level and format, as in the SPS
  const nalLengthSize = (reader.u8() & 3) + 1;
  const vps: Buffer[] = [];
  const sps: Buffer[] = [];
  const pps: Buffer[] = [];
  const arrays = reader.u8();
  let units = 0;
  for (let i = 0; i < arrays; i++) {
    const type = reader.u8() & 0x3f;
    const count = reader.u16();
    units += count;
    if (units > MAX_UNITS) throw tooLarge('NAL units in the HEVCDecoderConfigurationRecord', units, MAX_UNITS);
    for (let j = 0; j < count; j++) {
      const unit = reader.bytes(reader.u16());
      if (unit.length === 0) continue;
      if (type === H265_NAL.VPS) vps.push(Buffer.from(unit));
      else if (type === H265_NAL.SPS) sps.push(Buffer.from(unit));
      else if (type === H265_NAL.PPS) pps.push(Buffer.from(unit));
    }
  }
  if (sps.length === 0) throw new CodecError('HEVCDecoderConfigurationRecord has no SPS');
  return { track: h265Track(vps, sps, pps), nalLengthSize };
}

/** What is written where the SPS cannot be read: the Main profile's plain format, no level. */
const UNREADABLE: HevcSps = {
  profile: Buffer.from([1, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  level: 0,
  subLayers: 1,
  temporalIdNesting: false,
  chromaFormat: 1,
  bitDepthLuma: 8,
  bitDepthChroma: 8,
  width: 0,
  height: 0,
};

/**
 * Writes an HEVCDecoderConfigurationRecord with 4-byte NAL unit lengths; frame rate, segmentation and parallelism are
 * left unspecified (0).
 * @throws CodecError where there are more or longer parameter sets than it can hold, or no SPS
 */
export function serializeHevcConfig(track: H265Track): Buffer {
  if (track.sps.length === 0) throw new CodecError('an HEVCDecoderConfigurationRecord needs an SPS');
  const sps = readable(track.sps[0]) ?? UNREADABLE;
  const fixed = Buffer.from([
    ...[0xf0, 0], // min_spatial_segmentation_idc
    0xfc, // parallelismType
    0xfc | sps.chromaFormat,
    0xf8 | ((sps.bitDepthLuma - 8) & 7),
    0xf8 | ((sps.bitDepthChroma - 8) & 7),
    ...[0, 0], // avgFrameRate
    (sps.subLayers << 3) | (sps.temporalIdNesting ? 4 : 0) | (NAL_LENGTH_SIZE - 1),
  ]);
  const arrays: Buffer[] = [];
  let arrayCount = 0;
  for (const [type, units] of [
    [H265_NAL.VPS, track.vps],
    [H265_NAL.SPS, track.sps],
    [H265_NAL.PPS, track.pps],
  ] as const) {
    if (units.length === 0) continue;
    if (units.length > MAX_UNITS_PER_ARRAY) throw tooLarge('parameter set count', units.length, MAX_UNITS_PER_ARRAY);
    arrayCount++;
    // array_completeness: sample entry hvc1 has all of them here
    arrays.push(Buffer.from([0x80 | type, units.length >> 8, units.length & 0xff]), ...withLengths(units));
  }
  return Buffer.concat([
    Buffer.from([1]),
    sps.profile,
    Buffer.from([sps.level]),
    fixed,
    Buffer.from([arrayCount]),
    ...arrays,
  ]);
}
