/** What became of each receiver's events, in numbers. */
import type { LaneBook } from './lane-book.ts';
import type { ReceiverTally } from './outbox.ts';

type Settled = 'delivered' | 'refused' | 'expired';
export type SettledCounts = Readonly<Record<Settled, number>>;

const NONE: SettledCounts = { delivered: 0, refused: 0, expired: 0 };

export class Tallies {
  readonly #counts = new Map<string, SettledCounts>();

  /** What earlier processes counted. */
  start(receiver: string, counts: SettledCounts): void {
    this.#counts.set(receiver, counts);
  }

  add(receiver: string, settled: Settled): void {
    const counts = this.#counts.get(receiver) ?? NONE;
    this.#counts.set(receiver, { ...counts, [settled]: counts[settled] + 1 });
  }

  /** `storedOldest`: when the receiver's oldest event in the store happened. */
  of(book: LaneBook, storedOldest: (receiver: string) => number | null): ReceiverTally[] {
    const lanes = new Map(Array.from(book.receivers(), (receiver) => [receiver.name, receiver]));
    const names = new Set([...lanes.keys(), ...this.#counts.keys()]);
    return Array.from(names, (receiver) => {
      const known = lanes.get(receiver);
      const times = [storedOldest(receiver), known === undefined ? null : book.oldestUnixMs(known)];
      const present = times.filter((time) => time !== null);
      return {
        receiver,
        backlog: known?.waiting ?? 0,
        oldestUnixMs: present.length === 0 ? null : Math.min(...present),
        retrying: known?.parked.size ?? 0,
        ...(this.#counts.get(receiver) ?? NONE),
      };
    });
  }
}
