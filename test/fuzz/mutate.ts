/** Makes inputs of a parser from others: reproducible changes of bytes, blocks and length fields, and cuts into pieces. */

/** Numbers from 0 (included) to 1, the same for the same seed. */
export type Random = () => number;

/** A small generator (mulberry32): its quality is enough for choosing mutations, and a run repeats by its seed. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from 0 to `below` - 1; 0 where that is none. */
export function whole(random: Random, below: number): number {
  return Math.floor(random() * below);
}

/** No input grows beyond this by its mutations; a long one beyond that. Bytes. */
const MAX_BYTES = 64 * 1024;
export const MAX_LONG_BYTES = 1024 * 1024;
/** Of so many inputs one is as long as most may be, and of so many of those one is longer. */
const LONG_ONES = 40;
const LONGER_ONES = 20;
/** At most so many changes from one input to the next. */
const MAX_STEPS = 6;
/** Values at which lengths, types and counters tend to go wrong. */
const NOTABLE = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 187, 188, 189, 254, 255];
const NOTABLE_WORDS = [0, 1, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffff, 0xffffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** What inputs are made of beside the one that is changed. */
export interface Material {
  readonly others: readonly Buffer[];
  readonly words: readonly string[];
  /** Whether some inputs may be long: to find what takes the square of an input's length. */
  readonly isLong: boolean;
}

type Mutation = (input: Buffer, material: Material, random: Random) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  ...[flipBit, setByte, setWord, nudgeWord, erase, repeat, insert, insertWord, splice, cut],
];

/** Another input, made from `input` and what else there is. */
export function mutate(input: Buffer, material: Material, random: Random): Buffer {
  let mutated: Buffer = Buffer.from(input.subarray(0, MAX_BYTES));
  for (let steps = 1 + whole(random, MAX_STEPS); steps > 0; steps--) {
    const mutation = MUTATIONS[whole(random, MUTATIONS.length)] ?? flipBit;
    mutated = mutation(mutated, material, random).subarray(0, MAX_BYTES);
  }
  if (!material.isLong || whole(random, LONG_ONES) > 0) return mutated;
  return stretch(mutated, whole(random, LONGER_ONES) === 0 ? MAX_LONG_BYTES : MAX_BYTES, random);
}

/** The input in pieces, as a network might deliver it. */
export function split(input: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  // long inputs are not cut into a million pieces
  const most = Math.max([1, 3, 16, 200, 200, 2000, 2000, 2000][whole(random, 8)] ?? 1, input.length >> 15);
  for (let at = 0; at < input.length; ) {
    const size = 1 + whole(random, most);
    pieces.push(input.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function flipBit(input: Buffer, _material: Material, random: Random): Buffer {
  const at = whole(random, input.length);
  if (at < input.length) input[at] = (input[at] ?? 0) ^ (1 << whole(random, 8));
  return input;
}

function setByte(input: Buffer, _material: Material, random: Random): Buffer {
  const at = whole(random, input.length);
  if (at < input.length)
    input[at] = random() < 0.5 ? whole(random, 256) : (NOTABLE[whole(random, NOTABLE.length)] ?? 0);
  return input;
}

/** A field of 2, 3 or 4 bytes, most significant first. */
function setWord(input: Buffer, _material: Material, random: Random): Buffer {
  const size = 2 + whole(random, 3);
  if (input.length < size) return input;
  const value = NOTABLE_WORDS[whole(random, NOTABLE_WORDS.length)] ?? 0;
  input.writeUIntBE(value % 2 ** (8 * size), whole(random, input.length - size + 1), size);
  return input;
}

/** A length that is off by a little. */
function nudgeWord(input: Buffer, _material: Material, random: Random): Buffer {
  const size = 1 + whole(random, 4);
  if (input.length < size) return input;
  const at = whole(random, input.length - size + 1);
  const limit = 2 ** (8 * size);
  input.writeUIntBE((input.readUIntBE(at, size) + whole(random, 9) - 4 + limit) % limit, at, size);
  return input;
}

function block(input: Buffer, random: Random): [start: number, end: number] {
  const start = whole(random, input.length + 1);
  return [start, start + whole(random, Math.min(400, input.length - start + 1))];
}

function erase(input: Buffer, _material: Material, random: Random): Buffer {
  const [start, end] = block(input, random);
  return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
}

function repeat(input: Buffer, _material: Material, random: Random): Buffer {
  const [start, end] = block(input, random);
  const copies = Array.from({ length: 1 + whole(random, 4) }, () => input.subarray(start, end));
  return Buffer.concat([input.subarray(0, end), ...copies, input.subarray(end)]);
}

function insert(input: Buffer, _material: Material, random: Random): Buffer {
  const at = whole(random, input.length + 1);
  const bytes = Buffer.from(Array.from({ length: 1 + whole(random, 12) }, () => whole(random, 256)));
  return Buffer.concat([input.subarray(0, at), bytes, input.subarray(at)]);
}

function insertWord(input: Buffer, { words }: Material, random: Random): Buffer {
  const at = whole(random, input.length + 1);
  const word = Buffer.from(words[whole(random, words.length)] ?? '');
  return Buffer.concat([input.subarray(0, at), word, input.subarray(at)]);
}

/** A block again and again, up to so many bytes in all. */
function stretch(input: Buffer, bytes: number, random: Random): Buffer {
  const [start, end] = block(input, random);
  if (start === end) return input;
  const copies = Math.floor(Math.max(0, bytes - input.length) / (end - start));
  const repeated = Buffer.alloc(copies * (end - start), input.subarray(start, end));
  return Buffer.concat([input.subarray(0, end), repeated, input.subarray(end)]);
}

/** A piece of another input in the place of a piece of this one. */
function splice(input: Buffer, { others }: Material, random: Random): Buffer {
  const other = others[whole(random, others.length)] ?? input;
  const [start, end] = block(input, random);
  const [otherStart, otherEnd] = block(other, random);
  return Buffer.concat([input.subarray(0, start), other.subarray(otherStart, otherEnd), input.subarray(end)]);
}

function cut(input: Buffer, _material: Material, random: Random): Buffer {
  return input.subarray(0, whole(random, input.length + 1));
}
