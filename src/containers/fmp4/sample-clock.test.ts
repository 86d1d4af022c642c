import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SampleClock } from './sample-clock.ts';

describe('SampleClock', () => {
  it('evens out milliseconds that were rounded', () => {
    const clock = new SampleClock(44_100);
    const times = Array.from({ length: 50 }, (_, i) => clock.time(Math.round((i * 1024_000) / 44_100), 1024));
    assert.deepEqual(
      times,
      Array.from({ length: 50 }, (_, i) => i * 1024),
    );
  });

  it('leaves a gap where a frame is missing', () => {
    const clock = new SampleClock(48_000);
    const frames = [0, 1, 2, 4, 5];
    const times = frames.map((i) => clock.time(Math.round((i * 1024) / 48), 1024));
    const missing = Math.round((4 * 1024) / 48) * 48;
    assert.deepEqual(times, [0, 1024, 2048, missing, missing + 1024]);
  });

  it('follows a clock that drifts away by a gap of less than a frame', () => {
    const clock = new SampleClock(48_000);
    let largest = 0;
    for (let i = 0; i < 5000; i++) {
      const ms = i * (1024 / 48) * 1.001;
      largest = Math.max(largest, Math.abs(clock.time(ms, 1024) - ms * 48));
    }
    assert.ok(largest <= 1024, `${largest} ticks apart`);
  });

  it('takes times as they are where no duration is known', () => {
    const clock = new SampleClock(90_000);
    assert.deepEqual(
      [0, 33, 67, 100].map((ms) => clock.time(ms, null)),
      [0, 2970, 6030, 9000],
    );
  });

  it('is never negative and never stands still', () => {
    const clock = new SampleClock(90_000);
    assert.deepEqual(
      [-5, -5, 10, 10, 5, 20].map((ms) => clock.time(ms, null)),
      [0, 1, 900, 901, 902, 1800],
    );
  });
});
