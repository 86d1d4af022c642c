/** What a peer can do wrong on the RTSP wire, as one Error class with a reason to switch on. */

export type RtspErrorReason =
  /** The bytes are another protocol (TLS, HTTP). */
  | 'not-rtsp'
  /** A length beyond its named limit. */
  | 'limit'
  /** A message, header or description that is not what the standard says. */
  | 'malformed';

/**
 * The peer broke the protocol. The message states what was found and what is allowed, and is fit for a log line.
 * Thrown by `RtspReader` it means that the connection cannot go on: where the next message begins is not known.
 */
export class RtspError extends Error {
  readonly reason: RtspErrorReason;

  constructor(reason: RtspErrorReason, message: string) {
    super(message);
    this.name = 'RtspError';
    this.reason = reason;
  }
}
