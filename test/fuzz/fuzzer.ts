/** Feeds one parser with mutated inputs, and judges what it does with each. */
import { isDeepStrictEqual } from 'node:util';
import { serialize } from 'node:v8';
import { mutate, type Random, randomFrom, split, whole } from './mutate.ts';

/** A parser under test. */
export interface FuzzTarget {
  readonly name: string;
  /** Real recordings and inputs that were trouble elsewhere. */
  readonly seeds: readonly Buffer[];
  /**
   * Feeds a fresh parser. What comes out goes to `out`, also what came before an error.
   * @param pieces one after the other; a parser of whole inputs joins them
   * @throws what `allows` allows, where the input is bad
   */
  run(pieces: readonly Buffer[], out: unknown[]): void;
  /** Whether this is how the parser says that its input is bad. */
  allows(error: unknown): boolean;
}

/** What went wrong with an input. */
export interface Finding {
  readonly kind: 'crash' | 'hang' | 'memory' | 'split';
  readonly message: string;
  readonly input: Buffer;
}

/** An input that takes longer, twice, is a finding. Milliseconds. */
const MAX_MS = 50;
/** What comes out of one input, in bytes, at most: so many times the input, and so much besides. */
const MAX_OUT_RATIO = 64;
const MAX_OUT_BYTES = 1024 * 1024;
/** Inputs that showed something new are mutated further; at most so many, the oldest of them are replaced. */
const MAX_CORPUS = 400;

interface Outcome {
  readonly out: readonly unknown[];
  /** Null: none. */
  readonly error: string | null;
  readonly ms: number;
}

/** What is wrong with how the target takes this input; null: nothing. Whether it is slow is looked at only with `isTimed`. */
export function judge(target: FuzzTarget, input: Buffer, random: Random, isTimed: boolean): Finding | null {
  const found = (kind: Finding['kind'], message: string): Finding => ({ kind, message, input });
  try {
    const once = take(target, [input]);
    if (isTimed && once.ms > MAX_MS) {
      const again = take(target, [input]).ms;
      if (again > MAX_MS) return found('hang', `took ${once.ms.toFixed(0)} and ${again.toFixed(0)} ms`);
    }
    const most = MAX_OUT_BYTES + MAX_OUT_RATIO * input.length;
    const bytes = serialize(once.out).length;
    if (bytes > most) {
      return found('memory', `${bytes} bytes came out of ${input.length}, at most ${most} are plausible`);
    }
    const cut = take(target, split(input, random));
    if (once.error !== cut.error) return found('split', `whole: ${once.error}; in pieces: ${cut.error}`);
    // what came before an error may be lost with the push that found it
    if (once.error === null && !isDeepStrictEqual(once.out, cut.out))
      return found('split', 'in pieces something else came out');
    return null;
  } catch (error) {
    return found('crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

/** @throws what the target does not allow */
function take(target: FuzzTarget, pieces: readonly Buffer[]): Outcome {
  const out: unknown[] = [];
  let said: string | null = null;
  const started = performance.now();
  try {
    target.run(pieces, out);
  } catch (error) {
    if (!target.allows(error)) throw error;
    said = error instanceof Error ? error.message : String(error);
  }
  const ms = performance.now() - started;
  return { out, error: said, ms };
}

/** Mutates its target's inputs, those the more that showed something new. */
export class Fuzzer {
  readonly #target: FuzzTarget;
  readonly #random: Random;
  readonly #corpus: Buffer[];
  readonly #seen = new Set<string>();
  inputs = 0;

  constructor(target: FuzzTarget, seed: number) {
    this.#target = target;
    this.#random = randomFrom(seed);
    this.#corpus = [...target.seeds];
  }

  /** Kinds of behaviour that were seen. */
  get behaviours(): number {
    return this.#seen.size;
  }

  /** Tries one more input. */
  next(isTimed: boolean): Finding | null {
    const base = this.#corpus[whole(this.#random, this.#corpus.length)] ?? Buffer.alloc(0);
    const input = mutate(base, this.#corpus, this.#random);
    this.inputs++;
    const finding = judge(this.#target, input, this.#random, isTimed);
    if (finding === null) this.#keepIfNew(input);
    return finding;
  }

  #keepIfNew(input: Buffer): void {
    const behaviour = behaviourOf(this.#target, input);
    if (this.#seen.has(behaviour)) return;
    this.#seen.add(behaviour);
    if (this.#corpus.length < MAX_CORPUS) this.#corpus.push(input);
    else this.#corpus[this.#target.seeds.length + whole(this.#random, MAX_CORPUS - this.#target.seeds.length)] = input;
  }
}

/** Which kinds of things came out, and what was said: inputs of one behaviour are alike. */
function behaviourOf(target: FuzzTarget, input: Buffer): string {
  const out: unknown[] = [];
  let said = '';
  try {
    target.run([input], out);
  } catch (error) {
    said = error instanceof Error ? error.message : String(error);
  }
  const kinds = new Set(out.map(kindOf));
  return `${[...kinds].sort().join(' ')} | ${said}`.replace(/0x[\da-f]+|\d+/g, '#').slice(0, 500);
}

function kindOf(thing: unknown): string {
  if (typeof thing !== 'object' || thing === null) return String(thing).slice(0, 60);
  const facts = ['kind', 'type', 'codec', 'name', 'why', 'message', 'problem', 'key'];
  return facts.flatMap((fact) => (fact in thing ? [String(Reflect.get(thing, fact)).slice(0, 60)] : [])).join(':');
}

/** A smaller input with the same kind of finding: blocks are left out as long as it stays. */
export function minimise(target: FuzzTarget, finding: Finding): Finding {
  let best = finding;
  for (let size = Math.ceil(best.input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.input.length; ) {
      const shorter = Buffer.concat([best.input.subarray(0, at), best.input.subarray(at + size)]);
      const still = judge(target, shorter, randomFrom(1), best.kind === 'hang');
      if (still?.kind === best.kind) best = still;
      else at += size;
    }
  }
  return best;
}
