/** Feeds one parser with inputs made from others, those the more that showed something new. */
import type { Coverage } from './coverage.ts';
import { type Finding, type FuzzTarget, judge } from './judge.ts';
import { mutate, type Random, randomFrom, whole } from './mutate.ts';

/** Inputs that behaved in a new way are changed further; at most so many, the oldest of them are replaced. */
const MAX_BEHAVIOURS = 300;
/** Inputs between two looks at what ran. */
const BATCH = 50;

export interface FuzzOptions {
  readonly seed: number;
  /** Whether slow inputs are findings. */
  readonly isTimed: boolean;
  /** Tells the inputs that run what none ran before; null: all that counts is what comes out. */
  readonly coverage: Coverage | null;
  /** Told of each input before it is tried. */
  readonly onInput?: (input: Buffer) => void;
}

export class Fuzzer {
  readonly #target: FuzzTarget;
  readonly #options: FuzzOptions;
  readonly #random: Random;
  /** The seeds, and the inputs that ran something new. */
  readonly #corpus: Buffer[];
  readonly #others: Buffer[] = [];
  readonly #behaviours = new Set<string>();
  #batch: Buffer[] = [];
  inputs = 0;

  constructor(target: FuzzTarget, options: FuzzOptions) {
    this.#target = target;
    this.#options = options;
    this.#random = randomFrom(options.seed);
    this.#corpus = [...target.seeds];
  }

  /** Kinds of behaviour that were seen. */
  get behaviours(): number {
    return this.#behaviours.size;
  }

  /** Inputs that are changed further, the seeds among them. */
  get kept(): number {
    return this.#corpus.length;
  }

  /** Tries one more input. */
  next(): Finding | null {
    const { isTimed, coverage } = this.#options;
    const bases = this.#others.length > 0 && this.#random() < 0.3 ? this.#others : this.#corpus;
    const [some, other] = [this.#pick(bases), this.#pick(bases)];
    // more of the short ones are tried in the same time, and a change of them hits more often
    const base = some.length <= other.length ? some : other;
    const input = mutate(
      base,
      { others: this.#corpus, words: this.#target.words ?? [], isLong: isTimed },
      this.#random,
    );
    this.inputs++;
    this.#options.onInput?.(input);
    const { finding, behaviour } = judge(this.#target, input, this.#random, isTimed);
    if (finding !== null) return finding;
    if (!this.#behaviours.has(behaviour)) this.#keepForBehaviour(input, behaviour);
    if (coverage !== null && this.#batch.push(input) >= BATCH) this.#lookAtBatch(coverage);
    return null;
  }

  #pick(inputs: readonly Buffer[]): Buffer {
    return inputs[whole(this.#random, inputs.length)] ?? Buffer.alloc(0);
  }

  #keepForBehaviour(input: Buffer, behaviour: string): void {
    this.#behaviours.add(behaviour);
    if (this.#others.length < MAX_BEHAVIOURS) this.#others.push(input);
    else this.#others[whole(this.#random, MAX_BEHAVIOURS)] = input;
  }

  /** Where the batch ran something new, its inputs run again one by one. */
  #lookAtBatch(coverage: Coverage): void {
    const batch = this.#batch;
    this.#batch = [];
    const all = coverage.look();
    if (!coverage.isNew(all)) return;
    for (const input of batch) {
      try {
        this.#target.run([input], []);
      } catch {
        // judged before
      }
      const look = coverage.look();
      if (!coverage.isNew(look)) continue;
      coverage.add(look);
      this.#corpus.push(input);
    }
    // what only the pieces of an input ran, too
    coverage.add(all);
  }
}
