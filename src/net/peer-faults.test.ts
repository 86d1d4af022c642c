/** Tests of faults of peers: each is counted, a few are named, the rest is summed up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultLog } from './index.ts';

test('a flood of one kind is named a few times, then summed up once in a while; every fault is counted', () => {
  let nowMs = 0;
  const counts = new Map<string, number>();
  const lines: string[] = [];
  const level = (name: string) => (fields: object, message: string) => {
    if (name !== 'debug') lines.push(`${name} ${message} ${'times' in fields ? fields.times : ''}`);
  };
  const log = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
  const count = (protocol: string, reason: string): void => {
    const key = `${protocol} ${reason}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  const faults = new FaultLog(log, count, { monotonicMs: () => nowMs });
  const said = (): string[] => lines.splice(0);

  for (let i = 1; i <= 1000; i++) faults.tell('RTMP', 'malformed', { peer: `p${i}` }, `chunk ${i}`);
  assert.deepEqual(said(), ['warn chunk 1 1', 'warn chunk 2 1', 'warn chunk 3 1', 'warn chunk 4 1', 'warn chunk 5 1']);
  // another kind has its own turn
  faults.tell('RTMP', 'timed out', { peer: 'slow' }, 'nothing came');
  assert.deepEqual(said(), ['info nothing came 1']);
  // it goes on: sums alone
  nowMs += 10_000;
  for (let i = 1; i <= 7; i++) faults.tell('RTMP', 'malformed', {}, `late ${i}`);
  assert.deepEqual(said(), ['warn late 1 996']);
  nowMs += 10_000;
  faults.tell('RTMP', 'malformed', {}, 'later');
  assert.deepEqual(said(), ['warn later 7']);
  // it has stopped for a while: named again
  nowMs += 10_000;
  for (let i = 1; i <= 6; i++) faults.tell('RTMP', 'malformed', {}, 'again');
  assert.deepEqual(
    said(),
    Array.from({ length: 5 }, () => 'warn again 1'),
  );
  assert.deepEqual(Object.fromEntries(counts), { 'RTMP malformed': 1014, 'RTMP timed out': 1 });
});
