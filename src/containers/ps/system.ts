/** The system layer of program streams: start codes, pack headers (ISO 13818-1 2.5.3), and PES headers of ISO 11172-1. */
import { type PesPacket, readTimestamp } from '../mpegts/index.ts';

/** packet_start_code_prefix and the byte after it. */
export const START_CODE_BYTES = 4;
/** The start code and the two bytes of length behind it, which all packets have but the pack header and the end code. */
export const PACKET_START_BYTES = 6;
/** The byte after the prefix: table 2-22, and the codes that are no stream_id. */
export const START_CODE = {
  PROGRAM_END: 0xb9,
  PACK: 0xba,
  PROGRAM_STREAM_MAP: 0xbc,
} as const;
/** Codes below this belong to the video itself: slices, NAL units. */
const FIRST_SYSTEM_CODE = 0xb9;
const PREFIX = Buffer.from([0, 0, 1]);

/** Of a pack header without its stuffing, and of one of ISO 11172-1. */
export const PACK_HEADER_BYTES = 14;
export const MPEG1_PACK_HEADER_BYTES = 12;

export function isVideoId(id: number): boolean {
  return id >= 0xe0 && id <= 0xef;
}

export function isAudioId(id: number): boolean {
  return id >= 0xc0 && id <= 0xdf;
}

/** Where the first start code of the system layer begins (`only`: that one), or -1. */
export function findStartCode(bytes: Buffer, only: number | null = null): number {
  for (let at = bytes.indexOf(PREFIX); at !== -1; at = bytes.indexOf(PREFIX, at + 1)) {
    const code = bytes[at + PREFIX.length] ?? 0;
    if (only === null ? code >= FIRST_SYSTEM_CODE : code === only) return at;
  }
  return -1;
}

/** The system layer's code at the front of four bytes; null where there is none. */
export function startCodeOf(bytes: Buffer): number | null {
  const word = bytes.readUInt32BE(0);
  const code = word & 0xff;
  return word >>> 8 === 1 && code >= FIRST_SYSTEM_CODE ? code : null;
}

/**
 * The size of the pack header whose first bytes these are, stuffing included; null where it is none.
 * @param start `PACK_HEADER_BYTES` of it, or `MPEG1_PACK_HEADER_BYTES` where it is one of ISO 11172-1
 */
export function packHeaderBytes(start: Buffer): number | null {
  if (isMpeg1Pack(start)) return MPEG1_PACK_HEADER_BYTES;
  if (((start[4] ?? 0) & 0xc0) !== 0x40) return null;
  return PACK_HEADER_BYTES + ((start[13] ?? 0) & 0x07);
}

/** Whether a pack header is one of ISO 11172-1: told by the byte behind its start code. */
export function isMpeg1Pack(start: Buffer): boolean {
  return ((start[4] ?? 0) & 0xf0) === 0x20;
}

/** At most so many stuffing bytes stand in a PES header (ISO 11172-1 2.4.4.3). */
const MAX_MPEG1_STUFFING = 16;

/** Reads a PES packet of ISO 11172-1; null where it is none, or is cut off within its header. */
export function parseMpeg1Pes(bytes: Buffer): PesPacket | null {
  let at = PACKET_START_BYTES;
  while (bytes[at] === 0xff && at < PACKET_START_BYTES + MAX_MPEG1_STUFFING) at++;
  // STD buffer size
  if (((bytes[at] ?? 0) & 0xc0) === 0x40) at += 2;
  const streamId = bytes.readUInt8(3);
  const kind = (bytes[at] ?? 0) >> 4;
  if (bytes[at] === 0x0f) return { streamId, pts: null, dts: null, payload: bytes.subarray(at + 1) };
  const end = at + (kind === 3 ? 10 : 5);
  if ((kind !== 2 && kind !== 3) || end > bytes.length) return null;
  const pts = readTimestamp(bytes, at);
  return { streamId, pts, dts: kind === 3 ? readTimestamp(bytes, at + 5) : pts, payload: bytes.subarray(end) };
}
