/** How many requests each address makes in a second, over all of its connections and the server's threads, and how many are too many. */
import type { Clock } from '../streams/index.ts';
import type { Refusals } from './refusals.ts';
import { Tally } from './tally.ts';

/** What all threads count in. */
export interface RequestRateMemory {
  /** Of the running second: whoever comes first in the next one empties it. */
  readonly counts: SharedArrayBuffer;
  /** Which second that is, by the time of day: threads have no other clock in common. */
  readonly second: SharedArrayBuffer;
}

export class RequestRate {
  readonly #memory: RequestRateMemory;
  readonly #tally: Tally;
  readonly #second: Int32Array;
  readonly #maxPerSec: () => number;
  readonly #refusals: Refusals;
  readonly #clock: Pick<Clock, 'unixMs'>;

  /** @param maxPerSec what one address may ask in a second; 0: no bound */
  constructor(memory: RequestRateMemory, maxPerSec: () => number, refusals: Refusals, clock: Pick<Clock, 'unixMs'>) {
    this.#memory = memory;
    // what ends with its second need not be known by thread
    this.#tally = new Tally(memory.counts, 0);
    this.#second = new Int32Array(memory.second);
    this.#maxPerSec = maxPerSec;
    this.#refusals = refusals;
    this.#clock = clock;
  }

  static memory(): RequestRateMemory {
    return { counts: Tally.memory(1), second: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) };
  }

  /**
   * Counts a request.
   * @param address an IP address; of IPv6 the first 64 bits count
   * @returns why it is not to be answered; null: it is
   */
  count(address: string): string | null {
    const max = this.#maxPerSec();
    if (max === 0) return null;
    this.#beginSecond();
    if (this.#tally.add(address, 1) <= max) return null;
    const reason = `more than ${max} requests a second come from this address`;
    this.#refusals.refused('max_requests_per_sec_per_address', address, reason);
    return reason;
  }

  #beginSecond(): void {
    const second = Math.floor(this.#clock.unixMs() / 1000) | 0;
    const before = Atomics.load(this.#second, 0);
    if (before === second || Atomics.compareExchange(this.#second, 0, before, second) !== before) return;
    Tally.clear(this.#memory.counts, 0);
  }
}
