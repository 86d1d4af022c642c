/** How many of something each address has, and all together: counted over all threads, in memory that they share. */
import { randomBytes } from 'node:crypto';
import { plainAddress, withoutZone } from './address.ts';

/** An address is counted in one slot of each row; what is least in its slots is taken for its count. */
const ROWS = 2;
const SLOTS = 1 << 16;
/** Before the threads' own counts: one secret for each row, so that nobody can choose whom he shares a slot with. */
const HEAD = ROWS;
/** A thread's sum, then its rows. */
const PER_THREAD = 1 + ROWS * SLOTS;

/**
 * Memory does not grow with the number of addresses. Of two that share their slots in both rows each is counted with the
 * other one's: with 10,000 addresses that happens to one in two thousand.
 */
export class Tally {
  readonly #seeds: readonly number[];
  readonly #own: Int32Array;
  readonly #all: readonly Int32Array[];

  /** @param thread the place that this thread adds in, from 0; what is cleared by thread is to have a place for each */
  constructor(memory: SharedArrayBuffer, thread: number) {
    const counts = new Int32Array(memory);
    this.#seeds = [...counts.subarray(0, HEAD)];
    const threads = (counts.length - HEAD) / PER_THREAD;
    this.#all = Array.from({ length: threads }, (_, i) => partOf(counts, i));
    this.#own = partOf(counts, thread);
  }

  static memory(threads: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer((HEAD + threads * PER_THREAD) * Int32Array.BYTES_PER_ELEMENT);
    const seeds = randomBytes(HEAD * Int32Array.BYTES_PER_ELEMENT);
    new Int32Array(memory).set(Array.from({ length: HEAD }, (_, i) => seeds.readInt32LE(i * 4)));
    return memory;
  }

  /** The thread is gone, and with it all that it counted. */
  static clear(memory: SharedArrayBuffer, thread: number): void {
    partOf(new Int32Array(memory), thread).fill(0);
  }

  /** Of all addresses and threads. */
  get all(): number {
    return this.#sum(0);
  }

  /** Of this address; never less than it has. */
  of(address: string): number {
    return this.#least(this.#slots(address));
  }

  /** So many more, or fewer, of this address. @returns how many it has now; never less than that */
  add(address: string, count: number): number {
    const slots = this.#slots(address);
    Atomics.add(this.#own, 0, count);
    for (const slot of slots) Atomics.add(this.#own, slot, count);
    return this.#least(slots);
  }

  #least(slots: readonly number[]): number {
    return Math.min(...slots.map((slot) => this.#sum(slot)));
  }

  #sum(slot: number): number {
    let sum = 0;
    for (const counts of this.#all) sum += Atomics.load(counts, slot);
    return sum;
  }

  #slots(address: string): number[] {
    const network = networkOf(address);
    return this.#seeds.map((seed, row) => 1 + row * SLOTS + (hashOf(network, seed) & (SLOTS - 1)));
  }
}

function partOf(counts: Int32Array, thread: number): Int32Array {
  const start = HEAD + thread * PER_THREAD;
  return counts.subarray(start, start + PER_THREAD);
}

/** Who counts as one: an IPv4 address, or the first 64 bits of an IPv6 address, since one customer has all behind them. */
export function networkOf(address: string): string {
  const plain = withoutZone(plainAddress(address));
  if (!plain.includes(':')) return plain;
  const [before = '', after] = plain.split('::');
  const first = before === '' ? [] : before.split(':');
  const last = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  return [...first, ...Array.from({ length: zeros }, () => '0'), ...last].slice(0, 4).join(':');
}

/** FNV-1a from a secret start, its bits mixed at the end. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  return hash ^ (hash >>> 12);
}
