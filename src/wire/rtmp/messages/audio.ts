/** Audio Message (RTMP 1.0 7.1.4): its payload is the body of an FLV audio tag. */

export interface AudioMessage {
  readonly type: 'audio';
  readonly streamId: number;
  /** Milliseconds, mod 2^32. */
  readonly timestamp: number;
  readonly payload: Buffer;
}

export function audioMessage(streamId: number, timestamp: number, payload: Buffer): AudioMessage {
  return { type: 'audio', streamId, timestamp, payload };
}
