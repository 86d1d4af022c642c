/** What a peer can do wrong on the RTMP wire, as one Error class with a reason to switch on. */

export type RtmpErrorReason =
  /** The first bytes are another protocol (TLS, HTTP, RTSP), or a version of RTMP that does not exist. */
  | 'not-rtmp'
  /** RTMPE and its kin, version 6 and up. */
  | 'encrypted'
  /** A type 3 chunk on a chunk stream that had no header yet, or a header in the midst of another message. */
  | 'bad-chunk'
  /** A length, size or count beyond its named limit. */
  | 'limit'
  /** A message whose body is not what its type says. */
  | 'malformed';

/**
 * The peer broke the protocol; the connection cannot go on. The message states what was found and what is allowed, and is
 * fit for a log line.
 */
export class RtmpError extends Error {
  readonly reason: RtmpErrorReason;

  constructor(reason: RtmpErrorReason, message: string) {
    super(message);
    this.name = 'RtmpError';
    this.reason = reason;
  }
}
