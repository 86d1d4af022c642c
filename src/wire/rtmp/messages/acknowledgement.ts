/** Acknowledgement (RTMP 1.0 5.4.3): how much the sender has received so far. */
import { mustHold, uint32Body } from './body.ts';

export interface Acknowledgement {
  readonly type: 'acknowledgement';
  /** Bytes received, mod 2^32. */
  readonly sequence: number;
}

/** @throws RtmpError where the body is too short */
export function parseAcknowledgement(payload: Buffer): Acknowledgement {
  mustHold(payload, 4, 'Acknowledgement');
  return { type: 'acknowledgement', sequence: payload.readUInt32BE(0) };
}

export function serializeAcknowledgement(message: Acknowledgement): Buffer {
  return uint32Body(message.sequence);
}
