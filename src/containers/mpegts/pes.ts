/** The header of PES packets (ISO 13818-1 2.4.3.6, 2.4.3.7), written and read. */
import { wrapTicks } from './time.ts';

export const STREAM_ID_VIDEO = 0xe0;
export const STREAM_ID_AUDIO = 0xc0;
/** private_stream_1: what carries Opus (ETSI TS 101 154, Opus in TS). */
export const STREAM_ID_PRIVATE = 0xbd;

/** Start code, stream id, PES_packet_length. */
export const PES_START_BYTES = 6;
/** The two bytes of flags and PES_header_data_length. */
const FLAGS_BYTES = 3;
const TIMESTAMP_BYTES = 5;
/** The largest header that `writePesHeader` writes. */
export const MAX_PES_HEADER_BYTES: number = PES_START_BYTES + FLAGS_BYTES + 2 * TIMESTAMP_BYTES;
/** The most that PES_packet_length can say. */
export const MAX_PES_LENGTH = 0xffff;

const MARKER_BITS = 0x80;
const DATA_ALIGNMENT = 0x04;
const HAS_PTS = 0x80;
const HAS_DTS = 0x40;

export function pesHeaderBytes(withDts: boolean): number {
  return PES_START_BYTES + FLAGS_BYTES + (withDts ? 2 : 1) * TIMESTAMP_BYTES;
}

/**
 * Writes a header at `out[0]`; the dts only where it differs from the pts. Times are 90 kHz ticks, unwrapped.
 * A payload too large for PES_packet_length makes it 0, which is allowed to video only.
 * @returns its size in bytes
 */
export function writePesHeader(out: Buffer, streamId: number, pts: number, dts: number, payloadBytes: number): number {
  const withDts = pts !== dts;
  const size = pesHeaderBytes(withDts);
  const length = size - PES_START_BYTES + payloadBytes;
  out[0] = 0;
  out[1] = 0;
  out[2] = 1;
  out[3] = streamId;
  out.writeUInt16BE(length > MAX_PES_LENGTH ? 0 : length, 4);
  out[6] = MARKER_BITS | DATA_ALIGNMENT;
  out[7] = withDts ? HAS_PTS | HAS_DTS : HAS_PTS;
  out[8] = size - PES_START_BYTES - FLAGS_BYTES;
  writeTimestamp(out, 9, withDts ? 3 : 2, wrapTicks(pts));
  if (withDts) writeTimestamp(out, 14, 1, wrapTicks(dts));
  return size;
}

function writeTimestamp(out: Buffer, at: number, prefix: number, ticks: number): void {
  const low = ticks % 2 ** 30;
  out[at] = (prefix << 4) | (Math.floor(ticks / 2 ** 30) << 1) | 1;
  out[at + 1] = low >> 22;
  out[at + 2] = (low >> 14) | 1;
  out[at + 3] = low >> 7;
  out[at + 4] = (low << 1) | 1;
}

/** The 33 bits of a timestamp at `bytes[at]`, five bytes with their marker bits. */
export function readTimestamp(bytes: Buffer, at: number): number {
  const high = (bytes.readUInt8(at) >> 1) & 0x07;
  const middle = bytes.readUInt16BE(at + 1) >> 1;
  const low = bytes.readUInt16BE(at + 3) >> 1;
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}

/** A PES packet read: 33-bit ticks, null where the packet has none. */
export interface PesPacket {
  readonly streamId: number;
  readonly pts: number | null;
  readonly dts: number | null;
  readonly payload: Buffer;
}

/** Reads a whole PES packet; null where it is none, or is cut off within its header. */
export function parsePes(bytes: Buffer): PesPacket | null {
  if (bytes.length < PES_START_BYTES + FLAGS_BYTES || bytes.readUIntBE(0, 3) !== 1) return null;
  if ((bytes.readUInt8(6) & 0xc0) !== MARKER_BITS) return null;
  const flags = bytes.readUInt8(7);
  const headerBytes = bytes.readUInt8(8);
  const start = PES_START_BYTES + FLAGS_BYTES + headerBytes;
  if (bytes.length < start) return null;
  const withPts = (flags & HAS_PTS) !== 0 && headerBytes >= TIMESTAMP_BYTES;
  const withDts = withPts && (flags & HAS_DTS) !== 0 && headerBytes >= 2 * TIMESTAMP_BYTES;
  const pts = withPts ? readTimestamp(bytes, 9) : null;
  return {
    streamId: bytes.readUInt8(3),
    pts,
    dts: withDts ? readTimestamp(bytes, 14) : pts,
    payload: bytes.subarray(start),
  };
}
