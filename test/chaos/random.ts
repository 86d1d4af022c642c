/** Chance that can be replayed: the same seed makes the same choices, in whatever order they are asked for. */
import { hash } from 'node:crypto';

/** A number from 0 up to 1 that depends on nothing but what is given. */
export function chance(...parts: readonly (string | number)[]): number {
  return Number.parseInt(hash('sha1', parts.join(' '), 'hex').slice(0, 8), 16) / 2 ** 32;
}

/** A row of choices of its own. */
export class Random {
  readonly #name: string;
  #drawn = 0;

  /** @param parts what tells this row from all others, the seed among it */
  constructor(...parts: readonly (string | number)[]) {
    this.#name = parts.join(' ');
  }

  /** From 0 up to 1. */
  next(): number {
    return chance(this.#name, this.#drawn++);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.between(0, items.length - 1)] ?? items[0];
  }
}
