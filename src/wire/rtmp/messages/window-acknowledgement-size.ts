/** Window Acknowledgement Size (RTMP 1.0 5.4.4): how often the sender wants to be told what arrived. */
import { mustHold, uint32Body } from './body.ts';

export interface WindowAcknowledgementSize {
  readonly type: 'window-acknowledgement-size';
  /** Bytes. */
  readonly size: number;
}

/** @throws RtmpError where the body is too short */
export function parseWindowAcknowledgementSize(payload: Buffer): WindowAcknowledgementSize {
  mustHold(payload, 4, 'Window Acknowledgement Size');
  return { type: 'window-acknowledgement-size', size: payload.readUInt32BE(0) };
}

export function serializeWindowAcknowledgementSize(message: WindowAcknowledgementSize): Buffer {
  return uint32Body(message.size);
}
