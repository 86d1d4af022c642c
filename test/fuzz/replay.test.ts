/** Every seed, everything that fuzzing ever found, and a short run of fuzzing that is the same each time. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fuzzer } from './fuzzer.ts';
import { judge } from './judge.ts';
import { randomFrom } from './mutate.ts';
import { TARGETS } from './targets/index.ts';

const CRASHES = join(import.meta.dirname, 'crashes');
/** Mutated inputs of each target. */
const INPUTS = 200;

for (const target of TARGETS) {
  test(`${target.name}: seeds, former findings and ${INPUTS} mutated inputs`, () => {
    const found = globSync('*', { cwd: join(CRASHES, target.name) }).map((name) =>
      readFileSync(join(CRASHES, target.name, name)),
    );
    for (const input of [...target.seeds, ...found]) {
      assert.equal(judge(target, input, randomFrom(1), false).finding, null);
    }
    const fuzzer = new Fuzzer(target, { seed: 1, isTimed: false, coverage: null });
    for (let i = 0; i < INPUTS; i++) assert.equal(fuzzer.next(), null);
    assert.ok(fuzzer.behaviours > 1, 'the inputs show different behaviours');
  });
}
