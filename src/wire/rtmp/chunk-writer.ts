/** Messages to chunk stream (RTMP 1.0 5.3). */
import { DEFAULT_CHUNK_SIZE } from './chunk-reader.ts';
import type { RtmpMessage } from './messages/message.ts';
import { serializeMessage } from './messages/message.ts';
import {
  TYPE_AUDIO,
  TYPE_COMMAND_AMF0,
  TYPE_COMMAND_AMF3,
  TYPE_DATA_AMF0,
  TYPE_DATA_AMF3,
  TYPE_VIDEO,
} from './messages/type-ids.ts';

/** Chunk streams we send on, as other servers use them: players need nothing of it, but some debuggers go by it. */
export const CSID_CONTROL = 2;
export const CSID_COMMAND = 3;
export const CSID_AUDIO = 4;
export const CSID_DATA = 5;
export const CSID_VIDEO = 6;

const EXTENDED = 0xffffff;
const NO_PREFIX: Buffer = Buffer.alloc(0);

/** Serializes messages one after the other; keeps the chunk size that it announced itself. */
export class ChunkWriter {
  #chunkSize = DEFAULT_CHUNK_SIZE;

  /** The message's bytes, in one Buffer. A Set Chunk Size holds from the next message on. */
  write(message: RtmpMessage): Buffer {
    const raw = serializeMessage(message);
    const csid = csidFor(raw.typeId);
    const out = chunkMessage(csid, raw.typeId, raw.streamId, raw.timestamp, NO_PREFIX, raw.payload, this.#chunkSize);
    if (message.type === 'set-chunk-size') this.#chunkSize = message.size;
    return out;
  }
}

/**
 * One message as a type 0 chunk and its type 3 continuations, in one exact Buffer. Hot: called once per frame and stream.
 * @param csid chunk stream, 2 to 65599
 * @param timestamp milliseconds, taken mod 2^32
 * @param prefix what comes before `payload` in the message's body (an FLV tag's body header); both are copied once
 */
export function chunkMessage(
  csid: number,
  typeId: number,
  streamId: number,
  timestamp: number,
  prefix: Uint8Array,
  payload: Buffer,
  chunkSize: number,
): Buffer {
  const time = timestamp >>> 0;
  const extended = time >= EXTENDED;
  const basicSize = csid < 64 ? 1 : csid < 320 ? 2 : 3;
  const prefixLength = prefix.length;
  const length = prefixLength + payload.length;
  const continuations = length > chunkSize ? Math.ceil(length / chunkSize) - 1 : 0;
  const perChunk = basicSize + (extended ? 4 : 0);
  const out = Buffer.allocUnsafe(perChunk * (continuations + 1) + 11 + length);

  let at = writeBasicHeader(out, 0, 0, csid);
  at = out.writeUIntBE(extended ? EXTENDED : time, at, 3);
  at = out.writeUIntBE(length, at, 3);
  out[at++] = typeId;
  at = out.writeUInt32LE(streamId, at);
  if (extended) at = out.writeUInt32BE(time, at);
  let done = 0;
  for (;;) {
    const end = Math.min(done + chunkSize, length);
    while (done < end && done < prefixLength) out[at++] = prefix[done++] ?? 0;
    if (done < end) at += payload.copy(out, at, done - prefixLength, end - prefixLength);
    done = end;
    if (done === length) return out;
    at = writeBasicHeader(out, at, 0xc0, csid);
    if (extended) at = out.writeUInt32BE(time, at);
  }
}

/** RTMP 5.3.1.1. */
function writeBasicHeader(out: Buffer, at: number, fmtBits: number, csid: number): number {
  if (csid < 64) {
    out[at] = fmtBits | csid;
    return at + 1;
  }
  const rest = csid - 64;
  out[at + 1] = rest & 0xff;
  if (csid < 320) {
    out[at] = fmtBits;
    return at + 2;
  }
  out[at] = fmtBits | 1;
  out[at + 2] = rest >> 8;
  return at + 3;
}

function csidFor(typeId: number): number {
  switch (typeId) {
    case TYPE_AUDIO:
      return CSID_AUDIO;
    case TYPE_VIDEO:
      return CSID_VIDEO;
    case TYPE_DATA_AMF0:
    case TYPE_DATA_AMF3:
      return CSID_DATA;
    case TYPE_COMMAND_AMF0:
    case TYPE_COMMAND_AMF3:
      return CSID_COMMAND;
    default:
      return typeId < TYPE_AUDIO ? CSID_CONTROL : CSID_COMMAND;
  }
}
