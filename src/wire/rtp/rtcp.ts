/** RTCP (RFC 3550 6): compound packets read; sender and receiver reports with their CNAME, and BYE, written. */
import { RTP_VERSION } from './packet.ts';
import type { Problem } from './problem.ts';

const TYPE = { senderReport: 200, receiverReport: 201, sdes: 202, bye: 203, app: 204 } as const;
const HEADER_BYTES = 4;
const SSRC_BYTES = 4;
/** NTP and RTP time, packet and octet count. */
const SENDER_INFO_BYTES = 20;
const BLOCK_BYTES = 24;
const SDES_CNAME = 1;
/** The length field of an SDES item has 8 bits. */
const MAX_CNAME_BYTES = 255;
/** From NTP's epoch, 1900, to Unix's. Milliseconds. */
const NTP_EPOCH_MS = 2_208_988_800_000;
const NTP_FRACTION = 2 ** 32;
const UINT32 = 2 ** 32;

/** What a receiver says of one sender (RFC 3550 6.4.1). */
export interface ReportBlock {
  /** The sender's. */
  readonly ssrc: number;
  /** Of 256, since the last report. */
  readonly fractionLost: number;
  /** 24 bits, signed. */
  readonly cumulativeLost: number;
  /** Extended by its wraps: 32 bits. */
  readonly highestSequence: number;
  /** In units of the RTP timestamp. */
  readonly jitter: number;
  /** The middle 32 bits of the NTP time of the last sender report; 0: none came. */
  readonly lastSenderReport: number;
  /** Since then, in 1/65536 s. */
  readonly delaySinceLast: number;
}

export interface SenderReport {
  readonly type: 'sender-report';
  readonly ssrc: number;
  /** Unix time in milliseconds; null where the sender says 0, which means that it has no clock. */
  readonly unixMs: number | null;
  /** The middle 32 bits of the NTP time, for the receiver's `lastSenderReport`. */
  readonly ntpMiddle: number;
  readonly rtpTimestamp: number;
  readonly packets: number;
  readonly octets: number;
  readonly blocks: readonly ReportBlock[];
}

export type RtcpPacket =
  | SenderReport
  | { readonly type: 'receiver-report'; readonly ssrc: number; readonly blocks: readonly ReportBlock[] }
  | { readonly type: 'bye'; readonly ssrcs: readonly number[] }
  /** Others (SDES, APP, feedback): passed over. */
  | { readonly type: 'other'; readonly packetType: number };

/** Reads a compound packet: a datagram, or what one interleaved frame holds. */
export function parseRtcp(bytes: Buffer): RtcpPacket[] | Problem {
  const packets: RtcpPacket[] = [];
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < HEADER_BYTES) return { problem: `${left} bytes where an RTCP header of ${HEADER_BYTES} is due` };
    const first = bytes.readUInt8(at);
    if (first >> 6 !== RTP_VERSION) {
      return { problem: `an RTCP packet of version ${first >> 6}, ${RTP_VERSION} is known` };
    }
    const length = (bytes.readUInt16BE(at + 2) + 1) * 4;
    if (length > left) return { problem: `an RTCP packet says ${length} bytes, ${left} are there` };
    const packet = parseOne(bytes.subarray(at, at + length), first & 0x1f);
    if ('problem' in packet) return packet;
    packets.push(packet);
    at += length;
  }
  return packets;
}

function parseOne(packet: Buffer, count: number): RtcpPacket | Problem {
  const packetType = packet.readUInt8(1);
  if (packetType === TYPE.senderReport) {
    const blocksAt = HEADER_BYTES + SSRC_BYTES + SENDER_INFO_BYTES;
    const problem = tooShort('sender report', packet.length, blocksAt + count * BLOCK_BYTES);
    if (problem !== null) return problem;
    const seconds = packet.readUInt32BE(8);
    const fraction = packet.readUInt32BE(12);
    return {
      type: 'sender-report',
      ssrc: packet.readUInt32BE(4),
      unixMs: seconds === 0 && fraction === 0 ? null : seconds * 1000 + (fraction * 1000) / NTP_FRACTION - NTP_EPOCH_MS,
      ntpMiddle: packet.readUInt32BE(10),
      rtpTimestamp: packet.readUInt32BE(16),
      packets: packet.readUInt32BE(20),
      octets: packet.readUInt32BE(24),
      blocks: readBlocks(packet, blocksAt, count),
    };
  }
  if (packetType === TYPE.receiverReport) {
    const blocksAt = HEADER_BYTES + SSRC_BYTES;
    const problem = tooShort('receiver report', packet.length, blocksAt + count * BLOCK_BYTES);
    if (problem !== null) return problem;
    return { type: 'receiver-report', ssrc: packet.readUInt32BE(4), blocks: readBlocks(packet, blocksAt, count) };
  }
  if (packetType === TYPE.bye) {
    const problem = tooShort('BYE', packet.length, HEADER_BYTES + count * SSRC_BYTES);
    if (problem !== null) return problem;
    const ssrcs: number[] = [];
    for (let i = 0; i < count; i++) ssrcs.push(packet.readUInt32BE(HEADER_BYTES + i * SSRC_BYTES));
    return { type: 'bye', ssrcs };
  }
  return { type: 'other', packetType };
}

function tooShort(what: string, length: number, needed: number): Problem | null {
  return length >= needed ? null : { problem: `an RTCP ${what} of ${length} bytes, its fields need ${needed}` };
}

