/** The RTP packet (RFC 3550 5.1), read and written. */
import type { Problem } from './problem.ts';

export const RTP_VERSION = 2;
/** Of the fixed header. */
export const RTP_HEADER_BYTES = 12;
/** What our packets carry at most, so that they go over UDP in one datagram of any usual path. Bytes. */
export const MAX_PAYLOAD_BYTES = 1400;
const CSRC_BYTES = 4;
const EXTENSION_HEADER_BYTES = 4;

/** CSRC list, header extension and padding are checked and left out. */
export interface RtpPacket {
  readonly marker: boolean;
  /** 0 to 127. */
  readonly payloadType: number;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits. */
  readonly timestamp: number;
  /** 32 bits. */
  readonly ssrc: number;
  /** A view of the packet. */
  readonly payload: Buffer;
}

/** Reads one packet, a datagram or what one interleaved frame holds. */
export function parseRtpPacket(bytes: Buffer): RtpPacket | Problem {
  if (bytes.length < RTP_HEADER_BYTES) {
    return { problem: `an RTP packet of ${bytes.length} bytes, its header alone has ${RTP_HEADER_BYTES}` };
  }
  const first = bytes.readUInt8(0);
  const version = first >> 6;
  if (version !== RTP_VERSION) return { problem: `an RTP packet of version ${version}, ${RTP_VERSION} is known` };
  let start = RTP_HEADER_BYTES + (first & 0x0f) * CSRC_BYTES;
  let end = bytes.length;
  if ((first & 0x10) !== 0) {
    const needed = start + EXTENSION_HEADER_BYTES;
    if (needed > end) return { problem: `a header extension that begins at byte ${start} of ${end}` };
    start = needed + bytes.readUInt16BE(start + 2) * 4;
  }
  if (start > end) return { problem: `an RTP header of ${start} bytes in a packet of ${end}` };
  if ((first & 0x20) !== 0) {
    const padding = bytes.readUInt8(end - 1);
    if (padding === 0 || padding > end - start) {
      return { problem: `an RTP packet with ${padding} bytes of padding, 1 to ${end - start} are possible` };
    }
    end -= padding;
  }
  const second = bytes.readUInt8(1);
  return {
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(start, end),
  };
}

/** The packet with the fixed header alone. */
export function serializeRtpPacket(packet: RtpPacket): Buffer {
  const { marker, payloadType, sequence, timestamp, ssrc, payload } = packet;
  const out = Buffer.allocUnsafe(RTP_HEADER_BYTES + payload.length);
  writeRtpHeader(out, 0, marker, payloadType, sequence, timestamp, ssrc);
  payload.copy(out, RTP_HEADER_BYTES);
  return out;
}

/** Writes the fixed header; the place behind it. */
export function writeRtpHeader(
  out: Buffer,
  at: number,
  marker: boolean,
  payloadType: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
): number {
  out.writeUInt8(RTP_VERSION << 6, at);
  out.writeUInt8((marker ? 0x80 : 0) | payloadType, at + 1);
  out.writeUInt16BE(sequence, at + 2);
  out.writeUInt32BE(timestamp, at + 4);
  return out.writeUInt32BE(ssrc, at + 8);
}
