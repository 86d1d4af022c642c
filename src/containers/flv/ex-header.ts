/** What enhanced RTMP's video and audio headers share: ModEx, multitrack, FourCC (Veovera, Enhanced RTMP v2). */
import { CodecError } from '../../media/index.ts';

/** VideoPacketType and AudioPacketType, as far as they are the same or known here. */
export const EX_PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  /** Video only: coded frames without a composition time. */
  codedFramesX: 3,
  /** Video: metadata (colour); audio: multichannel configuration. */
  metadata: 4,
  modEx: 7,
} as const;

const MULTITRACK = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;
/** The track that a receiver of one track takes. */
const DEFAULT_TRACK = 0;

export interface ExPacket {
  readonly packetType: number;
  readonly fourCc: string;
  /** What follows the FourCC, for track 0 alone: a view. */
  readonly body: Buffer;
}

/**
 * Skips ModEx fields at `at`.
 * @returns the packet type behind them, and where the header goes on
 * @throws CodecError where the body ends early
 */
export function skipModEx(body: Buffer, at: number, packetType: number): { packetType: number; at: number } {
  let type = packetType;
  let next = at;
  while (type === EX_PACKET.modEx) {
    need(body, next, 1);
    let size = body.readUInt8(next) + 1;
    next += 1;
    if (size === 256) {
      need(body, next, 2);
      size = body.readUInt16BE(next) + 1;
      next += 2;
    }
    need(body, next + size, 1);
    type = body.readUInt8(next + size) & 0x0f; // the upper four bits say which ModEx it was
    next += size + 1;
  }
  return { packetType: type, at: next };
}

/**
 * Reads FourCC and, where `packetType` is `multitrack`, what comes for track 0.
 * @param at where the FourCC or the multitrack header is
 * @returns null where the message has nothing for track 0
 * @throws CodecError where the body ends early
 */
export function readExPacket(body: Buffer, at: number, packetType: number, multitrack: number): ExPacket | null {
  if (packetType !== multitrack) return { packetType, fourCc: fourCcAt(body, at), body: body.subarray(at + 4) };
  need(body, at, 1);
  const types = body.readUInt8(at);
  const layout = types >> 4;
  const inner = types & 0x0f;
  if (layout > MULTITRACK.manyTracksManyCodecs) {
    throw new CodecError(`multitrack type ${layout}, at most 2 is known`, layout, MULTITRACK.manyTracksManyCodecs);
  }
  let next = at + 1;
  let fourCc = '';
  if (layout !== MULTITRACK.manyTracksManyCodecs) {
    fourCc = fourCcAt(body, next);
    next += 4;
  }
  while (next < body.length) {
    if (layout === MULTITRACK.manyTracksManyCodecs) {
      fourCc = fourCcAt(body, next);
      next += 4;
    }
    need(body, next, 1);
    const track = body.readUInt8(next);
    next += 1;
    let size = body.length - next;
    if (layout !== MULTITRACK.oneTrack) {
      need(body, next, 3);
      size = body.readUIntBE(next, 3);
      next += 3;
      need(body, next, size);
    }
    if (track === DEFAULT_TRACK) return { packetType: inner, fourCc, body: body.subarray(next, next + size) };
    next += size;
  }
  return null;
}

function fourCcAt(body: Buffer, at: number): string {
  need(body, at, 4);
  return body.toString('latin1', at, at + 4);
}

/** A FourCC fit for logs. */
export function printableFourCc(fourCc: string): string {
  return /^[ -~]{4}$/.test(fourCc) ? fourCc : `0x${Buffer.from(fourCc, 'latin1').toString('hex')}`;
}

function need(body: Buffer, at: number, count: number): void {
  if (at + count <= body.length) return;
  const left = Math.max(0, body.length - at);
  throw new CodecError(`enhanced RTMP header: ${count} bytes are due at ${at}, ${left} are left`, count, left);
}
