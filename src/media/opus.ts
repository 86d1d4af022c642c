/** What Opus's own bytes say: a packet's duration (RFC 6716 3.1) and the identification header (RFC 7845 5.1). */
import { CodecError, tooLarge, tooShort } from './codec-error.ts';
import type { OpusTrack } from './track.ts';

const MAGIC = Buffer.from('OpusHead', 'latin1');
/** Without the channel mapping table. */
const HEAD_BYTES = 19;
/** Channel mapping family 1 goes up to 7.1 (RFC 7845 5.1.1.2). */
const MAX_CHANNELS = 8;
/** RFC 6716 3.4, R5. */
const MAX_PACKET_MS = 120;
/** Samples at 48 kHz that a decoder drops at the start: what encoders at their default settings say, 6.5 ms. */
const DEFAULT_PRE_SKIP = 312;

/** Of one frame, by the lowest bits of the TOC's config (RFC 6716 table 2). */
const SILK_MS = [10, 20, 40, 60] as const;
const HYBRID_MS = [10, 20] as const;
const CELT_MS = [2.5, 5, 10, 20] as const;

/** Streams, coupled streams and order of family 1, by channels (RFC 7845 5.1.1.2, Vorbis order). */
const SURROUND: readonly (readonly number[])[] = [
  [1, 0, 0],
  [1, 1, 0, 1],
  [2, 1, 0, 2, 1],
  [2, 2, 0, 1, 2, 3],
  [3, 2, 0, 4, 1, 2, 3],
  [4, 2, 0, 4, 1, 2, 3, 5],
  [4, 3, 0, 4, 1, 2, 3, 5, 6],
  [5, 3, 0, 6, 1, 2, 3, 4, 5, 7],
];

/**
 * How long a packet plays, in milliseconds (may be 2.5).
 * @throws CodecError where the packet is empty or says more than 120 ms
 */
export function opusPacketDuration(packet: Buffer): number {
  const toc = packet[0];
  if (toc === undefined) throw tooShort('Opus packet', 0, 1);
  const duration = frameDuration(toc >> 3) * frameCount(packet, toc & 3);
  if (duration > MAX_PACKET_MS) throw tooLarge('duration of an Opus packet in ms', duration, MAX_PACKET_MS);
  return duration;
}

function frameDuration(config: number): number {
  if (config < 12) return SILK_MS[config & 3] ?? 0;
  if (config < 16) return HYBRID_MS[config & 1] ?? 0;
  return CELT_MS[config & 3] ?? 0;
}

function frameCount(packet: Buffer, code: number): number {
  if (code === 0) return 1;
  if (code < 3) return 2;
  const count = packet[1];
  if (count === undefined) throw tooShort('Opus packet of code 3', 1, 2);
  // RFC 6716 3.2.5: M must not be zero
  if ((count & 0x3f) === 0) throw new CodecError('an Opus packet of no frames', 0);
  return count & 0x3f;
}

/** 1 or 2: what the packet's TOC says. */
export function opusPacketChannels(packet: Buffer): number {
  return ((packet[0] ?? 0) & 4) === 0 ? 1 : 2;
}

export function opusTrack(channels: number): OpusTrack {
  return { kind: 'audio', codec: 'OPUS', sampleRate: 48000, channels };
}

/**
 * The track of an identification header.
 * @throws CodecError where it is none, or of an unknown major version
 */
export function parseOpusHead(head: Buffer): OpusTrack {
  if (head.length < HEAD_BYTES) throw tooShort('OpusHead', head.length, HEAD_BYTES);
  if (!head.subarray(0, MAGIC.length).equals(MAGIC))
    throw new CodecError('an Opus header does not begin with OpusHead');
  const version = head.readUInt8(8);
  if (version > 15) throw tooLarge('OpusHead version', version, 15);
  const channels = head.readUInt8(9);
  if (channels < 1 || channels > MAX_CHANNELS) throw channelError(channels);
  return opusTrack(channels);
}

/** @throws CodecError where the track has no channels or more than 8 */
export function serializeOpusHead(track: OpusTrack): Buffer {
  const { channels, sampleRate } = track;
  const mapping = SURROUND[channels - 1];
  if (mapping === undefined) throw channelError(channels);
  const family = channels > 2 ? 1 : 0;
  const head = Buffer.alloc(HEAD_BYTES + (family === 1 ? mapping.length : 0));
  MAGIC.copy(head);
  head.writeUInt8(1, 8);
  head.writeUInt8(channels, 9);
  head.writeUInt16LE(DEFAULT_PRE_SKIP, 10);
  head.writeUInt32LE(sampleRate, 12);
  head.writeUInt8(family, 18); // output gain, before it, is 0
  if (family === 1) head.set(mapping, HEAD_BYTES);
  return head;
}

function channelError(channels: number): CodecError {
  return new CodecError(`Opus of ${channels} channels, 1 to ${MAX_CHANNELS} are allowed`, channels, MAX_CHANNELS);
}