function readBlocks(packet: Buffer, from: number, count: number): ReportBlock[] {
  const blocks: ReportBlock[] = [];
  for (let at = from; blocks.length < count; at += BLOCK_BYTES) {
    blocks.push({
      ssrc: packet.readUInt32BE(at),
      fractionLost: packet.readUInt8(at + 4),
      cumulativeLost: packet.readIntBE(at + 5, 3),
      highestSequence: packet.readUInt32BE(at + 8),
      jitter: packet.readUInt32BE(at + 12),
      lastSenderReport: packet.readUInt32BE(at + 16),
      delaySinceLast: packet.readUInt32BE(at + 20),
    });
  }
  return blocks;
}

/** What a sender report tells. */
export interface SenderInfo {
  readonly ssrc: number;
  /** Unix time in milliseconds. */
  readonly unixMs: number;
  /** The RTP timestamp of that moment, 32 bits. */
  readonly rtpTimestamp: number;
  /** Sent so far; modulo 2^32. */
  readonly packets: number;
  readonly octets: number;
}

/** The bytes of a sender report without blocks and its SDES. */
export function senderReportBytes(cname: string): number {
  return HEADER_BYTES + SSRC_BYTES + SENDER_INFO_BYTES + sdesBytes(cname);
}

/** A compound packet: a sender report, and the SDES with the sender's CNAME (RFC 3550 6.1 wants both). */
export function serializeSenderReport(info: SenderInfo, cname: string): Buffer {
  const out = Buffer.alloc(senderReportBytes(cname));
  writeSenderReport(out, 0, info, cname);
  return out;
}

/** Writes it at `at`; the place behind it. */
export function writeSenderReport(out: Buffer, from: number, info: SenderInfo, cname: string): number {
  const { ssrc, unixMs, rtpTimestamp, packets, octets } = info;
  let at = writeHeader(out, from, TYPE.senderReport, 0, HEADER_BYTES + SSRC_BYTES + SENDER_INFO_BYTES);
  at = out.writeUInt32BE(ssrc, at);
  const ntpMs = unixMs + NTP_EPOCH_MS;
  const seconds = Math.floor(ntpMs / 1000);
  at = out.writeUInt32BE(seconds % UINT32, at);
  at = out.writeUInt32BE(Math.floor(((ntpMs - seconds * 1000) / 1000) * NTP_FRACTION), at);
  at = out.writeUInt32BE(rtpTimestamp, at);
  at = out.writeUInt32BE(packets % UINT32, at);
  at = out.writeUInt32BE(octets % UINT32, at);
  return writeSdes(out, at, ssrc, cname);
}

/** A compound packet: a receiver report of up to 31 blocks, and the SDES with our CNAME. */
export function serializeReceiverReport(ssrc: number, blocks: readonly ReportBlock[], cname: string): Buffer {
  const reportBytes = HEADER_BYTES + SSRC_BYTES + blocks.length * BLOCK_BYTES;
  const out = Buffer.alloc(reportBytes + sdesBytes(cname));
  let at = writeHeader(out, 0, TYPE.receiverReport, blocks.length, reportBytes);
  at = out.writeUInt32BE(ssrc, at);
  for (const block of blocks) {
    at = out.writeUInt32BE(block.ssrc, at);
    at = out.writeUInt8(block.fractionLost, at);
    at = out.writeIntBE(block.cumulativeLost, at, 3);
    at = out.writeUInt32BE(block.highestSequence, at);
    at = out.writeUInt32BE(block.jitter, at);
    at = out.writeUInt32BE(block.lastSenderReport, at);
    at = out.writeUInt32BE(block.delaySinceLast, at);
  }
  writeSdes(out, at, ssrc, cname);
  return out;
}

/** A compound packet that takes leave: an empty receiver report, the SDES, BYE (RFC 3550 6.1, 6.6). */
export function serializeBye(ssrc: number, cname: string): Buffer {
  const bye = Buffer.alloc(HEADER_BYTES + SSRC_BYTES);
  bye.writeUInt32BE(ssrc, writeHeader(bye, 0, TYPE.bye, 1, bye.length));
  return Buffer.concat([serializeReceiverReport(ssrc, [], cname), bye]);
}

function writeHeader(out: Buffer, at: number, type: number, count: number, bytes: number): number {
  out.writeUInt8((RTP_VERSION << 6) | count, at);
  out.writeUInt8(type, at + 1);
  return out.writeUInt16BE(bytes / 4 - 1, at + 2);
}

/** One chunk with one item; at least one zero byte ends the list, and the chunk is filled up to 4 bytes (6.5). */
function sdesBytes(cname: string): number {
  const item = 2 + Math.min(cname.length, MAX_CNAME_BYTES);
  return HEADER_BYTES + SSRC_BYTES + ((item + 1 + 3) & ~3);
}

/** @param cname ASCII; cut to 255 characters */
function writeSdes(out: Buffer, from: number, ssrc: number, cname: string): number {
  const bytes = sdesBytes(cname);
  const length = Math.min(cname.length, MAX_CNAME_BYTES);
  let at = writeHeader(out, from, TYPE.sdes, 1, bytes);
  at = out.writeUInt32BE(ssrc, at);
  at = out.writeUInt8(SDES_CNAME, at);
  at = out.writeUInt8(length, at);
  at += out.write(cname, at, length, 'latin1');
  out.fill(0, at, from + bytes);
  return from + bytes;
}
