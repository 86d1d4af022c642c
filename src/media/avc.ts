/** What H264's own bytes say: the sequence parameter set and the AVCDecoderConfigurationRecord. */
import { BitReader } from './bits.ts';
import { ByteReader } from './byte-reader.ts';
import { CodecError, tooLarge, tooShort } from './codec-error.ts';
import { NAL_LENGTH_SIZE, removeEmulationPrevention } from './nal.ts';
import type { H264Track } from './track.ts';

/** Level 6.2, the highest: MaxFS, and no side above sqrt(8 * MaxFS), in macroblocks (ITU-T H.264 A.3.1, table A-1). */
const MAX_FRAME_MACROBLOCKS = 139_264;
const MAX_SIDE_MACROBLOCKS = 1055;
const MACROBLOCK = 16;
const MAX_CHROMA_FORMAT = 3;
/** bit_depth_luma_minus8 and bit_depth_chroma_minus8 (7.4.2.1.1). */
const MAX_BIT_DEPTH_MINUS8 = 6;
const MAX_POC_CYCLE = 255;
/** num_ref_frames is bounded by MaxDpbFrames (7.4.2.1.1). */
const MAX_REF_FRAMES = 16;
/** numOfSequenceParameterSets has 5 bits, numOfPictureParameterSets 8, lengths 16 (ISO 14496-15 5.2.4.1). */
const MAX_SPS_COUNT = 31;
const MAX_PPS_COUNT = 255;
export const MAX_PARAMETER_SET_BYTES = 0xffff;
/** NAL unit header, profile, constraints and level: what a configuration record repeats. */
export const MIN_AVC_SPS_BYTES = 4;
const MAX_SCALING_SHIFT = 255;

/** Profiles whose SPS carries chroma_format_idc and more (7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 134, 135, 138, 139, 144]);
/** Profiles whose configuration record ends after the PPS (ISO 14496-15 5.2.4.1.1). */
const PLAIN_PROFILES: ReadonlySet<number> = new Set([66, 77, 88]);

export interface AvcSps {
  readonly profile: number;
  /** The constraint_set flags and reserved bits, one byte. */
  readonly constraints: number;
  readonly level: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Pixels, after cropping. */
  readonly width: number;
  readonly height: number;
}

/**
 * Reads a sequence parameter set as far as its cropping (ITU-T H.264 7.3.2.1.1).
 * @param unit the NAL unit with its header byte
 * @throws CodecError where it ends early or breaks a bound
 */
export function parseAvcSps(unit: Buffer): AvcSps {
  return readAvcSps(new BitReader(removeEmulationPrevention(unit))).sps;
}

/** Reads as far as `parseAvcSps` does, so that the VUI parameters can be read after it. */
export function readAvcSps(reader: BitReader): { sps: AvcSps; pictureOrderCountType: number } {
  reader.skip(8);
  const profile = reader.bits(8);
  const constraints = reader.bits(8);
  const level = reader.bits(8);
  reader.ueUpTo(31, 'seq_parameter_set_id');
  const colour = HIGH_PROFILES.has(profile)
    ? readColour(reader)
    : { chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8 };
  reader.ueUpTo(12, 'log2_max_frame_num_minus4');
  const pictureOrderCountType = readPictureOrderCount(reader);
  reader.ueUpTo(MAX_REF_FRAMES, 'max_num_ref_frames');
  reader.skip(1); // gaps_in_frame_num_value_allowed_flag
  const widthInMbs = reader.ueUpTo(MAX_SIDE_MACROBLOCKS - 1, 'pic_width_in_mbs_minus1') + 1;
  const heightInMapUnits = reader.ueUpTo(MAX_SIDE_MACROBLOCKS - 1, 'pic_height_in_map_units_minus1') + 1;
  const frameMbsOnly = reader.flag();
  if (!frameMbsOnly) reader.skip(1); // mb_adaptive_frame_field_flag
  reader.skip(1); // direct_8x8_inference_flag
  const fieldFactor = frameMbsOnly ? 1 : 2;
  const heightInMbs = boundedCount('height in macroblocks', heightInMapUnits * fieldFactor, MAX_SIDE_MACROBLOCKS);
  boundedCount('picture size in macroblocks', widthInMbs * heightInMbs, MAX_FRAME_MACROBLOCKS);

  const { chromaFormat, bitDepthLuma, bitDepthChroma } = colour;
  // cropping counts chroma samples (7-19 to 7-22); planes coded apart are 4:4:4, where these are as luma samples
  const cropUnitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const cropUnitY = (chromaFormat === 1 ? 2 : 1) * fieldFactor;
  let width = widthInMbs * MACROBLOCK;
  let height = heightInMbs * MACROBLOCK;
  if (reader.flag()) {
    const cropX = (reader.ue() + reader.ue()) * cropUnitX;
    const cropY = (reader.ue() + reader.ue()) * cropUnitY;
    if (cropX >= width) throw tooLarge('cropping of the width', cropX, width - 1);
    if (cropY >= height) throw tooLarge('cropping of the height', cropY, height - 1);
    width -= cropX;
    height -= cropY;
  }
  const sps = { profile, constraints, level, chromaFormat, bitDepthLuma, bitDepthChroma, width, height };
  return { sps, pictureOrderCountType };
}

