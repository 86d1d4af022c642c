import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { partTarget } from './part-target.ts';

function stepsAt(fps: number, count = 30): number[] {
  const times = Array.from({ length: count + 1 }, (_, i) => Math.round((i * 1000) / fps));
  return times.slice(1).map((time, i) => time - (times[i] ?? 0));
}

describe('partTarget', () => {
  for (const fps of [1, 5, 7, 10, 12.5, 15, 23.976, 24, 25, 29.97, 30, 43.07, 46.875, 48, 50, 59.94, 60, 120, 400]) {
    it(`fits a whole number of frames at ${fps} a second, early or late`, () => {
      const { maxMs, minMs } = partTarget(stepsAt(fps), 200, null);
      assert.ok(Math.abs(minMs - 0.85 * maxMs) < 1e-9);
      const step = 1000 / fps;
      const first = Math.ceil(minMs / step) * step;
      assert.ok(first >= minMs && first <= maxMs - 2, `${first} of ${minMs} to ${maxMs}`);
      assert.ok(maxMs >= 150 && (maxMs <= 280 || fps < 5), `parts of ${maxMs} ms`);
    });
  }

  it('keeps what was announced, where it fits', () => {
    const announced = partTarget(stepsAt(30), 200, null);
    assert.equal(partTarget(stepsAt(29.97), 200, announced), announced);
    assert.equal(partTarget(stepsAt(25), 200, announced), announced);
    assert.notEqual(partTarget(stepsAt(24), 200, announced), announced);
  });

  it('takes no hole for a frame rate, and no frames for none', () => {
    assert.deepEqual(partTarget([...stepsAt(25), 3000, 0, -40], 200, null), partTarget(stepsAt(25), 200, null));
    assert.equal(partTarget([], 200, null).maxMs, Math.ceil(200 / 0.93));
  });
});
