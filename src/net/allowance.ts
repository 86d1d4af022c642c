/** How many of something there may be: in all, and of one address. */
import type { LimitName, Refusals } from './refusals.ts';
import type { Tally } from './tally.ts';

/** 0: no bound. */
export interface AllowanceBounds {
  readonly all: number;
  readonly perAddress: number;
}

/** What is allowed, and the bounds' names. */
export interface AllowanceKind {
  /** For sentences, e.g. `connections`. */
  readonly things: string;
  readonly all: LimitName;
  /** Null: addresses are not told apart. */
  readonly perAddress: LimitName | null;
}

/** Taken until `release`, which counts once; or why not. */
export type Taken =
  | { readonly ok: true; release(): void }
  | { readonly ok: false; readonly limit: LimitName; readonly reason: string };

/** Where nothing is counted. */
export const UNCOUNTED: Taken = { ok: true, release: () => {} };

export class Allowance {
  readonly #kind: AllowanceKind;
  readonly #tally: Tally;
  readonly #refusals: Refusals;
  #bounds: AllowanceBounds;

  constructor(kind: AllowanceKind, bounds: AllowanceBounds, tally: Tally, refusals: Refusals) {
    this.#kind = kind;
    this.#bounds = bounds;
    this.#tally = tally;
    this.#refusals = refusals;
  }

  /** For what comes from now on; nothing that is there is taken away. */
  update(bounds: AllowanceBounds): void {
    this.#bounds = bounds;
  }

  /**
   * Threads that take the last one at the same moment may both get it: the bound is passed by no more than their number.
   * @param address an IP address; of IPv6 the first 64 bits count
   */
  take(address: string, count = 1): Taken {
    const { things, all, perAddress } = this.#kind;
    const bounds = this.#bounds;
    if (bounds.all > 0 && this.#tally.all + count > bounds.all) {
      return this.#refuse(all, address, `${bounds.all} ${things} are open, and no more are allowed`);
    }
    if (perAddress !== null && bounds.perAddress > 0 && this.#tally.of(address) + count > bounds.perAddress) {
      const reason = `${bounds.perAddress} ${things} are open from this address, and no more are allowed`;
      return this.#refuse(perAddress, address, reason);
    }
    this.#tally.add(address, count);
    let isTaken = true;
    return {
      ok: true,
      release: () => {
        if (isTaken) this.#tally.add(address, -count);
        isTaken = false;
      },
    };
  }

  #refuse(limit: LimitName, address: string, reason: string): Taken {
    this.#refusals.refused(limit, address, reason);
    return { ok: false, limit, reason };
  }
}
