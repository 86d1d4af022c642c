/** What a parser must hold with any input, and whether it does. */
import { isDeepStrictEqual } from 'node:util';
import { type Random, randomFrom, split } from './mutate.ts';

/** A parser under test. */
export interface FuzzTarget {
  readonly name: string;
  /** Real recordings, structures made by rule, and inputs that were trouble elsewhere. */
  readonly seeds: readonly Buffer[];
  /** What is put into its inputs now and then; absent: nothing but bytes. */
  readonly words?: readonly string[];
  /** What a short input may take, where it is more than one parser's work. Absent: 50 ms. */
  readonly maxMs?: number;
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

/** What came of an input, and what is wrong with that; null: nothing. */
export interface Judgement {
  readonly finding: Finding | null;
  readonly behaviour: string;
}

/**
 * An input that takes longer, three times, is a finding: so much, and for each MB beyond the first 64 KB so much more.
 * Milliseconds of this thread's work: what else the machine does is no fault of the parser.
 */
const MAX_MS = 50;
const MAX_MS_PER_MB = 300;
const SMALL_BYTES = 64 * 1024;
/** What comes out of one input, in bytes, at most: so many times the input, and so much besides. */
const MAX_OUT_RATIO = 128;
const MAX_OUT_BYTES = 1024 * 1024;
/** What an object or a view takes beside its content. Bytes. */
const OBJECT_BYTES = 64;

interface Outcome {
  readonly out: readonly unknown[];
  /** Null: none. */
  readonly error: string | null;
  readonly ms: number;
}

/** Tries an input; whether it is slow is looked at only with `isTimed`. */
export function judge(target: FuzzTarget, input: Buffer, random: Random, isTimed: boolean): Judgement {
  try {
    const once = take(target, [input]);
    return { finding: findingOf(target, input, once, random, isTimed), behaviour: behaviourOf(once) };
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { finding: { kind: 'crash', message, input }, behaviour: 'crash' };
  }
}

/** @throws what the target does not allow */
function findingOf(target: FuzzTarget, input: Buffer, once: Outcome, random: Random, isTimed: boolean): Finding | null {
  const found = (kind: Finding['kind'], message: string): Finding => ({ kind, message, input });
  if (isTimed) {
    const most = (target.maxMs ?? MAX_MS) + (Math.max(0, input.length - SMALL_BYTES) / 2 ** 20) * MAX_MS_PER_MB;
    // the least of three, for a collection of garbage may fall into one
    let least = once.ms;
    for (let again = 0; least > most && again < 2; again++) least = Math.min(least, take(target, [input]).ms);
    if (least > most) return found('hang', `took ${least.toFixed(0)} ms, at most ${most.toFixed(0)} are allowed`);
  }
  const most = MAX_OUT_BYTES + MAX_OUT_RATIO * input.length;
  const bytes = bytesOf(once.out);
  if (bytes > most) return found('memory', `${bytes} bytes came out of ${input.length}, at most ${most} are plausible`);
  const cut = take(target, split(input, random));
  if (once.error !== cut.error) return found('split', `whole: ${once.error}; in pieces: ${cut.error}`);
  // what came before an error may be lost with the push that found it, which is a smaller one here
  const same = once.error === null ? cut.out : cut.out.slice(0, once.out.length);
  return isDeepStrictEqual(once.out, same) ? null : found('split', 'in pieces something else came out');
}

/** @throws what the target does not allow */
function take(target: FuzzTarget, pieces: readonly Buffer[]): Outcome {
  const out: unknown[] = [];
  let said: string | null = null;
  const started = process.threadCpuUsage();
  try {
    target.run(pieces, out);
  } catch (error) {
    if (!target.allows(error)) throw error;
    said = error instanceof Error ? error.message : String(error);
  }
  const { user, system } = process.threadCpuUsage(started);
  return { out, error: said, ms: (user + system) / 1000 };
}

/** About what a value holds. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return OBJECT_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (Buffer.isBuffer(value)) return OBJECT_BYTES + value.length;
  const inner = value instanceof Map ? [...value].flat() : Object.values(value);
  return inner.reduce<number>((sum, each) => sum + bytesOf(each), OBJECT_BYTES);
}

/** Most of what quotes the input is left out, so that inputs of one behaviour are alike. */
function behaviourOf({ out, error }: Outcome): string {
  const kinds = new Set(out.map(kindOf));
  return `${[...kinds].sort().join(' ')} | ${withoutValues(error ?? '')}`.slice(0, 500);
}

function kindOf(thing: unknown): string {
  if (typeof thing === 'string') return withoutValues(thing);
  if (typeof thing !== 'object' || thing === null) return typeof thing;
  const facts = ['kind', 'type', 'codec', 'name', 'why', 'reason', 'message', 'problem', 'key'];
  return facts.flatMap((fact) => (fact in thing ? [withoutValues(String(Reflect.get(thing, fact)))] : [])).join(':');
}

function withoutValues(text: string): string {
  return text
    .slice(0, 200)
    .replace(/"[^"]*"?|0x[\da-f]+|-?\d+|[^\x20-\x7e]+/g, '#')
    .slice(0, 60);
}

/**
 * A smaller input with the same kind of finding: blocks are left out as long as it stays.
 * @param onInput told of each input that is tried; false: it is enough
 */
export function minimise(target: FuzzTarget, finding: Finding, onInput: (input: Buffer) => boolean): Finding {
  let best = finding;
  for (let size = Math.ceil(best.input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.input.length; ) {
      const shorter = Buffer.concat([best.input.subarray(0, at), best.input.subarray(at + size)]);
      if (!onInput(shorter)) return best;
      const still = judge(target, shorter, randomFrom(1), best.kind === 'hang').finding;
      if (still?.kind === best.kind) best = still;
      else at += size;
    }
  }
  return best;
}
