/** A message as the chunk stream carries it, before anything is known of its body. */

export interface RawMessage {
  /** RTMP 5.4, 6 and 7.1. */
  readonly typeId: number;
  /** Message stream: 0 for the connection itself, else what createStream gave. */
  readonly streamId: number;
  /** Milliseconds, mod 2^32. */
  readonly timestamp: number;
  readonly payload: Buffer;
}
