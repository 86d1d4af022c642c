/** Data Message (RTMP 1.0 7.1.2): metadata and other script data, AMF0 (type 18) or AMF3 (type 15). */
import type { Amf3Spent } from '../amf3.ts';
import type { RawMessage } from '../raw-message.ts';
import { amfOffset, withoutAmf3 } from './amf.ts';
import { TYPE_DATA_AMF3 } from './type-ids.ts';

/** The AMF0 string that a publisher puts before what the server is to keep and pass on to players. */
/** AMF0 string before the metadata of a publisher, which asks the server to keep them. */
export const SET_DATA_FRAME = Buffer.from('\x02\x00\x0d@setDataFrame', 'latin1');

export interface DataMessage {
  readonly type: 'data';
  readonly streamId: number;
  /** Milliseconds, mod 2^32. */
  readonly timestamp: number;
  /** Whether `@setDataFrame` came before it, or is to be sent before it. */
  readonly setDataFrame: boolean;
  /** AMF0 values from the name on (`onMetaData`, …), as in the body of an FLV script tag; not looked into. */
  readonly payload: Buffer;
}

/** AMF3 is turned into AMF0; `spent` as in `parseAmf`. @throws RtmpError (malformed) where that cannot be done */
export function parseData(raw: RawMessage, spent?: Amf3Spent): DataMessage {
  let payload = raw.payload;
  if (raw.typeId === TYPE_DATA_AMF3) payload = withoutAmf3(payload, amfOffset(payload, true), spent);
  const setDataFrame = payload.subarray(0, SET_DATA_FRAME.length).equals(SET_DATA_FRAME);
  if (setDataFrame) payload = payload.subarray(SET_DATA_FRAME.length);
  return { type: 'data', streamId: raw.streamId, timestamp: raw.timestamp, setDataFrame, payload };
}

export function serializeData(message: DataMessage): Buffer {
  return message.setDataFrame ? Buffer.concat([SET_DATA_FRAME, message.payload]) : message.payload;
}
