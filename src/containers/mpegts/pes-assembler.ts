/** PES packets put together from the packets of one PID. */
import { MAX_PES_LENGTH, PES_START_BYTES, type PesPacket, parsePes } from './pes.ts';

/** The largest PES packet of video, which need not say its length: several times what a key frame of 4K video takes. */
export const MAX_VIDEO_PES_BYTES: number = 16 * 1024 * 1024;
/** The largest of audio, which must say its length (ISO 13818-1 2.4.3.7). */
export const MAX_AUDIO_PES_BYTES: number = PES_START_BYTES + MAX_PES_LENGTH;

export type PesResult = PesPacket | string;

/** Takes the payloads of a PID in order; gives whole PES packets, and in words what was wrong with others. */
export class PesAssembler {
  readonly #maxBytes: number;
  /** Nothing here: none has begun, wait for a packet in which one does. */
  #pieces: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A packet was lost, and with it what was begun. */
  reset(): void {
    this.#pieces = [];
    this.#size = 0;
  }

  /**
   * @param starts payload_unit_start_indicator
   * @returns what is complete by this payload: the packet before it, where that did not say its length, and its own
   */
  push(payload: Buffer, starts: boolean): PesResult[] {
    const found: PesResult[] = [];
    if (payload.length === 0) return found;
    if (starts) {
      const before = this.end();
      if (before !== null) found.push(before);
    } else if (this.#size === 0) {
      return found; // joined in the middle of it, or it was given up
    }
    const only = this.#pieces.length === 1 ? this.#pieces[0] : undefined;
    // the length is read from the first piece, which must have it whole
    if (only !== undefined && only.length < PES_START_BYTES) this.#pieces[0] = Buffer.concat([only, payload]);
    else this.#pieces.push(payload);
    this.#size += payload.length;
    if (this.#size > this.#maxBytes) {
      found.push(`a PES packet has ${this.#size} bytes and more, at most ${this.#maxBytes} are allowed`);
      this.reset();
      return found;
    }
    const whole = this.#wantedBytes();
    if (whole !== null && this.#size >= whole) found.push(this.#take(whole));
    return found;
  }

  /** What has begun is over: a packet that did not say its length is complete by that, another is cut short. */
  end(): PesResult | null {
    if (this.#size === 0) return null;
    const whole = this.#wantedBytes();
    if (whole === null) return this.#take(this.#size);
    const size = this.#size;
    this.reset();
    return `a PES packet ended after ${size} bytes of ${whole}`;
  }

  /** What the packet says that it has; null where it does not, or is too short yet to say. */
  #wantedBytes(): number | null {
    const first = this.#pieces[0];
    if (first === undefined || first.length < PES_START_BYTES) return null;
    const length = first.readUInt16BE(4);
    return length === 0 ? null : PES_START_BYTES + length;
  }

  #take(size: number): PesResult {
    const bytes = Buffer.concat(this.#pieces, size);
    this.reset();
    return parsePes(bytes) ?? `no PES packet header at the start of ${size} bytes`;
  }
}
