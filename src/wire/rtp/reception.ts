/** What a receiver report says of a sender (RFC 3550 6.4.1, A.1, A.3, A.8). */
import type { RtpPacket } from './packet.ts';
import type { ReportBlock } from './rtcp.ts';

const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;
const SEQUENCES = 0x10000;
const UINT32 = 2 ** 32;
/** cumulative number of packets lost has 24 bits, signed. */
const MAX_CUMULATIVE = 0x7fffff;

export class Reception {
  readonly #rate: number;
  #ssrc: number | null = null;
  #baseSequence = 0;
  #highest = 0;
  #cycles = 0;
  #received = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #transit: number | null = null;
  #jitter = 0;
  #reportMiddle = 0;
  #reportAtMs = 0;

  /** @param rate Hz, of the RTP timestamps */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** A packet, in the order of arrival. */
  push(packet: RtpPacket, nowMs: number): void {
    const ahead = (packet.sequence - this.#highest) & 0xffff;
    if (packet.ssrc !== this.#ssrc || (ahead >= MAX_DROPOUT && ahead <= SEQUENCES - MAX_MISORDER)) this.#begin(packet);
    else if (ahead < MAX_DROPOUT) {
      if (packet.sequence < this.#highest) this.#cycles += SEQUENCES;
      this.#highest = packet.sequence;
    }
    this.#received++;
    const transit = ((nowMs * this.#rate) / 1000 - packet.timestamp) % UINT32;
    if (this.#transit !== null) {
      const difference = Math.round(transit - this.#transit) | 0;
      this.#jitter += (Math.abs(difference) - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  /** A sender report came. @param ntpMiddle the middle 32 bits of its NTP time */
  pushReport(ntpMiddle: number, nowMs: number): void {
    this.#reportMiddle = ntpMiddle;
    this.#reportAtMs = nowMs;
  }

  /** The block for a report that is sent now; the next one counts from here on. Null before the first packet. */
  takeBlock(nowMs: number): ReportBlock | null {
    if (this.#ssrc === null) return null;
    const highestSequence = this.#cycles + this.#highest;
    const expected = highestSequence - this.#baseSequence + 1;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    const lost = expected - this.#received;
    return {
      ssrc: this.#ssrc,
      fractionLost: lostNow <= 0 || expectedNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      cumulativeLost: Math.max(-MAX_CUMULATIVE, Math.min(MAX_CUMULATIVE, lost)),
      highestSequence: highestSequence % UINT32,
      jitter: Math.floor(this.#jitter) % UINT32,
      lastSenderReport: this.#reportMiddle,
      delaySinceLast: this.#reportMiddle === 0 ? 0 : Math.round((nowMs - this.#reportAtMs) * 65.536) % UINT32,
    };
  }

  #begin(packet: RtpPacket): void {
    this.#ssrc = packet.ssrc;
    this.#baseSequence = packet.sequence;
    this.#highest = packet.sequence;
    this.#cycles = 0;
    this.#received = 0;
    this.#expectedBefore = 0;
    this.#receivedBefore = 0;
    this.#transit = null;
    this.#jitter = 0;
  }
}
