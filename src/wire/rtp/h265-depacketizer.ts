/** H265 out of RTP payloads (RFC 7798): single NAL units, aggregation packets, fragmentation units. */
import type { AccessUnit } from './access-unit.ts';

export const AGGREGATION = 48;
export const FRAGMENTATION = 49;
const PACI = 50;
const HEADER_BYTES = 2;
const DONL_BYTES = 2;
const DOND_BYTES = 1;

/** Takes payloads apart, with or without decoding order numbers; NAL units that are sent in another order are refused. */
export class H265Depacketizer {
  /** `sprop-max-don-diff` is above 0: decoding order numbers are in the payloads (RFC 7798 4.4). */
  readonly #withDon: boolean;
  /** Of the last NAL unit; null: none came. */
  #don: number | null = null;

  constructor(withDon: boolean) {
    this.#withDon = withDon;
  }

  /** Adds the payload's NAL units, or its part of one. Null, or what is wrong; then the access unit is damaged. */
  push(payload: Buffer, unit: AccessUnit): string | null {
    if (payload.length === 0) return null; // some senders keep the path open so
    if (payload.length <= HEADER_BYTES) return `an H265 payload of ${payload.length} bytes, its header has 2`;
    const type = (payload.readUInt8(0) >> 1) & 0x3f;
    if (type === FRAGMENTATION) return this.#pushFragment(payload, unit);
    if (unit.isOpen) return `a packet of type ${type} before the end of a fragmented NAL unit`;
    if (type === AGGREGATION) return this.#pushAggregate(payload, unit);
    if (type >= PACI) return `a payload of type ${type}, which is not read; single NAL units, AP and FU are`;
    let start = HEADER_BYTES;
    if (this.#withDon) {
      const problem = this.#readDonl(payload, start);
      if (problem !== null) return problem;
      start += DONL_BYTES;
    }
    unit.begin();
    unit.append(payload, 0, HEADER_BYTES);
    unit.append(payload, start, payload.length);
    unit.end();
    return null;
  }

  /** The order numbers are 0 apart from here on. */
  reset(): void {
    this.#don = null;
  }

  /** RFC 7798 4.4.2. */
  #pushAggregate(payload: Buffer, unit: AccessUnit): string | null {
    let at = HEADER_BYTES;
    for (let first = true; at < payload.length; first = false) {
      if (this.#withDon) {
        const bytes = first ? DONL_BYTES : DOND_BYTES;
        const problem = first ? this.#readDonl(payload, at) : this.#step(payload.readUInt8(at) + 1);
        if (problem !== null) return problem;
        at += bytes;
      }
      const left = payload.length - at - 2;
      if (left < 0) return `${payload.length - at} bytes where the size of a NAL unit in an AP is due`;
      const size = payload.readUInt16BE(at);
      if (size > left) return `a NAL unit of ${size} bytes in an AP that has ${left} left`;
      at += 2;
      unit.unit(payload, at, at + size);
      at += size;
    }
    return null;
  }

  /** RFC 7798 4.4.3. */
  #pushFragment(payload: Buffer, unit: AccessUnit): string | null {
    const header = payload.readUInt8(2);
    let start = HEADER_BYTES + 1;
    if ((header & 0x80) !== 0) {
      if (unit.isOpen) return 'a fragmented NAL unit begins before the end of another';
      if (this.#withDon) {
        const problem = this.#readDonl(payload, start);
        if (problem !== null) return problem;
        start += DONL_BYTES;
      }
      unit.begin();
      unit.byte((payload.readUInt8(0) & 0x81) | ((header & 0x3f) << 1));
      unit.byte(payload.readUInt8(1));
    } else if (!unit.isOpen) {
      return 'a fragment of a NAL unit whose beginning did not come';
    }
    unit.append(payload, start, payload.length);
    if ((header & 0x40) !== 0) unit.end();
    return null;
  }

  #readDonl(payload: Buffer, at: number): string | null {
    if (payload.length < at + DONL_BYTES)
      return `an H265 payload of ${payload.length} bytes, its DONL ends at ${at + 2}`;
    const don = payload.readUInt16BE(at);
    return this.#step(this.#don === null ? don : don - this.#don, don);
  }

  /** Decoding order goes up, or the units would have to be sorted. */
  #step(by: number, don: number = (this.#don ?? 0) + by): string | null {
    const step = (by << 16) >> 16;
    const before = this.#don;
    this.#don = don & 0xffff;
    if (before === null || step >= 0) return null;
    return `a NAL unit with decoding order number ${don} after ${before}; units are read in decoding order only`;
  }
}
