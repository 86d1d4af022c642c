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

/** No input grows beyond this by its mutations. Bytes. */
const MAX_BYTES = 64 * 1024;
/** At most so many changes from one input to the next. */
const MAX_STEPS = 6;
/** Values at which lengths, types and counters tend to go wrong. */
const NOTABLE = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 187, 188, 189, 254, 255];
const NOTABLE_WORDS = [0, 1, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffff, 0xffffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Mutation = (input: Buffer, others: readonly Buffer[], random: Random) => Buffer;

const MUTATIONS: readonly Mutation[] = [flipBit, setByte, setWord, nudgeWord, erase, repeat, insert, splice, cut];

/** Another input, made from `input` and pieces of `others`. */
export function mutate(input: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let mutated: Buffer = Buffer.from(input);
  for (let steps = 1 + whole(random, MAX_STEPS); steps > 0; steps--) {
    const mutation = MUTATIONS[whole(random, MUTATIONS.length)] ?? flipBit;
    mutated = mutation(mutated, others, random).subarray(0, MAX_BYTES);
  }
  return mutated;
}

/** The input in pieces, as a network might deliver it. */
export function split(input: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  const most = [1, 3, 16, 200, 2000][whole(random, 5)] ?? 1;
  for (let at = 0; at < input.length; ) {
    const size = 1 + whole(random, most);
    pieces.push(input.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function flipBit(input: Buffer, _others: readonly Buffer[], random: Random): Buffer {
  const at = whole(random, input.length);
  if (at < input.length) input[at] = (input[at] ?? 0) ^ (1 << whole(random, 8));
  return input;
}

function setByte(input: Buffer, _others: readonly Buffer[], random: Random): Buffer {
  const at = whole(random, input.length);
  if (at < input.length)
    input[at] = random() < 0.5 ? whole(random, 256) : (NOTABLE[whole(random, NOTABLE.length)] ?? 0);
  return input;
}

/** A field of 2, 3 or 4 bytes, most significant first. */
function setWord(input: Buffer, _others: readonly Buffer[], random: Random): Buffer {
  const size = 2 + whole(random, 3);
  if (input.length < size) return input;
  const value = NOTABLE_WORDS[whole(random, NOTABLE_WORDS.length)] ?? 0;
  input.writeUIntBE(value % 2 ** (8 * size), whole(random, input.length - size + 1), size);
  return input;
}

/** A length that is off by a little. */
function nudgeWord(input: Buffer, _others: readonly Buffer[], random: Random): Buffer {
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

function erase(input: Buffer, _others: readonly Buffer[], random: Random): Buffer {
  const [start, end] = block(input, random);
  return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
}

function repeat(input: Buffer, _others: readonly Buffer[], random: Random): Buffer {
  const [start, end] = block(input, random);
  const copies = Array.from({ length: 1 + whole(random, 4) }, () => input.subarray(start, end));
  return Buffer.concat([input.subarray(0, end), ...copies, input.subarray(end)]);
}

function insert(input: Buffer, _others: readonly Buffer[], random: Random): Buffer {
  const at = whole(random, input.length + 1);
  const bytes = Buffer.from(Array.from({ length: 1 + whole(random, 12) }, () => whole(random, 256)));
  return Buffer.concat([input.subarray(0, at), bytes, input.subarray(at)]);
}

/** A piece of another input in the place of a piece of this one. */
function splice(input: Buffer, others: readonly Buffer[], random: Random): Buffer {
  const other = others[whole(random, others.length)] ?? input;
  const [start, end] = block(input, random);
  const [otherStart, otherEnd] = block(other, random);
  return Buffer.concat([input.subarray(0, start), other.subarray(otherStart, otherEnd), input.subarray(end)]);
}

function cut(input: Buffer, _others: readonly Buffer[], random: Random): Buffer {
  return input.subarray(0, whole(random, input.length + 1));
}
