/** Tests of the calendar arithmetic of log rotation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { outdated, periodEnd, periodStamp } from './rotation.ts';

const afternoon = new Date(2026, 10, 24, 15, 4, 5, 6).getTime();

test('a day ends at local midnight, an hour at the full hour, and never means never', () => {
  assert.equal(periodEnd('daily', afternoon), new Date(2026, 10, 25).getTime());
  assert.equal(periodEnd('hourly', afternoon), new Date(2026, 10, 24, 16).getTime());
  assert.equal(periodEnd('never', afternoon), Number.POSITIVE_INFINITY);
});

test('the last millisecond belongs to its day, the next one to the next', () => {
  const midnight = new Date(2027, 0, 1).getTime();
  assert.equal(periodEnd('daily', midnight - 1), midnight);
  assert.equal(periodStamp('daily', midnight - 1), '20261231');
  assert.equal(periodEnd('daily', midnight), new Date(2027, 0, 2).getTime());
  assert.equal(periodStamp('daily', midnight), '20270101');
});

test('stamps are YYYYMMDD and YYYYMMDDHH', () => {
  assert.equal(periodStamp('daily', afternoon), '20261124');
  assert.equal(periodStamp('hourly', afternoon), '2026112415');
  assert.equal(periodStamp('hourly', new Date(2026, 0, 2, 3).getTime()), '2026010203');
});

test('a period always ends later than now, and within 25 hours or one', () => {
  const moments = fc.date({ min: new Date(2000, 0, 1), max: new Date(2100, 0, 1), noInvalidDate: true });
  fc.assert(
    fc.property(moments, (date) => {
      const now = date.getTime();
      const day = periodEnd('daily', now) - now;
      const hour = periodEnd('hourly', now) - now;
      assert.ok(day > 0 && day <= 25 * 3_600_000, `a day that ends in ${day} ms`);
      assert.ok(hour > 0 && hour <= 3_600_000, `an hour that ends in ${hour} ms`);
    }),
  );
});

test('what is older than maxDays is outdated, daily, hourly and numbered; what is not ours never is', () => {
  const names = [
    'a.log',
    'a.log.20261123',
    'a.log.20261122',
    'a.log.20261121',
    'a.log.2026112123',
    'a.log.20261121.1',
    'a.log.20261121.bak',
    'a.log.gz',
    'b.log.20200101',
    'a.log.2020',
  ];
  assert.deepEqual(outdated('a.log', names, 2, afternoon), ['a.log.20261121', 'a.log.2026112123', 'a.log.20261121.1']);
  assert.deepEqual(outdated('a.log', names, 0, afternoon), []);
  assert.deepEqual(outdated('a.log', names, 1, afternoon).includes('a.log.20261122'), true);
});
