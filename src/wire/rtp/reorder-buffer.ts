/** Puts RTP packets back in the order of their sequence numbers, within bounds of packets and time, and tells what is lost. */
import type { RtpPacket } from './packet.ts';

/** A step ahead of up to this many packets is loss (RFC 3550 A.1, MAX_DROPOUT). */
const MAX_DROPOUT = 3000;
/** A packet up to this far behind is late (RFC 3550 A.1, MAX_MISORDER); what is farther off may be a sender that began anew. */
const MAX_MISORDER = 100;
const SEQUENCES = 0x10000;

export interface ReorderOptions {
  /** Packets that wait for one that is missing; with 0, or over TCP, none wait: a gap is a loss at once. */
  readonly maxPackets: number;
  /** How long the first that waits does so. Milliseconds. */
  readonly maxWaitMs: number;
}

export interface OrderedPacket {
  readonly packet: RtpPacket;
  /** Packets that are missing before this one. */
  readonly lost: number;
  /** The sender began anew (another SSRC, or sequence numbers far off): sequence and timestamps have nothing to do with those before. */
  readonly restarted: boolean;
}

interface Waiting {
  readonly packet: RtpPacket;
  readonly atMs: number;
}

/** Of one SSRC at a time; `push` what comes, then take `next` until it gives null. The clock is handed in, monotonic milliseconds. */
export class ReorderBuffer {
  readonly #options: ReorderOptions;
  /** By sequence number, in the order of arrival. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: OrderedPacket[] = [];
  #ssrc = 0;
  /** The sequence number that is due; null before the first packet. */
  #due: number | null = null;
  /** The highest sequence number that came. */
  #highest = 0;
  /** A packet from nowhere: where the next one follows it, the sender began anew. */
  #stray: RtpPacket | null = null;
  /** Packets that never came, as far as is known; those that come late after all stay in it. */
  lost = 0;
  /** Packets that came after one with a higher number and were put back in order. */
  reordered = 0;
  /** Packets that came twice, or too late to be of use. */
  duplicate = 0;
  /** How often the sender began anew. */
  restarts = 0;

  constructor(options: ReorderOptions) {
    this.#options = options;
  }

  /** Packets that wait for one that is missing. */
  get waiting(): number {
    return this.#waiting.size;
  }

  push(packet: RtpPacket, nowMs: number): void {
    if (this.#due === null) {
      this.#begin(packet, false);
      return;
    }
    const ahead = distance(this.#due, packet.sequence);
    if (packet.ssrc !== this.#ssrc || ahead > MAX_DROPOUT || ahead < -MAX_MISORDER) {
      this.#pushStray(packet);
      return;
    }
    this.#stray = null;
    if (ahead < 0 || this.#waiting.has(packet.sequence)) {
      this.duplicate++;
      return;
    }
    if (distance(this.#highest, packet.sequence) < 0) this.reordered++;
    else this.#highest = packet.sequence;
    if (ahead === 0) {
      this.#release(packet, 0);
      this.#releaseFollowing();
      return;
    }
    this.#waiting.set(packet.sequence, { packet, atMs: nowMs });
    while (this.#waiting.size > this.#options.maxPackets) this.#giveUpGap();
  }

  /** Gives up gaps that have been waited for long enough. */
  tick(nowMs: number): void {
    for (;;) {
      const [oldest] = this.#waiting.values();
      if (oldest === undefined || nowMs - oldest.atMs < this.#options.maxWaitMs) return;
      this.#giveUpGap();
    }
  }

  /** Lets go of all that waits, for no more will come. */
  flush(): void {
    while (this.#waiting.size > 0) this.#giveUpGap();
  }

  next(): OrderedPacket | null {
    return this.#ready.shift() ?? null;
  }

  #begin(packet: RtpPacket, restarted: boolean): void {
    this.#ssrc = packet.ssrc;
    this.#highest = packet.sequence;
    this.#ready.push({ packet, lost: 0, restarted });
    this.#due = (packet.sequence + 1) % SEQUENCES;
  }

  /** One packet from nowhere may be anything; of two that follow each other, the sender has begun anew (RFC 3550 A.1). */
  #pushStray(packet: RtpPacket): void {
    const stray = this.#stray;
    if (stray === null || stray.ssrc !== packet.ssrc || distance(stray.sequence, packet.sequence) !== 1) {
      this.#stray = packet;
      return;
    }
    this.flush();
    this.#stray = null;
    this.restarts++;
    this.#begin(stray, true);
    this.#highest = packet.sequence;
    this.#release(packet, 0);
  }

  #release(packet: RtpPacket, lost: number): void {
    this.#ready.push({ packet, lost, restarted: false });
    this.#due = (packet.sequence + 1) % SEQUENCES;
  }

  #releaseFollowing(): void {
    for (;;) {
      const due = this.#due ?? 0;
      const found = this.#waiting.get(due);
      if (found === undefined) return;
      this.#waiting.delete(due);
      this.#release(found.packet, 0);
    }
  }

  /** The packets before the lowest that waits are lost. */
  #giveUpGap(): void {
    const due = this.#due ?? 0;
    let nearest: RtpPacket | null = null;
    let lost = Number.POSITIVE_INFINITY;
    for (const { packet } of this.#waiting.values()) {
      const ahead = distance(due, packet.sequence);
      if (ahead >= lost) continue;
      lost = ahead;
      nearest = packet;
    }
    if (nearest === null) return;
    this.#waiting.delete(nearest.sequence);
    this.lost += lost;
    this.#release(nearest, lost);
    this.#releaseFollowing();
  }
}

/** How far `to` is ahead of `from`, -32768 to 32767. */
function distance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}
