/** AMF in message bodies: AMF0 that may switch to AMF3, with one kind of error. */
import type { AmfValue } from '../../../containers/flv/index.ts';
import { Amf0Error, parseAmf0, serializeAmf0 } from '../../../containers/flv/index.ts';
import { Amf3Error, type Amf3Spent, readAmf3 } from '../amf3.ts';
import { RtmpError } from '../error.ts';

/**
 * Where AMF0 begins in the body of an AMF3 message (types 15, 17): behind a zero byte, which some peers leave out. No value
 * that can open a message begins with zero itself, so there is no doubt.
 */
export function amfOffset(payload: Buffer, isAmf3: boolean): number {
  return isAmf3 && payload[0] === 0 ? 1 : 0;
}

/**
 * All values of a body from `offset` on.
 * @param spent by the message that the body is a part of
 * @throws RtmpError (malformed)
 */
export function parseAmf(payload: Buffer, offset: number, spent: Amf3Spent = { weight: 0 }): AmfValue[] {
  try {
    return parseAmf0(payload, offset, (data, at) => readAmf3(data, at, spent));
  } catch (error) {
    throw asRtmpError(error);
  }
}

/** The values of a body as AMF0 alone; `spent` as in `parseAmf`. @throws RtmpError (malformed) where AMF0 cannot hold them */
export function withoutAmf3(payload: Buffer, offset: number, spent?: Amf3Spent): Buffer {
  const values = parseAmf(payload, offset, spent);
  try {
    return serializeAmf0(...values);
  } catch (error) {
    throw asRtmpError(error);
  }
}

function asRtmpError(error: unknown): unknown {
  if (error instanceof Amf0Error || error instanceof Amf3Error) return new RtmpError('malformed', error.message);
  return error;
}
