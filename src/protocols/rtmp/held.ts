/** What a peer sends ahead of the answer to its publish or play: kept in order, within bounds. */
import { type RawMessage, RtmpError } from '../../wire/rtmp/index.ts';

/** More is a fault. Bytes. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Likewise, in messages: an empty one costs memory, too. */
const MAX_MESSAGES = 10_000;

export class HeldMessages {
  #messages: RawMessage[] = [];
  #bytes = 0;

  /** @throws RtmpError where that is too much */
  push(raw: RawMessage): void {
    this.#bytes += raw.payload.length;
    if (this.#bytes > MAX_BYTES) {
      throw new RtmpError('limit', `${this.#bytes} bytes ahead of the answer, allowed are ${MAX_BYTES}`);
    }
    if (this.#messages.length >= MAX_MESSAGES) {
      throw new RtmpError('limit', `more than ${MAX_MESSAGES} messages ahead of the answer`);
    }
    this.#messages.push(raw);
  }

  /** All of them, and none is left. */
  take(): readonly RawMessage[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
