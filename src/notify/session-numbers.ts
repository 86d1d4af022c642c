/** The numbers of sessions: kept in blocks ahead of their use, so that none is given twice, whatever ends the process. */
import type { Clock, SessionCounter } from '../streams/index.ts';
import type { Outbox } from './outbox.ts';

/** The prefixes whose first block is kept before any session begins. */
const KNOWN_PREFIXES = [
  'RTMPPUBSUB',
  'FLVSUB',
  'TSSUB',
  'HLSSUB',
  'RTSPPUB',
  'RTSPSUB',
  'RTMPPULL',
  'RTSPPULL',
  'RTMPPUSH',
  'PSPUB',
  'CUSTOMIZEPUB',
  'CUSTOMIZESUB',
];
const BLOCK = 1000;

interface Numbers {
  last: number;
  /** Numbers up to this one were asked to be kept. */
  asked: number;
  /** Numbers up to this one are kept. */
  safe: number;
}

export class SessionNumbers implements SessionCounter {
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #numbers = new Map<string, Numbers>();
  #isComplete = true;

  constructor(outbox: Outbox, clock: Clock) {
    this.#outbox = outbox;
    this.#clock = clock;
  }

  /** Goes on after these. Not `isComplete`: there may be others, so numbers go on from the time. */
  start(counters: ReadonlyMap<string, number>, isComplete: boolean): void {
    this.#isComplete = isComplete;
    for (const [prefix, last] of counters) {
      const numbers = this.#of(prefix);
      numbers.last = Math.max(numbers.last, last);
      this.#reserve(prefix, numbers);
    }
    for (const prefix of KNOWN_PREFIXES) this.#reserve(prefix, this.#of(prefix));
  }

  next(prefix: string): number {
    const numbers = this.#of(prefix);
    // The outbox keeps changes in order: while it works, no event of a session is committed before its number is.
    // While it does not, only the time tells numbers from those of other processes.
    if (numbers.last >= numbers.safe && this.#outbox.keeping.in === 'memory' && !this.#outbox.isVolatile) {
      numbers.last = Math.max(numbers.last, this.#clock.unixMs());
    }
    numbers.last++;
    this.#reserve(prefix, numbers);
    return numbers.last;
  }

  /** No more are given: what is left of the blocks is given back. */
  stop(): void {
    for (const [prefix, { last }] of this.#numbers) this.#outbox.reserve(prefix, last, true, () => {});
  }

  #of(prefix: string): Numbers {
    let numbers = this.#numbers.get(prefix);
    if (numbers === undefined) {
      const last = this.#isComplete ? 0 : this.#clock.unixMs();
      numbers = { last, asked: last, safe: last };
      this.#numbers.set(prefix, numbers);
    }
    return numbers;
  }

  /** Keeps the next block once half of this one is used up. */
  #reserve(prefix: string, numbers: Numbers): void {
    if (numbers.asked - numbers.last > BLOCK / 2) return;
    const upTo = numbers.last + BLOCK;
    numbers.asked = upTo;
    this.#outbox.reserve(prefix, upTo, false, () => {
      numbers.safe = upTo;
    });
  }
}
