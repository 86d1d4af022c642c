/** Batches of interleaved binary data (RFC 2326 10.12) as our muxer writes them, taken apart again. */
import { RTP_HEADER_BYTES } from './packet.ts';

/** `$`, the channel, and the length of the packet in 16 bits. */
export const INTERLEAVED_HEADER_BYTES = 4;
export const INTERLEAVED_MAGIC = 0x24;

/**
 * Calls `each` with the channel of every packet in `batch`, and where its bytes begin and end. The batch holds whole packets,
 * as the muxer and the fan-out write them; what is not framed so ends the walk.
 */
export function splitInterleaved(batch: Buffer, each: (channel: number, start: number, end: number) => void): void {
  for (let at = 0; at + INTERLEAVED_HEADER_BYTES <= batch.length; ) {
    const start = at + INTERLEAVED_HEADER_BYTES;
    const end = start + batch.readUInt16BE(at + 2);
    if (batch[at] !== INTERLEAVED_MAGIC || end > batch.length) return;
    each(batch.readUInt8(at + 1), start, end);
    at = end;
  }
}

/** Sequence number and timestamp of the first RTP packet on a channel in the batch, for RTP-Info (RFC 2326 12.33). */
export function firstRtp(batch: Buffer, channel: number): { sequence: number; rtptime: number } | null {
  let first: { sequence: number; rtptime: number } | null = null;
  splitInterleaved(batch, (found, start, end) => {
    if (first !== null || found !== channel || end - start < RTP_HEADER_BYTES) return;
    first = { sequence: batch.readUInt16BE(start + 2), rtptime: batch.readUInt32BE(start + 4) };
  });
  return first;
}

/** Writes the frame's header; the place behind it. */
export function writeInterleavedHeader(out: Buffer, at: number, channel: number, length: number): number {
  out.writeUInt8(INTERLEAVED_MAGIC, at);
  out.writeUInt8(channel, at + 1);
  return out.writeUInt16BE(length, at + 2);
}
