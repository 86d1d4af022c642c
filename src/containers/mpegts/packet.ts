/** Transport packets (ISO 13818-1 2.4.3): their header, adaptation field and PCR, and the cutting of a PES packet into them. */
import { wrapTicks } from './time.ts';

export const PACKET_BYTES = 188;
export const SYNC_BYTE = 0x47;
/** What a packet holds beside its four bytes of header. */
export const PACKET_ROOM = 184;
/** An adaptation field that carries a PCR: its length, its flags, six bytes of PCR. */
const PCR_FIELD_BYTES = 8;

const PAYLOAD_UNIT_START = 0x40;
const HAS_ADAPTATION = 0x20;
const HAS_PAYLOAD = 0x10;
const FLAG_DISCONTINUITY = 0x80;
const FLAG_RANDOM_ACCESS = 0x40;
const FLAG_PCR = 0x10;
const STUFFING = 0xff;

/** Where no PCR is to be written. */
export const NO_PCR = Number.NaN;

/** How many packets `payloadBytes` take, of which the first carries a PCR or does not. */
export function packetCount(payloadBytes: number, withPcr: boolean): number {
  return Math.ceil((payloadBytes + (withPcr ? PCR_FIELD_BYTES : 0)) / PACKET_ROOM);
}

/** Writes the six bytes of a PCR; `ticks` are 90 kHz, unwrapped; the 27 MHz extension is 0 (ISO 13818-1 2.4.3.5). */
function writePcr(out: Buffer, at: number, ticks: number): void {
  const base = wrapTicks(ticks);
  out.writeUInt32BE(Math.floor(base / 2), at);
  out[at + 4] = ((base % 2) << 7) | 0x7e;
  out[at + 5] = 0;
}

/** Cuts the payload of one PID into packets, in place, and keeps the PID's continuity counter. One per PID. */
export class PacketWriter {
  readonly pid: number;
  #counter = 0;
  #out: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Payload bytes that still fit into the packet that is open. */
  #room = 0;
  /** Payload bytes that still have no packet opened for them. */
  #left = 0;
  #pcr = NO_PCR;
  #flags = 0;
  #starts = false;

  constructor(pid: number) {
    this.pid = pid;
  }

  /**
   * Begins a payload unit of exactly `payloadBytes` at `out[at]`; `append` them, and all its packets are written.
   * @param pcr 90 kHz ticks, or NO_PCR; the two flags are written with a PCR only
   */
  begin(
    out: Buffer,
    at: number,
    payloadBytes: number,
    pcr: number,
    randomAccess: boolean,
    discontinuity: boolean,
  ): void {
    this.#out = out;
    this.#at = at;
    this.#room = 0;
    this.#left = payloadBytes;
    this.#pcr = pcr;
    this.#flags = FLAG_PCR | (randomAccess ? FLAG_RANDOM_ACCESS : 0) | (discontinuity ? FLAG_DISCONTINUITY : 0);
    this.#starts = true;
  }

  append(source: Buffer, start: number, end: number): void {
    let from = start;
    while (from < end) {
      if (this.#room === 0) this.#open();
      const size = Math.min(this.#room, end - from);
      source.copy(this.#out, this.#at, from, from + size);
      from += size;
      this.#at += size;
      this.#room -= size;
    }
  }

  /** Lets go of the buffer that was written. */
  end(): void {
    this.#out = EMPTY;
  }

  /** Writes a packet of no payload, for its PCR: it repeats the last counter (ISO 13818-1 2.4.3.3). */
  writePcrPacket(out: Buffer, at: number, pcr: number, discontinuity: boolean): void {
    out[at] = SYNC_BYTE;
    out.writeUInt16BE(this.pid, at + 1);
    out[at + 3] = HAS_ADAPTATION | ((this.#counter - 1) & 0x0f);
    out[at + 4] = PACKET_ROOM - 1;
    out[at + 5] = FLAG_PCR | (discontinuity ? FLAG_DISCONTINUITY : 0);
    writePcr(out, at + 6, pcr);
    out.fill(STUFFING, at + 4 + PCR_FIELD_BYTES, at + PACKET_BYTES);
  }

  /** Writes the next packet's header and adaptation field; the latter is also what stuffs the last packet. */
  #open(): void {
    const out = this.#out;
    const at = this.#at;
    const withPcr = this.#starts && !Number.isNaN(this.#pcr);
    const least = withPcr ? PCR_FIELD_BYTES : 0;
    const payload = Math.min(this.#left, PACKET_ROOM - least);
    const field = PACKET_ROOM - payload;
    out[at] = SYNC_BYTE;
    out.writeUInt16BE(this.pid, at + 1);
    if (this.#starts) out[at + 1] = (this.pid >> 8) | PAYLOAD_UNIT_START;
    out[at + 3] = (field > 0 ? HAS_ADAPTATION | HAS_PAYLOAD : HAS_PAYLOAD) | this.#counter;
    this.#counter = (this.#counter + 1) & 0x0f;
    if (field > 0) {
      out[at + 4] = field - 1;
      if (field > 1) out[at + 5] = withPcr ? this.#flags : 0;
      if (withPcr) writePcr(out, at + 6, this.#pcr);
      const written = withPcr ? PCR_FIELD_BYTES : 2;
      if (field > written) out.fill(STUFFING, at + 4 + written, at + 4 + field);
    }
    this.#at = at + 4 + field;
    this.#room = payload;
    this.#left -= payload;
    this.#starts = false;
  }
}

const EMPTY = Buffer.alloc(0);
