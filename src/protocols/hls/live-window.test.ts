import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePlaylist } from '../../containers/m3u8/index.ts';
import { LiveWindow } from './live-window.ts';

const segment = (n: number, isDiscontinuous = false, durationMs = 3000) => ({
  uri: `s-${n}.ts`,
  durationMs,
  isDiscontinuous,
});
const read = (window: LiveWindow, isEnded = false) => {
  const playlist = parsePlaylist(window.serialize(isEnded));
  assert.ok(playlist);
  return playlist;
};

test('only the last are listed, numbered on, and discontinuities that have gone are counted', () => {
  const window = new LiveWindow(3, 3000);
  assert.ok(window.isEmpty);
  for (let n = 0; n < 7; n++) window.push(segment(n, n === 2 || n === 4));
  assert.ok(!window.isEmpty);
  assert.deepEqual(read(window), {
    type: 'live',
    targetSec: 3,
    mediaSequence: 4,
    discontinuitySequence: 1,
    segments: [segment(4, true), segment(5), segment(6)],
    isEnded: false,
  });
  assert.equal(read(window, true).isEnded, true);
});

test('the target duration fits what is listed, and falls again behind a long one', () => {
  const window = new LiveWindow(2, 2500);
  assert.equal(read(window).targetSec, 3);
  window.push(segment(0, false, 29_001));
  assert.equal(read(window).targetSec, 30);
  for (const n of [1, 2]) window.push(segment(n));
  assert.equal(read(window).targetSec, 3);
});

test('it goes on where an earlier process ended, whatever that left', () => {
  const before = new LiveWindow(3, 3000);
  for (let n = 0; n < 9; n++) before.push(segment(n, n === 3 || n === 7));
  const text = before.serialize(true);

  const whole = new LiveWindow(3, 3000);
  whole.resume(text, 9, () => true);
  assert.deepEqual(read(whole, true), read(before, true));

  const smaller = new LiveWindow(1, 3000);
  smaller.resume(text, 9, () => true);
  const { mediaSequence, discontinuitySequence, segments } = read(smaller);
  assert.deepEqual([mediaSequence, discontinuitySequence, segments.length], [8, 2, 1]);

  // of what is not there any more, and what was before it, nothing is listed
  const torn = new LiveWindow(3, 3000);
  torn.resume(text, 9, (uri) => uri !== 's-7.ts');
  assert.deepEqual(read(torn).segments, [segment(8)]);
  assert.equal(read(torn).mediaSequence, 8);

  const gone = new LiveWindow(3, 3000);
  gone.resume(text, 9, () => false);
  assert.ok(gone.isEmpty);
  gone.push(segment(9, true));
  assert.equal(read(gone).mediaSequence, 9);

  for (const none of [null, 'no playlist']) {
    const window = new LiveWindow(3, 3000);
    window.resume(none, 5, () => true);
    window.push(segment(5));
    assert.equal(read(window).mediaSequence, 5);
  }
});

test('a number always means the same segment, over any number of lives', () => {
  const life = fc.record({ size: fc.integer({ min: 1, max: 5 }), count: fc.nat(8), lost: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(life, { maxLength: 6 }), (lives) => {
      const seen = new Map<number, string>();
      let text: string | null = null;
      let next = 0;
      for (const { size, count, lost } of lives) {
        const window = new LiveWindow(size, 3000);
        window.resume(text, next, (uri) => uri !== `s-${lost}.ts`);
        for (let i = 0; i < count; i++) {
          window.push(segment(next++));
          text = window.serialize(false);
          const { mediaSequence, segments } = read(window);
          assert.ok(segments.length <= size);
          segments.forEach(({ uri }, at) => {
            assert.equal(seen.get(mediaSequence + at) ?? uri, uri);
            seen.set(mediaSequence + at, uri);
          });
        }
      }
    }),
  );
});
