/** Access units to RTP packets: single NAL units and fragments (RFC 6184 FU-A, RFC 7798 FU), parameter sets in one packet. */
import { H264_NAL, H265_NAL, NAL_LENGTH_SIZE, type VideoFrame, type VideoTrack } from '../../media/index.ts';
import { FU_A, STAP_A } from './h264-depacketizer.ts';
import { AGGREGATION, FRAGMENTATION } from './h265-depacketizer.ts';
import { type OutTrack, PACKET_OVERHEAD_BYTES } from './out-track.ts';
import { MAX_PAYLOAD_BYTES } from './packet.ts';

const UNIT_SIZE_BYTES = 2;
/** NRI 3: as important as the parameter sets in it (RFC 6184 5.3). */
const STAP_A_HEADER = 0x60 | STAP_A;
/** Layer 0, TID 1 (RFC 7798 4.4.2). */
const AP_HEADER: readonly [number, number] = [AGGREGATION << 1, 1];

/** Sizes a frame up (`plan`), then writes its packets (`write`). */
export class VideoPacketizer {
  readonly #h265: boolean;
  /** Of a NAL unit, 1 byte in H264, 2 in H265. */
  readonly #headerBytes: number;
  readonly #sets: readonly Buffer[];
  /** The payload that holds all parameter sets; 0: they go one by one, for there is one, or they do not fit. */
  readonly #aggregateBytes: number;
  /** Where the planned frame's last NAL unit begins, which has the marker. */
  #lastUnitAt = -1;

  constructor(track: VideoTrack) {
    this.#h265 = track.codec === 'H265';
    this.#headerBytes = this.#h265 ? 2 : 1;
    this.#sets = [...(track.codec === 'H265' ? track.vps : []), ...track.sps, ...track.pps];
    let bytes = this.#headerBytes;
    for (const unit of this.#sets) bytes += UNIT_SIZE_BYTES + unit.length;
    this.#aggregateBytes = this.#sets.length > 1 && bytes <= MAX_PAYLOAD_BYTES ? bytes : 0;
  }

  /**
   * The size in bytes of what `write` will write; 0 where there is no NAL unit in the frame but delimiters, which RTP does
   * without. A NAL unit whose length runs past the end of the data is left out with all after it.
   */
  plan(frame: VideoFrame): number {
    const { data } = frame;
    let size = 0;
    this.#lastUnitAt = -1;
    for (let at = 0; at + NAL_LENGTH_SIZE < data.length; ) {
      const start = at + NAL_LENGTH_SIZE;
      const end = start + data.readUInt32BE(at);
      if (end > data.length) break;
      if (end > start && !this.#isDelimiter(data, start)) {
        size += this.#packetsBytes(end - start);
        this.#lastUnitAt = start;
      }
      at = end;
    }
    return size > 0 && frame.key ? size + this.#setsBytes() : size;
  }

  /** Writes the frame that was planned last; the place behind it. */
  write(out: Buffer, from: number, frame: VideoFrame, to: OutTrack): number {
    const { data } = frame;
    const timestamp = to.timestamp(frame.pts);
    let place = frame.key ? this.#writeSets(out, from, timestamp, to) : from;
    for (let at = 0; at < this.#lastUnitAt; ) {
      const start = at + NAL_LENGTH_SIZE;
      const end = start + data.readUInt32BE(at);
      if (end > start && !this.#isDelimiter(data, start)) {
        place = this.#writeUnit(out, place, data, start, end, start === this.#lastUnitAt, timestamp, to);
      }
      at = end;
    }
    return place;
  }

  #isDelimiter(data: Buffer, at: number): boolean {
    const header = data[at] ?? 0;
    return this.#h265 ? ((header >> 1) & 0x3f) === H265_NAL.AUD : (header & 0x1f) === H264_NAL.AUD;
  }

  /** The packets of a NAL unit of so many bytes. */
  #packetsBytes(unitBytes: number): number {
    if (unitBytes <= MAX_PAYLOAD_BYTES) return PACKET_OVERHEAD_BYTES + unitBytes;
    const content = unitBytes - this.#headerBytes;
    const headers = this.#headerBytes + 1;
    return Math.ceil(content / (MAX_PAYLOAD_BYTES - headers)) * (PACKET_OVERHEAD_BYTES + headers) + content;
  }

  #setsBytes(): number {
    if (this.#aggregateBytes > 0) return PACKET_OVERHEAD_BYTES + this.#aggregateBytes;
    let size = 0;
    for (const unit of this.#sets) size += this.#packetsBytes(unit.length);
    return size;
  }

  #writeSets(out: Buffer, from: number, timestamp: number, to: OutTrack): number {
    let at = from;
    if (this.#aggregateBytes === 0) {
      for (const unit of this.#sets) at = this.#writeUnit(out, at, unit, 0, unit.length, false, timestamp, to);
      return at;
    }
    at = to.beginPacket(out, at, this.#aggregateBytes, false, timestamp);
    if (this.#h265) {
      out[at++] = AP_HEADER[0];
      out[at++] = AP_HEADER[1];
    } else out[at++] = STAP_A_HEADER;
    for (const unit of this.#sets) {
      at = out.writeUInt16BE(unit.length, at);
      at += unit.copy(out, at);
    }
    return at;
  }

  #writeUnit(
    out: Buffer,
    from: number,
    data: Buffer,
    start: number,
    end: number,
    isLast: boolean,
    timestamp: number,
    to: OutTrack,
  ): number {
    let place = from;
    if (end - start <= MAX_PAYLOAD_BYTES) {
      place = to.beginPacket(out, place, end - start, isLast, timestamp);
      return place + data.copy(out, place, start, end);
    }
    const headers = this.#headerBytes + 1;
    const first = start + this.#headerBytes;
    for (let at = first; at < end; ) {
      const next = Math.min(end, at + MAX_PAYLOAD_BYTES - headers);
      place = to.beginPacket(out, place, headers + next - at, isLast && next === end, timestamp);
      place = this.#writeFragmentHeaders(out, place, data, start, at === first, next === end);
      place += data.copy(out, place, at, next);
      at = next;
    }
    return place;
  }

  #writeFragmentHeaders(out: Buffer, at: number, data: Buffer, unitAt: number, isFirst: boolean, isLast: boolean) {
    const header = data[unitAt] ?? 0;
    const flags = (isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0);
    if (this.#h265) {
      out[at] = (header & 0x81) | (FRAGMENTATION << 1);
      out[at + 1] = data[unitAt + 1] ?? 0;
      out[at + 2] = flags | ((header >> 1) & 0x3f);
      return at + 3;
    }
    out[at] = (header & 0xe0) | FU_A;
    out[at + 1] = flags | (header & 0x1f);
    return at + 2;
  }
}
