/** What the fixed-size message bodies share: one length check, one 32-bit field. */
import { RtmpError } from '../error.ts';

/** @throws RtmpError (malformed) where `payload` is shorter than `size`; longer is let pass, as other servers do */
export function mustHold(payload: Buffer, size: number, what: string): void {
  if (payload.length >= size) return;
  throw new RtmpError('malformed', `${what} of ${payload.length} bytes, at least ${size} expected`);
}

/** The 4-byte body of the protocol control messages. */
export function uint32Body(value: number): Buffer {
  const body = Buffer.allocUnsafe(4);
  body.writeUInt32BE(value, 0);
  return body;
}
