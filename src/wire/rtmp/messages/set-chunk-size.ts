/** Set Chunk Size (RTMP 1.0 5.4.1): the sender's chunks are this long from the next one on. */
import { RtmpError } from '../error.ts';
import { mustHold, uint32Body } from './body.ts';

export interface SetChunkSize {
  readonly type: 'set-chunk-size';
  /** Bytes. */
  readonly size: number;
}

/** Largest chunk size accepted, bytes. No message is longer than 2^24 - 1, so a larger one can mean nothing more. */
export const MAX_CHUNK_SIZE = 16 * 1024 * 1024;

/** @throws RtmpError where the size is 0, over MAX_CHUNK_SIZE, or has bit 31 set */
export function parseSetChunkSize(payload: Buffer): SetChunkSize {
  mustHold(payload, 4, 'Set Chunk Size');
  const size = payload.readUInt32BE(0);
  if (size < 1 || size > MAX_CHUNK_SIZE) {
    throw new RtmpError('limit', `Set Chunk Size ${size}, 1 to ${MAX_CHUNK_SIZE} allowed`);
  }
  return { type: 'set-chunk-size', size };
}

export function serializeSetChunkSize(message: SetChunkSize): Buffer {
  return uint32Body(message.size);
}
