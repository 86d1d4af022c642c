/** AAC out of RTP payloads of MPEG4-GENERIC (RFC 3640): access units behind their headers, several a packet or in fragments. */
import { BitReader } from '../../media/index.ts';

/** The AU-headers-length field, RFC 3640 3.2.1. */
const HEADERS_LENGTH_BYTES = 2;
/** Lengths that modes stand for where the parameters are missing (RFC 3640 3.3.5, 3.3.6). */
const MODE_LENGTHS: ReadonlyMap<string, { size: number; index: number; indexDelta: number }> = new Map([
  ['aac-hbr', { size: 13, index: 3, indexDelta: 3 }],
  ['aac-lbr', { size: 6, index: 2, indexDelta: 2 }],
]);
const MAX_FIELD_BITS = 16;
/** Fields of the AU header that no AAC sender uses; where one is announced, the headers cannot be read without it. */
const UNREAD = ['ctsdeltalength', 'dtsdeltalength', 'randomaccessindication', 'streamstateindication'];

interface Fragment {
  readonly timestamp: number;
  readonly size: number;
  readonly parts: Buffer[];
  bytes: number;
}

export class AacDepacketizer {
  readonly #sizeLength: number;
  readonly #indexLength: number;
  readonly #indexDeltaLength: number;
  readonly #auxiliary: number;
  #fragment: Fragment | null = null;

  private constructor(size: number, index: number, indexDelta: number, auxiliary: number) {
    this.#sizeLength = size;
    this.#indexLength = index;
    this.#indexDeltaLength = indexDelta;
    this.#auxiliary = auxiliary;
  }

  /** By the format parameters of the session description; the reason where they ask for what is not read. */
  static create(fmtp: Readonly<Record<string, string>>): AacDepacketizer | string {
    const mode = MODE_LENGTHS.get(fmtp['mode']?.toLowerCase() ?? 'aac-hbr');
    const lengths = [
      fieldLength(fmtp, 'sizelength', mode?.size ?? 0),
      fieldLength(fmtp, 'indexlength', mode?.index ?? 0),
      fieldLength(fmtp, 'indexdeltalength', mode?.indexDelta ?? 0),
      fieldLength(fmtp, 'auxiliarydatasizelength', 0),
    ] as const;
    for (const length of lengths) if (typeof length === 'string') return length;
    for (const key of UNREAD) {
      if ((fmtp[key] ?? '0') !== '0') return `${key}=${fmtp[key]}, AU headers with this field are not read`;
    }
    const [size, index, indexDelta, auxiliary] = lengths.map(Number);
    return new AacDepacketizer(size ?? 0, index ?? 0, indexDelta ?? 0, auxiliary ?? 0);
  }

  /** Packets are missing: a fragment cannot be completed. Whether there was one. */
  reset(): boolean {
    const had = this.#fragment !== null;
    this.#fragment = null;
    return had;
  }

  /** The access units that the payload completes, as views of it or copies; or what is wrong. */
  push(payload: Buffer, timestamp: number): Buffer[] | string {
    if (payload.length === 0) return [];
    if (this.#sizeLength === 0) return [payload];
    if (payload.length < HEADERS_LENGTH_BYTES) return `an AAC payload of ${payload.length} byte`;
    const headerBits = payload.readUInt16BE(0);
    const headersEnd = HEADERS_LENGTH_BYTES + Math.ceil(headerBits / 8);
    if (headersEnd > payload.length) return `AU headers of ${headerBits} bits in a payload of ${payload.length} bytes`;
    const sizes = this.#readSizes(payload, headerBits);
    if (typeof sizes === 'string') return sizes;
    const start = headersEnd + this.#auxiliaryBytes(payload, headersEnd);
    if (start > payload.length) return `an auxiliary section that ends at byte ${start} of ${payload.length}`;
    return this.#cut(payload, start, sizes, timestamp);
  }

  #readSizes(payload: Buffer, headerBits: number): number[] | string {
    const reader = new BitReader(payload.subarray(HEADERS_LENGTH_BYTES));
    const sizes: number[] = [];
    let left = headerBits;
    while (left > 0) {
      const indexLength = sizes.length === 0 ? this.#indexLength : this.#indexDeltaLength;
      if (left < this.#sizeLength + indexLength) return `${left} bits where an AU header is due`;
      left -= this.#sizeLength + indexLength;
      sizes.push(reader.bits(this.#sizeLength));
      const index = reader.bits(indexLength);
      if (sizes.length > 1 && index !== 0) {
        return `an AU-Index-delta of ${index}: access units that are interleaved are not read`;
      }
    }
    return sizes;
  }

  /** RFC 3640 3.2.2: its size in bits, then as many; passed over. */
  #auxiliaryBytes(payload: Buffer, at: number): number {
    if (this.#auxiliary === 0) return 0;
    const reader = new BitReader(payload.subarray(at));
    if (reader.bitsLeft < this.#auxiliary) return payload.length;
    return Math.ceil((this.#auxiliary + reader.bits(this.#auxiliary)) / 8);
  }

  #cut(payload: Buffer, start: number, sizes: readonly number[], timestamp: number): Buffer[] | string {
    const left = payload.length - start;
    const [first] = sizes;
    if (this.#fragment !== null || (sizes.length === 1 && first !== undefined && first > left)) {
      return this.#pushFragment(payload.subarray(start), sizes, timestamp);
    }
    let sum = 0;
    for (const size of sizes) sum += size;
    if (sum !== left) return `AU headers that say ${sum} bytes before ${left} bytes of access units`;
    const units: Buffer[] = [];
    let at = start;
    for (const size of sizes) {
      if (size > 0) units.push(payload.subarray(at, at + size));
      at += size;
    }
    return units;
  }

  /** RFC 3640 3.2.3: each fragment says the size of the whole, and the timestamp is the same. */
  #pushFragment(part: Buffer, sizes: readonly number[], timestamp: number): Buffer[] | string {
    const fragment = this.#fragment ?? { timestamp, size: sizes[0] ?? 0, parts: [], bytes: 0 };
    this.#fragment = null;
    if (sizes.length !== 1 || sizes[0] !== fragment.size || timestamp !== fragment.timestamp || part.length === 0) {
      return `${fragment.bytes} of ${fragment.size} bytes of an access unit came before the next one`;
    }
    fragment.parts.push(Buffer.from(part));
    fragment.bytes += part.length;
    if (fragment.bytes > fragment.size) {
      return `${fragment.bytes} bytes came of an access unit of ${fragment.size} bytes`;
    }
    if (fragment.bytes === fragment.size) return [Buffer.concat(fragment.parts)];
    this.#fragment = fragment;
    return [];
  }
}

function fieldLength(fmtp: Readonly<Record<string, string>>, key: string, otherwise: number): number | string {
  const text = fmtp[key];
  const length = text === undefined ? otherwise : Number(text);
  if (Number.isInteger(length) && length >= 0 && length <= MAX_FIELD_BITS) return length;
  return `${key}=${text}, 0 to ${MAX_FIELD_BITS} bits are read`;
}
