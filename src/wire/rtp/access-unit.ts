/** One access unit as it is put together out of packets: its NAL units behind their lengths, parameter sets apart. */
import { H264_NAL, H265_NAL, MAX_NAL_UNITS, NAL_LENGTH_SIZE } from '../../media/index.ts';

/** The largest access unit: several times what a key frame of 4K video takes. */
export const MAX_ACCESS_UNIT_BYTES: number = 8 * 1024 * 1024;
const FIRST_CAPACITY = 64 * 1024;

/** Slices are the NAL units up to here (ITU-T H.264 table 7-1, H.265 table 7-1). */
const H264_LAST_SLICE = 5;
const H265_LAST_SLICE = 31;
/** Data partitions B and C do not say where in the picture they are (ITU-T H.264 7.3.2.9). */
const H264_PARTITION_B = 3;
const H264_PARTITION_C = 4;
const H265_FIRST_IRAP = 16;
const H265_LAST_IRAP = 23;
const H265_CRA = 21;
const H265_BLA_LAST = 18;
const H265_RASL_N = 8;
const H265_RASL_R = 9;

/** Written into one buffer that grows and is used again; a NAL unit is begun, appended to, and ended. */
export class AccessUnit {
  readonly #h265: boolean;
  /** Called where a delimiter comes after slices: what follows is another access unit. */
  readonly #onDelimiter: () => void;
  #buffer: Buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  #length = 0;
  /** Where the open unit's length stands; -1: none is open. */
  #unitAt = -1;
  #parameterSets: Buffer[] = [];
  /** What they take of the access unit's bound. */
  #parameterSetBytes = 0;
  #slices = 0;
  #isKey = false;
  /** NAL units that were begun. */
  #units = 0;
  #excess: string | null = null;
  #firstSliceBegins = false;
  #firstSliceType = -1;

  constructor(codec: 'H264' | 'H265', onDelimiter: () => void) {
    this.#h265 = codec === 'H265';
    this.#onDelimiter = onDelimiter;
  }

  get parameterSets(): readonly Buffer[] {
    return this.#parameterSets;
  }

  /** Whether there is a part of a picture in it, or so much that there must be. */
  get hasSlices(): boolean {
    return this.#slices > 0 || this.#excess !== null;
  }

  /** Nothing is in it, not even the beginning of a NAL unit. */
  get isEmpty(): boolean {
    return this.#length === 0 && this.#parameterSets.length === 0 && this.#unitAt === -1;
  }

  /** A NAL unit is begun and not ended. */
  get isOpen(): boolean {
    return this.#unitAt !== -1;
  }

  get isKey(): boolean {
    return this.#isKey;
  }

  /** Of what more came than an access unit may have, so that it is not whole; null: of nothing. */
  get excess(): string | null {
    return this.#excess;
  }

  /** Whether its first slice is the first of the picture: nothing of the picture is missing before it. */
  get beginsPicture(): boolean {
    return this.#firstSliceBegins;
  }

  /** Pictures may follow that refer to what was before it (ITU-T H.265 3.1: CRA, BLA with RASL pictures). */
  get mayHaveSkippedLeading(): boolean {
    const type = this.#firstSliceType;
    return this.#h265 && (type === H265_CRA || (type >= H265_FIRST_IRAP && type <= H265_BLA_LAST));
  }

  /** A picture that cannot be decoded where decoding began at the random access point before it (RASL). */
  get isSkippedLeading(): boolean {
    return this.#h265 && (this.#firstSliceType === H265_RASL_N || this.#firstSliceType === H265_RASL_R);
  }

  /** Begins a NAL unit. */
  begin(): void {
    this.#unitAt = this.#length;
    if (++this.#units > MAX_NAL_UNITS) this.#excess ??= `${MAX_NAL_UNITS} NAL units`;
    if (this.#reserve(NAL_LENGTH_SIZE)) this.#length += NAL_LENGTH_SIZE;
  }

  byte(value: number): void {
    if (!this.#reserve(1)) return;
    this.#buffer[this.#length++] = value;
  }

  append(data: Buffer, start: number, end: number): void {
    if (!this.#reserve(end - start)) return;
    this.#length += data.copy(this.#buffer, this.#length, start, end);
  }

  /** Ends the NAL unit. */
  end(): void {
    const at = this.#unitAt;
    this.#unitAt = -1;
    const start = at + NAL_LENGTH_SIZE;
    if (at === -1 || this.#excess !== null) return;
    if (this.#length === start) {
      this.#length = at;
      return;
    }
    this.#buffer.writeUInt32BE(this.#length - start, at);
    this.#classify(at, start);
  }

  /** A whole NAL unit. */
  unit(data: Buffer, start: number, end: number): void {
    this.begin();
    this.append(data, start, end);
    this.end();
  }

  /** A copy of the NAL units, each behind its length, without parameter sets and delimiters. */
  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  /** Begins another access unit. */
  clear(): void {
    this.#length = 0;
    this.#unitAt = -1;
    this.#parameterSets = [];
    this.#parameterSetBytes = 0;
    this.#slices = 0;
    this.#isKey = false;
    this.#units = 0;
    this.#excess = null;
    this.#firstSliceBegins = false;
    this.#firstSliceType = -1;
  }

  #classify(at: number, start: number): void {
    const header = this.#buffer[start] ?? 0;
    const type = this.#h265 ? (header >> 1) & 0x3f : header & 0x1f;
    const names = this.#h265 ? H265_NAL : H264_NAL;
    if (type === names.AUD) {
      this.#length = at;
      if (this.#slices > 0) this.#onDelimiter();
      return;
    }
    if (type === names.SPS || type === names.PPS || (this.#h265 && type === H265_NAL.VPS)) {
      this.#parameterSets.push(Buffer.from(this.#buffer.subarray(start, this.#length)));
      this.#parameterSetBytes += this.#length - start;
      this.#length = at;
      return;
    }
    if (this.#h265 ? type > H265_LAST_SLICE : type === 0 || type > H264_LAST_SLICE) return;
    if (this.#slices++ === 0) {
      this.#firstSliceType = type;
      // first_mb_in_slice is 0, or first_slice_segment_in_pic_flag is set: the first bit after the NAL unit header
      const bit = (this.#buffer[start + (this.#h265 ? 2 : 1)] ?? 0) & 0x80;
      const isPartition = !this.#h265 && (type === H264_PARTITION_B || type === H264_PARTITION_C);
      this.#firstSliceBegins = bit !== 0 && !isPartition && this.#length > start + 1;
    }
    this.#isKey ||= this.#h265 ? type >= H265_FIRST_IRAP && type <= H265_LAST_IRAP : type === H264_NAL.IDR;
  }

  /** Makes room; false where the access unit is too large. */
  #reserve(bytes: number): boolean {
    const size = this.#length + bytes;
    if (size + this.#parameterSetBytes > MAX_ACCESS_UNIT_BYTES) this.#excess ??= `${MAX_ACCESS_UNIT_BYTES} bytes`;
    if (this.#excess !== null) return false;
    if (size > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(size, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    return true;
  }
}
