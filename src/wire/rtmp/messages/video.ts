/** Video Message (RTMP 1.0 7.1.5): its payload is the body of an FLV video tag, also where that is of enhanced RTMP. */

export interface VideoMessage {
  readonly type: 'video';
  readonly streamId: number;
  /** Milliseconds, mod 2^32: the decoding time. */
  readonly timestamp: number;
  readonly payload: Buffer;
}

export function videoMessage(streamId: number, timestamp: number, payload: Buffer): VideoMessage {
  return { type: 'video', streamId, timestamp, payload };
}
