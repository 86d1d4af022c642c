/** Set Peer Bandwidth (RTMP 1.0 5.4.5): the window that the receiver is to keep to. */
import { mustHold } from './body.ts';

const LIMITS = ['hard', 'soft', 'dynamic'] as const;

export interface SetPeerBandwidth {
  readonly type: 'set-peer-bandwidth';
  /** Bytes. */
  readonly size: number;
  readonly limit: (typeof LIMITS)[number];
}

/** An unknown limit type is taken as dynamic, the one that may be ignored. @throws RtmpError where the body is too short */
export function parseSetPeerBandwidth(payload: Buffer): SetPeerBandwidth {
  mustHold(payload, 5, 'Set Peer Bandwidth');
  return {
    type: 'set-peer-bandwidth',
    size: payload.readUInt32BE(0),
    limit: LIMITS[payload.readUInt8(4)] ?? 'dynamic',
  };
}

export function serializeSetPeerBandwidth(message: SetPeerBandwidth): Buffer {
  const body = Buffer.allocUnsafe(5);
  body.writeUInt32BE(message.size, 0);
  body[4] = LIMITS.indexOf(message.limit);
  return body;
}
