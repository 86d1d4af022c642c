/** Reads and writes fields that are not whole bytes: parameter sets, AudioSpecificConfig. */
import { CodecError, tooLarge } from './codec-error.ts';

/** ue(v) codes of more leading zeros than this do not fit 32 bits (ITU-T H.264 9.1). */
const MAX_EXP_GOLOMB_ZEROS = 31;
/** A field of more bits than this has to be read in parts. */
const MAX_FIELD_BITS = 32;

/** Reads bits, most significant first. Running out of data throws a `CodecError`. */
export class BitReader {
  readonly #data: Buffer;
  #position = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get bitsLeft(): number {
    return this.#data.length * 8 - this.#position;
  }

  /** u(n), n up to 32, unsigned. */
  bits(count: number): number {
    if (count > MAX_FIELD_BITS) throw tooLarge('field width in bits', count, MAX_FIELD_BITS);
    this.#need(count);
    let value = 0;
    let left = count;
    while (left > 0) {
      const inByte = this.#position & 7;
      const take = Math.min(8 - inByte, left);
      const byte = this.#data[this.#position >> 3] ?? 0;
      value = value * 2 ** take + ((byte >> (8 - inByte - take)) & ((1 << take) - 1));
      this.#position += take;
      left -= take;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  skip(count: number): void {
    this.#need(count);
    this.#position += count;
  }

  /** Moves to the next whole byte. */
  align(): void {
    this.#position = (this.#position + 7) & ~7;
  }

  /** ue(v), ITU-T H.264 9.1. */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros++;
      if (zeros > MAX_EXP_GOLOMB_ZEROS)
        throw tooLarge('leading zeros of an Exp-Golomb code', zeros, MAX_EXP_GOLOMB_ZEROS);
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** ue(v) that must not be above `limit`. */
  ueUpTo(limit: number, what: string): number {
    const value = this.ue();
    if (value > limit) throw tooLarge(what, value, limit);
    return value;
  }

  /** se(v), ITU-T H.264 9.1.1. */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  #need(count: number): void {
    if (count <= this.bitsLeft) return;
    throw new CodecError(`${count} bits are wanted, ${this.bitsLeft} are left`, count, this.bitsLeft);
  }
}

/** Writes bits, most significant first; the last byte is filled with zeros. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #used = 0;

  /** u(n), n up to 32. */
  bits(value: number, count: number): void {
    for (let shift = count - 1; shift >= 0; shift--) {
      if (this.#used % 8 === 0) this.#bytes.push(0);
      const bit = Math.floor(value / 2 ** shift) % 2;
      const last = this.#bytes.length - 1;
      this.#bytes[last] = (this.#bytes[last] ?? 0) | (bit << (7 - (this.#used % 8)));
      this.#used++;
    }
  }

  toBuffer(): Buffer {
    return Buffer.from(this.#bytes);
  }
}
