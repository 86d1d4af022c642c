/** Continuous time from 32-bit timestamps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TimestampUnwrapper } from './timestamp-unwrapper.ts';

test('wraps in both directions', () => {
  const time = new TimestampUnwrapper();
  const wrap = 2 ** 32;
  const steps = [
    [0xfffffff0, wrap - 16],
    [0x10, wrap + 16],
    [0xfffffff0, wrap - 16],
    [0x10, wrap + 16],
    [0x70000000, wrap + 0x70000000],
    [0xe0000000, wrap + 0xe0000000],
    [0x50000000, 2 * wrap + 0x50000000],
  ] as const;
  for (const [timestamp, continuous] of steps) assert.equal(time.unwrap(timestamp), continuous);
});

test('goes below zero where the first timestamps are out of order', () => {
  const time = new TimestampUnwrapper();
  assert.equal(time.unwrap(10), 10);
  assert.equal(time.unwrap(0xfffffff6), -10);
  assert.equal(time.unwrap(0), 0);
});

test('follows any line whose steps are shorter than 2^31', () => {
  const anyStep = fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.array(anyStep), (start, steps) => {
      const time = new TimestampUnwrapper();
      let line = time.unwrap(start);
      for (const step of steps) {
        line += step;
        assert.equal(time.unwrap(((line % 2 ** 32) + 2 ** 32) % 2 ** 32), line);
      }
    }),
  );
});
