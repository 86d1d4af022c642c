/** `kill -9` again and again, with the receiver up, down, hanging and worse: nothing is lost, in doubt or out of order. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../support/process.ts';

const ROUNDS = 24;
const SCRIPT = join(import.meta.dirname, '../../scripts/chaos.ts');

test('whatever was committed is delivered, in order, and every start has its stop', async (t) => {
  // to see it again: CHAOS_SEED=NUMBER npm test -- test/e2e/crash.test.ts
  const seed = process.env['CHAOS_SEED'] ?? String(randomInt(2 ** 31));
  t.diagnostic(`CHAOS_SEED=${seed}`);
  const { code, stdout: bytes, stderr } = await run(t, process.execPath, [SCRIPT, String(ROUNDS), seed]);
  const stdout = bytes.toString();
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  // and it was no idle run
  const figure = (name: string): number => Number(new RegExp(`${name}\\D*(\\d+)`).exec(stdout)?.[1]);
  assert.ok(figure('ended by kill -9') >= ROUNDS / 2, stdout);
  assert.ok(figure('events found committed after kills') > 10 * ROUNDS, stdout);
});
