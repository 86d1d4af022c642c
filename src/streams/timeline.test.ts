import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timeline } from './timeline.ts';

/** Runs frames `[kind, dts, nowMs]` through a timeline and gives the times that come out. */
function run(timeline: Timeline, frames: ['video' | 'audio', number, number][]): number[] {
  return frames.map(([kind, dts, now]) => dts + timeline.offset(kind, dts, now));
}

test('times of a well-behaved publisher stay as they are', () => {
  const timeline = new Timeline();
  timeline.begin();
  assert.deepEqual(
    run(timeline, [
      ['video', 1000, 0],
      ['audio', 990, 1],
      ['video', 1040, 40],
      ['audio', 1013, 41],
    ]),
    [1000, 990, 1040, 1013],
  );
  assert.equal(timeline.jumps, 0);
});

test('a first time that is negative or near the wrap begins at 0', () => {
  for (const first of [-5000, 2 ** 32 - 10]) {
    const timeline = new Timeline();
    timeline.begin();
    assert.deepEqual(
      run(timeline, [
        ['video', first, 0],
        ['audio', first + 5, 0],
        ['video', first + 40, 40],
      ]),
      [0, 5, 40],
    );
  }
});

test('a jump back is bridged, for both tracks alike, whichever comes first', () => {
  const timeline = new Timeline();
  timeline.begin();
  const out = run(timeline, [
    ['video', 50_000, 0],
    ['audio', 50_010, 10],
    ['video', 50_040, 40],
    ['video', 100, 80],
    ['audio', 50_033, 81],
    ['audio', 110, 90],
    ['video', 140, 120],
    ['audio', 133, 121],
  ]);
  assert.deepEqual(out, [50_000, 50_010, 50_040, 50_080, 50_033, 50_090, 50_120, 50_113]);
  assert.equal(timeline.jumps, 1);
});

test('a jump ahead is bridged only where time did not really pass', () => {
  const timeline = new Timeline();
  timeline.begin();
  assert.deepEqual(
    run(timeline, [
      ['video', 0, 0],
      ['video', 31_536_000_000, 40],
    ]),
    [0, 40],
  );
  const paused = new Timeline();
  paused.begin();
  assert.deepEqual(
    run(paused, [
      ['video', 0, 0],
      ['video', 60_000, 60_000],
    ]),
    [0, 60_000],
  );
});

test('small steps back are left to the players', () => {
  const timeline = new Timeline();
  timeline.begin();
  assert.deepEqual(
    run(timeline, [
      ['video', 1000, 0],
      ['video', 900, 40],
    ]),
    [1000, 900],
  );
});

test('a publisher that comes back follows on after the time that passed, and at least one step later', () => {
  const timeline = new Timeline();
  timeline.begin();
  run(timeline, [
    ['video', 8000, 0],
    ['audio', 8020, 20],
  ]);
  timeline.begin();
  assert.deepEqual(
    run(timeline, [
      ['audio', 0, 520],
      ['video', 10, 530],
    ]),
    [8520, 8530],
  );
  timeline.begin();
  assert.deepEqual(run(timeline, [['video', 0, 531]]), [8570]);
});
