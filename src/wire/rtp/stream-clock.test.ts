/** The stream's time: wraps, where media begin, and what sender reports change. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { START_MS, StreamClock } from './stream-clock.ts';

const VIDEO = 0;
const AUDIO = 1;
const UINT32 = 2 ** 32;
/** A time of day. */
const NOON = 1_800_000_000_000;

function clock(): StreamClock {
  return new StreamClock([
    { kind: 'video', clockRate: 90_000 },
    { kind: 'audio', clockRate: 48_000 },
  ]);
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 0.01, `${actual}, not ${expected}`);
}

/** Audio in packets of 20 ms for so long; gives the times of the packets. */
function runAudio(streamClock: StreamClock, fromTimestamp: number, nowMs: number, ms: number): number[] {
  const times: number[] = [];
  for (let at = 0; at < ms; at += 20) {
    const timestamp = fromTimestamp + at * 48;
    streamClock.arrive(AUDIO, timestamp, nowMs + at);
    times.push(streamClock.time(AUDIO, timestamp));
  }
  return times;
}

describe('the stream clock', () => {
  it('begins at its start, has fractions, and counts over the wrap and back', () => {
    const streamClock = clock();
    const first = UINT32 - 4500;
    streamClock.arrive(VIDEO, first, 0);
    near(streamClock.time(VIDEO, first), START_MS);
    streamClock.arrive(VIDEO, 4500, 100);
    near(streamClock.time(VIDEO, 4500), START_MS + 100);
    near(streamClock.time(VIDEO, UINT32 - 1), START_MS + 50 - 1 / 90);
    near(streamClock.time(VIDEO, 4501), START_MS + 100 + 1 / 90);
    for (let turn = 0; turn < 20; turn++) streamClock.arrive(VIDEO, (4500 + turn * 2 ** 30) % UINT32, 0);
    near(streamClock.time(VIDEO, (4500 + 19 * 2 ** 30) % UINT32), START_MS + 100 + (19 * 2 ** 30) / 90);
  });

  it('puts a medium where it arrives as long as there are no reports', () => {
    const streamClock = clock();
    streamClock.arrive(VIDEO, 1000, 5000);
    streamClock.arrive(AUDIO, 777, 5300);
    near(streamClock.time(AUDIO, 777), START_MS + 300);
    streamClock.report(VIDEO, NOON, 1000);
    near(streamClock.time(AUDIO, 777), START_MS + 300);
  });

  it('puts a medium where the reports say that came before it', () => {
    const streamClock = clock();
    streamClock.report(AUDIO, NOON + 200, 777);
    streamClock.report(VIDEO, NOON, 1000);
    streamClock.arrive(VIDEO, 1000 + 9000, 0);
    streamClock.arrive(AUDIO, 777, 0);
    near(streamClock.time(VIDEO, 10_000), START_MS);
    near(streamClock.time(AUDIO, 777), START_MS + 100);
  });

  it('leads audio to where late reports say, a little with each packet', () => {
    for (const off of [120, -120]) {
      const streamClock = clock();
      streamClock.arrive(VIDEO, 0, 0);
      streamClock.arrive(AUDIO, 0, 0);
      streamClock.report(VIDEO, NOON, 0);
      assert.equal(streamClock.report(AUDIO, NOON + off, 0), null);
      near(streamClock.time(AUDIO, 0), START_MS);
      const times = runAudio(streamClock, 0, 0, 10_000);
      for (const [i, time] of times.entries()) {
        const step = time - (times[i - 1] ?? time - 20);
        assert.ok(step > 19.5 && step < 20.5, `a step of ${step} ms`);
      }
      near(times.at(-1) ?? 0, START_MS + off + 9980);
      near(streamClock.time(VIDEO, 0), START_MS);
    }
  });

  it('leaves audio that is off by less than a few milliseconds', () => {
    const streamClock = clock();
    streamClock.arrive(VIDEO, 0, 0);
    streamClock.arrive(AUDIO, 0, 0);
    streamClock.report(VIDEO, NOON, 0);
    streamClock.report(AUDIO, NOON + 4, 0);
    near(runAudio(streamClock, 0, 0, 1000).at(-1) ?? 0, START_MS + 980);
  });

  it('moves what is early ahead at once where it is far off, and no time goes back', () => {
    for (const off of [3000, -3000]) {
      const streamClock = clock();
      streamClock.arrive(VIDEO, 0, 0);
      streamClock.arrive(AUDIO, 0, 0);
      streamClock.report(VIDEO, NOON, 0);
      streamClock.report(AUDIO, NOON + off, 0);
      near(streamClock.time(AUDIO, 0), START_MS + Math.max(0, off));
      near(streamClock.time(VIDEO, 0), START_MS + Math.max(0, -off));
    }
  });

  it('does not believe reports that put the media hours apart', () => {
    const streamClock = clock();
    streamClock.arrive(VIDEO, 0, 0);
    streamClock.arrive(AUDIO, 0, 0);
    streamClock.report(VIDEO, NOON, 0);
    assert.match(streamClock.report(AUDIO, NOON + 7_200_000, 0) ?? '', /7200000 ms from where it arrives, up to 10000/);
    near(streamClock.time(AUDIO, 0), START_MS);
    const other = clock();
    other.report(VIDEO, NOON, 0);
    other.report(AUDIO, NOON + 7_200_000, 0);
    other.arrive(VIDEO, 0, 0);
    other.arrive(AUDIO, 0, 50);
    near(other.time(AUDIO, 0), START_MS + 50);
  });

  it('goes on by arrival where a sender began anew', () => {
    const streamClock = clock();
    streamClock.arrive(VIDEO, 5_000_000, 0);
    streamClock.arrive(VIDEO, 5_090_000, 1000);
    streamClock.restart(VIDEO);
    streamClock.arrive(VIDEO, 42, 3500);
    near(streamClock.time(VIDEO, 42), START_MS + 3500);
    near(streamClock.time(VIDEO, 42 + 9000), START_MS + 3600);
  });

  it('begins no medium before the floor', () => {
    const streamClock = clock();
    streamClock.report(VIDEO, NOON, 0);
    streamClock.report(AUDIO, NOON, 0);
    streamClock.arrive(AUDIO, 48 * 2000, 0);
    streamClock.arrive(VIDEO, 0, 0);
    near(streamClock.time(VIDEO, 0), 500);
    near(streamClock.time(AUDIO, 48 * 2000), 2500);
  });

  it('moves to a time of the first frame', () => {
    const streamClock = clock();
    streamClock.arrive(VIDEO, 0, 0);
    streamClock.arrive(AUDIO, 0, 100);
    streamClock.arrive(VIDEO, 90_000, 1000);
    streamClock.moveTo(VIDEO, 90_000, START_MS);
    near(streamClock.time(VIDEO, 90_000), START_MS);
    near(streamClock.time(AUDIO, 48 * 900), START_MS);
  });
});
