/** Audio frames to RTP packets: AAC (RFC 3640, mode AAC-hbr), MPEG audio (RFC 2250), G711 (RFC 3551), Opus (RFC 7587). */
import type { AudioFrame, AudioTrack } from '../../media/index.ts';
import { type OutTrack, PACKET_OVERHEAD_BYTES } from './out-track.ts';
import { MAX_PAYLOAD_BYTES, RTP_HEADER_BYTES } from './packet.ts';

/** AU-headers-length and one AU header of AAC; MBZ and Frag_offset of MPEG audio. */
const PREFIX_BYTES = 4;
/** AU-size has 13 bits. */
const MAX_AAC_BYTES = 0x1fff;
/** Frag_offset has 16 bits; no layer's frames are nearly as long. */
const MAX_MPEG_BYTES = 0xffff;
/** An Opus packet cannot be cut: what the length of an interleaved frame leaves. */
const MAX_OPUS_BYTES: number = 0xffff - RTP_HEADER_BYTES;
/** Frames of no length, or beyond this, come from no G711 source: 8 s. */
const MAX_G711_BYTES = 64 * 1024;

/** Sizes a frame up (`plan`), then writes its packets (`write`). */
export class AudioPacketizer {
  readonly #codec: AudioTrack['codec'];
  readonly #prefixBytes: number;
  readonly #maxFrameBytes: number;
  /** What one packet carries of a frame. */
  readonly #pieceBytes: number;
  /** Samples of G711 are bytes, one for each channel; of other codecs all packets of a frame have its timestamp. */
  readonly #bytesPerTick: number;

  constructor(track: AudioTrack) {
    const { codec } = track;
    this.#codec = codec;
    const isFramed = codec === 'AAC' || codec === 'MP3';
    const isG711 = codec === 'PCMA' || codec === 'PCMU';
    this.#prefixBytes = isFramed ? PREFIX_BYTES : 0;
    this.#bytesPerTick = isG711 ? Math.max(1, track.channels) : Number.POSITIVE_INFINITY;
    if (codec === 'OPUS') {
      this.#maxFrameBytes = MAX_OPUS_BYTES;
      this.#pieceBytes = MAX_OPUS_BYTES;
      return;
    }
    this.#maxFrameBytes = isG711 ? MAX_G711_BYTES : codec === 'AAC' ? MAX_AAC_BYTES : MAX_MPEG_BYTES;
    const room = MAX_PAYLOAD_BYTES - this.#prefixBytes;
    this.#pieceBytes = isG711 ? room - (room % this.#bytesPerTick) : room;
  }

  /** The size in bytes of what `write` will write; 0 where the frame is empty, or longer than its framing can say. */
  plan(frame: AudioFrame): number {
    const { length } = frame.data;
    if (length === 0 || length > this.#maxFrameBytes) return 0;
    return Math.ceil(length / this.#pieceBytes) * (PACKET_OVERHEAD_BYTES + this.#prefixBytes) + length;
  }

  /** Writes the frame that was planned last; the place behind it. */
  write(out: Buffer, from: number, frame: AudioFrame, to: OutTrack): number {
    const { data } = frame;
    const timestamp = to.timestamp(frame.pts);
    let place = from;
    for (let at = 0; at < data.length; ) {
      const next = Math.min(data.length, at + this.#pieceBytes);
      // RFC 3640 3.1: with the end of an access unit; the others have it after silence only, which is not told here
      const marker = this.#codec === 'AAC' && next === data.length;
      const later = Math.floor(at / this.#bytesPerTick);
      place = to.beginPacket(out, place, this.#prefixBytes + next - at, marker, (timestamp + later) % 2 ** 32);
      if (this.#codec === 'AAC') {
        place = out.writeUInt16BE(16, place);
        place = out.writeUInt16BE(data.length << 3, place);
      } else if (this.#codec === 'MP3') place = out.writeUInt32BE(at, place);
      place += data.copy(out, place, at, next);
      at = next;
    }
    return place;
  }
}
