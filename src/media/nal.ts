/** NAL units of H264 and H265: behind lengths (ISO 14496-15), behind start codes (Annex B), and what type they are. */
import { CodecError, ExcessError, tooLarge } from './codec-error.ts';

/** Lengths of this many bytes stand before the NAL units of every `VideoFrame`. */
export const NAL_LENGTH_SIZE = 4;
/**
 * NAL units in an access unit, empty ones included. H264 has at most MaxFS / SliceRate = 139264 / 24 = 5802 slices in a
 * picture of level 6.2, where pictures come as fast as the level allows (ITU-T H.264 A.3.3, tables ), H265 600
 * slice segments (ITU-T H.265 table A.8); the rest is room for SEI, parameter sets and delimiters. Each costs the output
 * formats some work, however short it is, so that millions of them would hold up everybody.
 */
export const MAX_NAL_UNITS = 8192;
/** lengthSizeMinusOne has two bits (ISO 14496-15 5.2.4.1). */
const MAX_NAL_LENGTH_SIZE = 4;
/** start_code_prefix_one_3bytes (ITU-T H.264 B.1.1). */
const START_CODE = Buffer.from([0, 0, 1]);

/**
 * Whether `data` is whole NAL units behind lengths of `lengthSize` bytes, and no more than an access unit may have: null, or
 * what is wrong (an `ExcessError` where there are too many). Copies nothing.
 */
export function checkNalUnits(data: Buffer, lengthSize: number = NAL_LENGTH_SIZE): CodecError | null {
  if (lengthSize < 1 || lengthSize > MAX_NAL_LENGTH_SIZE) {
    return tooLarge('size of NAL unit lengths', lengthSize, MAX_NAL_LENGTH_SIZE);
  }
  let at = 0;
  for (let count = 1; at < data.length; count++) {
    if (count > MAX_NAL_UNITS) return tooMany(count, MAX_NAL_UNITS);
    const left = data.length - at - lengthSize;
    if (left < 0) {
      const found = data.length - at;
      return new CodecError(`${found} bytes where a NAL unit length of ${lengthSize} is due`, found, lengthSize);
    }
    const length = data.readUIntBE(at, lengthSize);
    if (length > left) return tooLarge('NAL unit length', length, left);
    at += lengthSize + length;
  }
  return null;
}

/**
 * The NAL units of an access unit as views; empty ones are left out.
 * @param lengthSize bytes of each length, 1 to 4
 * @throws CodecError where a length runs past the end, or there are more than `MAX_NAL_UNITS`
 */
export function splitNalUnits(data: Buffer, lengthSize: number = NAL_LENGTH_SIZE): Buffer[] {
  const error = checkNalUnits(data, lengthSize);
  if (error !== null) throw error;
  const units: Buffer[] = [];
  let at = 0;
  while (at < data.length) {
    const start = at + lengthSize;
    const end = start + data.readUIntBE(at, lengthSize);
    if (end > start) units.push(data.subarray(start, end));
    at = end;
  }
  return units;
}

/**
 * The NAL units behind lengths of `lengthSize` bytes, now behind 4-byte lengths in a new buffer; empty ones are left out. No
 * view is made of any.
 * @throws CodecError where a length runs past the end, or there are more than `MAX_NAL_UNITS`
 */
export function widenNalLengths(data: Buffer, lengthSize: number): Buffer {
  const error = checkNalUnits(data, lengthSize);
  if (error !== null) throw error;
  let size = 0;
  for (let at = 0; at < data.length; ) {
    const length = data.readUIntBE(at, lengthSize);
    if (length > 0) size += NAL_LENGTH_SIZE + length;
    at += lengthSize + length;
  }
  const widened = Buffer.allocUnsafe(size);
  for (let at = 0, to = 0; at < data.length; ) {
    const start = at + lengthSize;
    const length = data.readUIntBE(at, lengthSize);
    if (length > 0) {
      to = widened.writeUInt32BE(length, to);
      to += data.copy(widened, to, start, start + length);
    }
    at = start + length;
  }
  return widened;
}

