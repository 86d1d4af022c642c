/** Reads whole-byte fields of a configuration record; running out of data is a CodecError, never a RangeError. */
import { tooShort } from './codec-error.ts';

export class ByteReader {
  readonly #data: Buffer;
  readonly #what: string;
  #at = 0;

  /** @param what names the structure in errors */
  constructor(data: Buffer, what: string) {
    this.#data = data;
    this.#what = what;
  }

  u8(): number {
    return this.#data.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#data.readUInt16BE(this.#advance(2));
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Buffer {
    const start = this.#advance(length);
    return this.#data.subarray(start, start + length);
  }

  #advance(count: number): number {
    const start = this.#at;
    if (start + count > this.#data.length) throw tooShort(this.#what, this.#data.length, start + count);
    this.#at = start + count;
    return start;
  }
}
