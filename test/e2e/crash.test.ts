/** `kill -9` again and again, with the receiver up, down, hanging and worse: nothing is lost, in doubt or out of order. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { runChaos } from '../chaos/run.ts';

const ROUNDS = 24;

test('whatever was committed is delivered, in order, and every start has its stop', async (t) => {
  // to see it again: CHAOS_SEED=NUMBER npm test -- test/e2e/crash.test.ts
  const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));
  t.diagnostic(`CHAOS_SEED=${seed}`);
  const report = await runChaos(t, { seed, rounds: ROUNDS, modes: ['up', 'down', 'hanging', 'mixed'] });
  t.diagnostic(JSON.stringify({ ...report, faults: report.faults.length }));
  assert.deepEqual(
    report.faults.map(({ kind, text }) => `${kind}: ${text}`),
    [],
    `seed ${seed}`,
  );
  // and it was no idle run
  assert.ok(report.kills >= ROUNDS / 2, `${report.kills} kills`);
  assert.ok(report.committed > 10 * ROUNDS, `${report.committed} events committed`);
  assert.ok(report.repeated > 0, 'no event was delivered twice, so none was in flight at a kill');
});
