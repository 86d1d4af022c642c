/** RTP packets over TCP: each behind its length in 16 bits (RFC 4571 2), which bounds it. */
import { ByteQueue } from '../../media/index.ts';

const LENGTH_BYTES = 2;

/** Bytes in, whole packets out. A length of 0 is a sign of life and no packet. */
export class FrameReader {
  readonly #queue = new ByteQueue();

  push(bytes: Buffer): Buffer[] {
    this.#queue.push(bytes);
    const packets: Buffer[] = [];
    while (this.#queue.length >= LENGTH_BYTES) {
      const length = this.#queue.byteAt(0) * 256 + this.#queue.byteAt(1);
      if (this.#queue.length < LENGTH_BYTES + length) break;
      this.#queue.skip(LENGTH_BYTES);
      if (length > 0) packets.push(this.#queue.consume(length));
    }
    return packets;
  }
}
