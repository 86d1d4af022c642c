/** Aggregate Message (RTMP 1.0 7.1.6): several audio, video and data messages in one, laid out as FLV tags. */
import type { Amf3Spent } from '../amf3.ts';
import { RtmpError } from '../error.ts';
import type { RawMessage } from '../raw-message.ts';
import type { AudioMessage } from './audio.ts';
import { audioMessage } from './audio.ts';
import type { DataMessage } from './data.ts';
import { parseData, serializeData } from './data.ts';
import { TYPE_AUDIO, TYPE_DATA_AMF0, TYPE_DATA_AMF3, TYPE_VIDEO } from './type-ids.ts';
import type { VideoMessage } from './video.ts';
import { videoMessage } from './video.ts';

export type MediaMessage = AudioMessage | VideoMessage | DataMessage;

export interface AggregateMessage {
  readonly type: 'aggregate';
  readonly streamId: number;
  /** Milliseconds, mod 2^32; that of the first inner message. */
  readonly timestamp: number;
  /** With timestamps on the stream's own line and the aggregate's stream id. */
  readonly messages: readonly MediaMessage[];
}

/** Messages in one aggregate; senders put some seconds of media into one, which are a few hundred. */
export const MAX_AGGREGATE_MESSAGES = 4096;

const TAG_HEADER = 11;
/** The back pointer behind each inner message. */
const BACK_POINTER = 4;

/**
 * Inner messages of other types are left out. A missing last back pointer is let pass.
 * @throws RtmpError (malformed) where an inner message reaches beyond the end, (limit) where there are too many
 */
export function parseAggregate(raw: RawMessage): AggregateMessage {
  const body = raw.payload;
  const messages: MediaMessage[] = [];
  const spent: Amf3Spent = { weight: 0 };
  let first: number | null = null;
  for (let at = 0; at < body.length; ) {
    const left = body.length - at;
    if (left < TAG_HEADER)
      throw new RtmpError('malformed', `an aggregate ends within a header: ${left} of ${TAG_HEADER} bytes`);
    const typeId = body.readUInt8(at);
    const length = body.readUIntBE(at + 1, 3);
    // As in FLV: the upper 8 bits follow the lower 24.
    const time = (body.readUIntBE(at + 4, 3) | (body.readUInt8(at + 7) << 24)) >>> 0;
    const start = at + TAG_HEADER;
    if (length > body.length - start) {
      throw new RtmpError(
        'malformed',
        `a message of ${length} bytes in an aggregate, which has ${body.length - start} left`,
      );
    }
    first ??= time;
    const timestamp = (raw.timestamp + time - first) >>> 0;
    const payload = body.subarray(start, start + length);
    const inner = parseMedia({ typeId, streamId: raw.streamId, timestamp, payload }, spent);
    if (inner !== null) messages.push(inner);
    if (messages.length > MAX_AGGREGATE_MESSAGES) {
      throw new RtmpError('limit', `an aggregate of more than the ${MAX_AGGREGATE_MESSAGES} messages that are allowed`);
    }
    at = start + length + BACK_POINTER;
  }
  return { type: 'aggregate', streamId: raw.streamId, timestamp: raw.timestamp, messages };
}

export function serializeAggregate(message: AggregateMessage): Buffer {
  const parts: Buffer[] = [];
  for (const inner of message.messages) {
    const body = inner.type === 'data' ? serializeData(inner) : inner.payload;
    const header = Buffer.alloc(TAG_HEADER);
    header[0] = innerTypeId(inner);
    header.writeUIntBE(body.length, 1, 3);
    header.writeUIntBE(inner.timestamp & 0xffffff, 4, 3);
    header[7] = inner.timestamp >>> 24;
    const back = Buffer.allocUnsafe(BACK_POINTER);
    back.writeUInt32BE(TAG_HEADER + body.length, 0);
    parts.push(header, body, back);
  }
  return Buffer.concat(parts);
}

/** Audio, video or data, or null; `spent` as in `parseAmf`. @throws RtmpError where data is not what it should be */
export function parseMedia(raw: RawMessage, spent?: Amf3Spent): MediaMessage | null {
  switch (raw.typeId) {
    case TYPE_AUDIO:
      return audioMessage(raw.streamId, raw.timestamp, raw.payload);
    case TYPE_VIDEO:
      return videoMessage(raw.streamId, raw.timestamp, raw.payload);
    case TYPE_DATA_AMF0:
    case TYPE_DATA_AMF3:
      return parseData(raw, spent);
    default:
      return null;
  }
}

function innerTypeId(message: MediaMessage): number {
  if (message.type === 'audio') return TYPE_AUDIO;
  return message.type === 'video' ? TYPE_VIDEO : TYPE_DATA_AMF0;
}
