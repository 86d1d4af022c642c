/** Tests of what answers mean and how long a retry waits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs, judge, retryAfterMs } from './retry-policy.ts';

const middle = (): number => 0.5;
const answered = (status: number, retryAfter: string | null = null) =>
  judge({ kind: 'answered', status, retryAfter }, 1, 0, middle);

test('2xx is delivered, 5xx and "not now" are tried again, all else is refused', () => {
  for (const status of [200, 201, 204, 299]) assert.deepEqual(answered(status), { kind: 'delivered', status });
  for (const status of [301, 302, 307, 304, 400, 401, 404, 410, 422]) {
    assert.deepEqual(answered(status), { kind: 'refused', status });
  }
  for (const status of [408, 425, 429, 500, 502, 503, 504, 599]) {
    assert.deepEqual(answered(status), { kind: 'retry', delayMs: 500, status, why: `answered ${status}` });
  }
});

test('no answer is tried again', () => {
  const answer = { kind: 'unanswered', cause: 'timeout', why: 'no answer within 5 ms' } as const;
  assert.deepEqual(judge(answer, 3, 0, middle), {
    kind: 'retry',
    delayMs: 2000,
    status: null,
    why: 'no answer within 5 ms',
  });
});

test('the delay doubles from 0.5 s to 60 s, a quarter more or less', () => {
  assert.deepEqual(
    [1, 2, 3, 7, 8, 100, 5000].map((n) => backoffMs(n, middle)),
    [500, 1000, 2000, 32_000, 60_000, 60_000, 60_000],
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const centre = backoffMs(attempt, middle);
      const delay = backoffMs(attempt, () => random);
      return delay >= centre * 0.75 - 1 && delay <= centre * 1.25 + 1;
    }),
  );
});

test('Retry-After is honoured in seconds and as a date, up to an hour, never below the back-off', () => {
  assert.deepEqual(answered(503, '7'), { kind: 'retry', delayMs: 7000, status: 503, why: 'answered 503' });
  assert.deepEqual(answered(503, '0'), { kind: 'retry', delayMs: 500, status: 503, why: 'answered 503' });
  const now = Date.UTC(2026, 0, 1, 0, 0, 0);
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:01:30 GMT', now), 90_000);
  assert.equal(retryAfterMs('Thu, 01 Jan 2020 00:00:00 GMT', now), 0);
  assert.equal(retryAfterMs('99999999', now), 3_600_000);
  assert.equal(retryAfterMs('soon', now), 0);
  assert.equal(retryAfterMs(null, now), 0);
});
