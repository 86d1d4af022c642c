/** One track as it is sent: its SSRC, its sequence numbers, its timestamps, and what its sender reports say. */
import { INTERLEAVED_HEADER_BYTES, writeInterleavedHeader } from './interleaved.ts';
import type { RtpMedia } from './media.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from './packet.ts';
import { senderReportBytes, writeSenderReport } from './rtcp.ts';

/** What stands before every payload: the interleaved frame's header and the RTP packet's. */
export const PACKET_OVERHEAD_BYTES: number = INTERLEAVED_HEADER_BYTES + RTP_HEADER_BYTES;
const UINT32 = 2 ** 32;

/** Where a track's numbers begin: random, so that no two streams are taken for one another (RFC 3550 5.1). */
export interface TrackStart {
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

export class OutTrack {
  readonly #channel: number;
  readonly #ssrc: number;
  readonly #firstTimestamp: number;
  #payloadType = 0;
  #rate = 0;
  #sequence: number;
  #packets = 0;
  #octets = 0;

  /** @param channel the even interleaved channel; RTCP goes to the one after it */
  constructor(channel: number, start: TrackStart) {
    this.#channel = channel;
    this.#ssrc = start.ssrc;
    this.#firstTimestamp = start.timestamp;
    this.#sequence = start.sequence;
  }

  /** What is sent from now on. */
  describe(media: RtpMedia): void {
    this.#payloadType = media.payloadType;
    this.#rate = media.clockRate;
  }

  /** The RTP timestamp of a time on the stream, in milliseconds. */
  timestamp(ms: number): number {
    const ticks = (this.#firstTimestamp + Math.round((ms * this.#rate) / 1000)) % UINT32;
    return ticks < 0 ? ticks + UINT32 : ticks;
  }

  /** Writes all headers of the next packet; the place behind them, where `payloadBytes` are to follow. */
  beginPacket(out: Buffer, from: number, payloadBytes: number, marker: boolean, timestamp: number): number {
    const at = writeInterleavedHeader(out, from, this.#channel, RTP_HEADER_BYTES + payloadBytes);
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) & 0xffff;
    this.#packets++;
    this.#octets += payloadBytes;
    return writeRtpHeader(out, at, marker, this.#payloadType, sequence, timestamp, this.#ssrc);
  }

  /** Writes an interleaved frame with a sender report; the place behind it. `unixMs` is the time of day at `ms` of the stream. */
  writeReport(out: Buffer, from: number, unixMs: number, ms: number, cname: string): number {
    const at = writeInterleavedHeader(out, from, this.#channel + 1, senderReportBytes(cname));
    const info = {
      ssrc: this.#ssrc,
      unixMs,
      rtpTimestamp: this.timestamp(ms),
      packets: this.#packets,
      octets: this.#octets,
    };
    return writeSenderReport(out, at, info, cname);
  }
}

/** The bytes that `writeReport` writes. */
export function reportBytes(cname: string): number {
  return INTERLEAVED_HEADER_BYTES + senderReportBytes(cname);
}
