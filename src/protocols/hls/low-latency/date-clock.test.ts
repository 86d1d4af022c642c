import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DateClock } from './date-clock.ts';

describe('DateClock', () => {
  it('goes on with the media, whatever the delay of single frames', () => {
    const clock = new DateClock(500, 1_000_000);
    clock.correct(2500, 1_003_900);
    assert.equal(clock.at(2500), 1_002_000);
    clock.correct(4500, 1_003_100);
    assert.equal(clock.at(4500), 1_004_000);
  });

  it('follows our clock where the media fall behind', () => {
    const clock = new DateClock(0, 0);
    clock.correct(10_000, 12_500);
    assert.equal(clock.at(10_000), 12_500);
  });

  it('goes back by less than a second at a time where the media run ahead', () => {
    const clock = new DateClock(0, 0);
    const dates = [4000, 6000, 8000, 10_000].map((ms) => {
      clock.correct(ms, ms - 3500);
      return clock.at(ms) - ms;
    });
    assert.deepEqual(dates, [-900, -1800, -1800, -1800]);
  });
});