/** The units behind 4-byte lengths, in one new buffer. */
export function joinNalUnits(units: readonly Buffer[]): Buffer {
  let size = 0;
  for (const unit of units) size += NAL_LENGTH_SIZE + unit.length;
  const joined = Buffer.allocUnsafe(size);
  let at = 0;
  for (const unit of units) {
    at = joined.writeUInt32BE(unit.length, at);
    at += unit.copy(joined, at);
  }
  return joined;
}

/**
 * The NAL units of a byte stream (ITU-T H.264 and H.265 Annex B) as views, without start codes and the zeros around
 * them. Bytes before the first start code are left out.
 * @param maxUnits how many start codes there may be: `MAX_NAL_UNITS` where the bytes are one access unit; absent: any number
 * @throws CodecError where there are more
 */
export function annexBToNalUnits(data: Buffer, maxUnits: number = Number.POSITIVE_INFINITY): Buffer[] {
  const units: Buffer[] = [];
  let at = data.indexOf(START_CODE);
  for (let count = 1; at !== -1; count++) {
    if (count > maxUnits) throw tooMany(count, maxUnits);
    const start = at + START_CODE.length;
    at = data.indexOf(START_CODE, start);
    pushTrimmed(units, data, start, at === -1 ? data.length : at);
  }
  return units;
}

function tooMany(count: number, limit: number): ExcessError {
  return new ExcessError(`an access unit has ${count} NAL units and more, at most ${limit} are allowed`, count, limit);
}

/** A NAL unit never ends in a zero byte, so zeros at its end belong to the stream (trailing_zero_8bits, B.1.1). */
function pushTrimmed(units: Buffer[], data: Buffer, start: number, limit: number): void {
  let end = limit;
  while (end > start && data[end - 1] === 0) end--;
  if (end > start) units.push(data.subarray(start, end));
}

/** The unit's bytes without emulation_prevention_three_byte (ITU-T H.264 7.3.1); the unit itself where it has none. */
export function removeEmulationPrevention(unit: Buffer): Buffer {
  let clean: Buffer | null = null;
  let length = 0;
  let zeros = 0;
  for (let at = 0; at < unit.length; at++) {
    const byte = unit[at] ?? 0;
    if (zeros >= 2 && byte === 3) {
      if (clean === null) {
        clean = Buffer.from(unit);
        length = at;
      }
      zeros = 0;
      continue;
    }
    if (clean !== null) clean[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return clean === null ? unit : clean.subarray(0, length);
}

/** nal_unit_type, ITU-T H.264 table 7-1; 0 for an empty unit. */
export function h264NalType(unit: Buffer): number {
  return (unit[0] ?? 0) & 0x1f;
}

/** nal_unit_type, ITU-T H.265 table 7-1. An empty unit counts as 63, which is unspecified. */
export function h265NalType(unit: Buffer): number {
  return ((unit[0] ?? 0x7e) >> 1) & 0x3f;
}

export const H264_NAL = { IDR: 5, SEI: 6, SPS: 7, PPS: 8, AUD: 9 } as const;
export const H265_NAL = { VPS: 32, SPS: 33, PPS: 34, AUD: 35 } as const;
/** BLA, IDR, CRA and the reserved types after them (ITU-T H.265 7.4.2.2). */
const H265_FIRST_IRAP = 16;
const H265_LAST_IRAP = 23;

export function isH264Idr(unit: Buffer): boolean {
  return h264NalType(unit) === H264_NAL.IDR;
}

export function isH264ParameterSet(unit: Buffer): boolean {
  const type = h264NalType(unit);
  return type === H264_NAL.SPS || type === H264_NAL.PPS;
}

export function isH265Irap(unit: Buffer): boolean {
  const type = h265NalType(unit);
  return type >= H265_FIRST_IRAP && type <= H265_LAST_IRAP;
}

export function isH265ParameterSet(unit: Buffer): boolean {
  const type = h265NalType(unit);
  return type >= H265_NAL.VPS && type <= H265_NAL.PPS;
}