function readColour(reader: BitReader) {
  const chromaFormat = reader.ueUpTo(MAX_CHROMA_FORMAT, 'chroma_format_idc');
  if (chromaFormat === 3) reader.skip(1); // separate_colour_plane_flag
  const bitDepthLuma = reader.ueUpTo(MAX_BIT_DEPTH_MINUS8, 'bit_depth_luma_minus8') + 8;
  const bitDepthChroma = reader.ueUpTo(MAX_BIT_DEPTH_MINUS8, 'bit_depth_chroma_minus8') + 8;
  reader.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) {
    const lists = chromaFormat === 3 ? 12 : 8;
    for (let list = 0; list < lists; list++) {
      if (reader.flag()) skipScalingList(reader, list < 6 ? 16 : 64);
    }
  }
  return { chromaFormat, bitDepthLuma, bitDepthChroma };
}

/** ITU-T H.264 7.3.2.1.1.1. */
function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  for (let i = 0; i < size; i++) {
    const delta = reader.se();
    if (Math.abs(delta) > MAX_SCALING_SHIFT) throw tooLarge('delta_scale', Math.abs(delta), MAX_SCALING_SHIFT);
    const next = (last + delta + 256) & 0xff;
    if (next === 0) return;
    last = next;
  }
}

/** pic_order_cnt_type, and what goes with it. */
function readPictureOrderCount(reader: BitReader): number {
  const type = reader.ueUpTo(2, 'pic_order_cnt_type');
  if (type === 0) {
    reader.ueUpTo(12, 'log2_max_pic_order_cnt_lsb_minus4');
  } else if (type === 1) {
    reader.skip(1); // delta_pic_order_always_zero_flag
    reader.se();
    reader.se();
    const cycle = reader.ueUpTo(MAX_POC_CYCLE, 'num_ref_frames_in_pic_order_cnt_cycle');
    for (let i = 0; i < cycle; i++) reader.se();
  }
  return type;
}

/** A track of these parameter sets; 0x0 where the first SPS cannot be read. */
export function h264Track(sps: readonly Buffer[], pps: readonly Buffer[]): H264Track {
  const { width, height } = readable(sps[0]) ?? { width: 0, height: 0 };
  return { kind: 'video', codec: 'H264', sps, pps, width, height };
}

function readable(unit: Buffer | undefined): AvcSps | null {
  if (unit === undefined) return null;
  try {
    return parseAvcSps(unit);
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

/**
 * Reads an AVCDecoderConfigurationRecord (ISO 14496-15 5.2.4.1). The parameter sets are copied, so that a track does
 * not keep the bytes alive that it came in.
 * @returns the track, and how many bytes the lengths before its NAL units have
 * @throws CodecError where it ends early, has another version, or no SPS
 */
export function parseAvcConfig(record: Buffer): { track: H264Track; nalLengthSize: number } {
  const reader = new ByteReader(record, 'AVCDecoderConfigurationRecord');
  const version = reader.u8();
  if (version !== 1)
    throw new CodecError(`AVCDecoderConfigurationRecord has version ${version}, 1 is known`, version, 1);
  reader.bytes(3); // profile, compatibility and level, as in the SPS
  const nalLengthSize = (reader.u8() & 3) + 1;
  const sps = readParameterSets(reader, reader.u8() & MAX_SPS_COUNT);
  const pps = readParameterSets(reader, reader.u8());
  if (sps.length === 0) throw new CodecError('AVCDecoderConfigurationRecord has no SPS');
  for (const unit of sps) {
    if (unit.length < MIN_AVC_SPS_BYTES) throw tooShort('SPS', unit.length, MIN_AVC_SPS_BYTES);
  }
  return { track: h264Track(sps, pps), nalLengthSize };
}

function readParameterSets(reader: ByteReader, count: number): Buffer[] {
  const units: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const unit = reader.bytes(reader.u16());
    if (unit.length > 0) units.push(Buffer.from(unit));
  }
  return units;
}

/**
 * Writes an AVCDecoderConfigurationRecord with 4-byte NAL unit lengths.
 * @throws CodecError where there are more or longer parameter sets than it can hold, or no SPS
 */
export function serializeAvcConfig(track: H264Track): Buffer {
  const first = track.sps[0];
  if (first === undefined || first.length < MIN_AVC_SPS_BYTES)
    throw new CodecError('an AVCDecoderConfigurationRecord needs an SPS');
  const profile = first[1] ?? 0;
  const parts = [
    Buffer.from([1, profile, first[2] ?? 0, first[3] ?? 0, 0xfc | (NAL_LENGTH_SIZE - 1)]),
    Buffer.from([0xe0 | boundedCount('SPS count', track.sps.length, MAX_SPS_COUNT)]),
    ...withLengths(track.sps),
    Buffer.from([boundedCount('PPS count', track.pps.length, MAX_PPS_COUNT)]),
    ...withLengths(track.pps),
  ];
  const sps = PLAIN_PROFILES.has(profile) ? null : readable(first);
  if (sps !== null) {
    parts.push(
      Buffer.from([0xfc | sps.chromaFormat, 0xf8 | (sps.bitDepthLuma - 8), 0xf8 | (sps.bitDepthChroma - 8), 0]),
    );
  }
  return Buffer.concat(parts);
}

/** The units in turn, each behind its 16-bit length, as configuration records hold them. */
export function withLengths(units: readonly Buffer[]): Buffer[] {
  const parts: Buffer[] = [];
  for (const unit of units) {
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(boundedCount('parameter set length', unit.length, MAX_PARAMETER_SET_BYTES));
    parts.push(length, unit);
  }
  return parts;
}

function boundedCount(what: string, count: number, limit: number): number {
  if (count > limit) throw tooLarge(what, count, limit);
  return count;
}
