/** Abort Message (RTMP 1.0 5.4.2): the sender will not finish the message it began on a chunk stream. */
import { mustHold, uint32Body } from './body.ts';

export interface Abort {
  readonly type: 'abort';
  readonly csid: number;
}

/** @throws RtmpError where the body is too short */
export function parseAbort(payload: Buffer): Abort {
  mustHold(payload, 4, 'Abort');
  return { type: 'abort', csid: payload.readUInt32BE(0) };
}

export function serializeAbort(message: Abort): Buffer {
  return uint32Body(message.csid);
}
