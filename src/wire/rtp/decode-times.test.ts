/** Decoding times: for every order of frames they go up and are not after the frame is shown. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DecodeTimes } from './decode-times.ts';

function times(depth: number | null, pts: readonly number[], keys: readonly number[] = [0]): (number | null)[] {
  const decodeTimes = new DecodeTimes();
  decodeTimes.setDepth(depth);
  return pts.map((time, i) => decodeTimes.next(time, keys.includes(i)));
}

describe('decoding times', () => {
  it('are the presentation times without B-frames', () => {
    assert.deepEqual(times(0, [1000, 1040, 1080, 1120]), [1000, 1040, 1080, 1120]);
    assert.deepEqual(times(null, [1000, 1040, 1080, 1120]), [1000, 1040, 1080, 1120]);
  });

  it('lie the reorder depth behind with them', () => {
    // I0 P3 B1 B2 P6 B4 B5
    assert.deepEqual(times(1, [0, 120, 40, 80, 240, 160, 200]), [-40, 0, 40, 80, 120, 160, 200]);
    // I0 P4 B2 b1 b3 P8 B6 b5 b7
    assert.deepEqual(times(2, [0, 160, 80, 40, 120, 320, 240, 200, 280]), [-80, -40, 0, 40, 80, 120, 160, 200, 240]);
  });

  it('are learnt where the SPS says nothing: the frames that are met first are left out', () => {
    assert.deepEqual(times(null, [0, 160, 80, 40, 120, 320, 240, 200, 280, 480, 400, 360, 440]), [
      0,
      160,
      null,
      null,
      null,
      161,
      162,
      200,
      240,
      280,
      320,
      360,
      400,
    ]);
  });

  it('go on over a clock that jumps ahead, and back where it is set back', () => {
    assert.deepEqual(times(0, [0, 40, 90_000, 90_040]), [0, 40, 90_000, 90_040]);
    assert.deepEqual(times(0, [5000, 5040, 100, 140], [0, 2]), [5000, 5040, 100, 140]);
    assert.deepEqual(times(0, [5000, 5040, 100, 140]), [5000, 5040, 100, 140]);
  });

  it('begin anew after a loss', () => {
    const decodeTimes = new DecodeTimes();
    decodeTimes.setDepth(2);
    for (const pts of [0, 160, 80, 40, 120]) decodeTimes.next(pts, pts === 0);
    decodeTimes.restart();
    assert.deepEqual(
      [4000, 4160, 4080, 4040].map((pts) => decodeTimes.next(pts, pts === 4000)),
      [3920, 3960, 4000, 4040],
    );
  });

  it('go up and are not above presentation times for any order within the depth', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.record({ pick: fc.nat(), step: fc.double({ min: 0.5, max: 100, noNaN: true }) }), {
          minLength: 1,
          maxLength: 200,
        }),
        (depth, choices) => {
          // decoding order, the key frame first: each time one of the next frames to be shown, none more than `depth` ahead of one that is left
          const shown: number[] = [];
          let pts = 1000;
          for (const { step } of choices) {
            pts += step;
            shown.push(pts);
          }
          const left = shown.map((time, order) => ({ time, order }));
          const decoded: number[] = [];
          let ahead: number[] = [];
          for (const { pick } of choices) {
            const due = left[0]?.order ?? 0;
            ahead = ahead.filter((order) => order > due);
            const choice = decoded.length > 0 && ahead.length < depth ? pick % Math.min(left.length, depth + 1) : 0;
            const [frame] = left.splice(choice, 1);
            if (frame === undefined) break;
            if (choice > 0) ahead.push(frame.order);
            decoded.push(frame.time);
          }
          let last = Number.NEGATIVE_INFINITY;
          for (const [i, dts] of times(depth, decoded).entries()) {
            const time = decoded[i] ?? 0;
            assert.ok(dts !== null && dts > last && dts <= time, `${dts} after ${last} for ${time}`);
            last = dts;
          }
        },
      ),
    );
  });
});
