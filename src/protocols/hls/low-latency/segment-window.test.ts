import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SegmentWindow } from './segment-window.ts';

const INIT = Buffer.from('init');
const TARGET = { maxMs: 1000, minMs: 850 };
const OPTIONS = { segmentCount: 3, segmentDurationMs: 2000, maxBytes: 100_000 };

interface Given {
  readonly durationMs?: number;
  readonly bytes?: number;
  readonly init?: Buffer;
  readonly discontinuity?: boolean;
}

/** One segment of two parts. */
function add(window: SegmentWindow, given: Given = {}): void {
  const { durationMs = 2000, bytes = 100, init = INIT, discontinuity = false } = given;
  const part = {
    kind: 'media',
    bytes: Buffer.alloc(bytes / 2),
    durationMs: durationMs / 2,
    independent: true,
  } as const;
  for (let i = 0; i < 2; i++) window.addPart(part, { init, discontinuity, unixMs: 0, target: TARGET });
  window.endSegment(true);
}

function sequences(window: SegmentWindow): number[] {
  return window.listed.map((segment) => segment.sequence);
}

describe('SegmentWindow', () => {
  it('lists so many segments, and keeps two more for those who come late', () => {
    const window = new SegmentWindow(OPTIONS);
    for (let i = 0; i < 8; i++) add(window);
    assert.deepEqual(sequences(window), [5, 6, 7]);
    assert.deepEqual(
      [2, 3, 4, 7, 8].map((sequence) => window.segment(sequence)?.sequence ?? null),
      [null, 3, 4, 7, null],
    );
    assert.equal(window.part(5), null);
    assert.equal(window.part(6)?.id, 6);
    assert.equal(window.bytes, 500);
  });

  it('lists more where three target durations need more', () => {
    const window = new SegmentWindow(OPTIONS);
    add(window, { durationMs: 4000 });
    for (let i = 0; i < 8; i++) add(window, { durationMs: 1000 });
    assert.equal(window.targetDurationSec, 4);
    assert.deepEqual(sequences(window), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (let i = 0; i < 8; i++) add(window, { durationMs: 1000 });
    assert.equal(window.listed.length, 12);
  });

  it('counts the discontinuities that it no longer lists', () => {
    const window = new SegmentWindow(OPTIONS);
    for (let i = 0; i < 4; i++) add(window, { discontinuity: i === 1 });
    assert.deepEqual([sequences(window)[0], window.discontinuitySequence], [1, 0]);
    add(window);
    assert.deepEqual([sequences(window)[0], window.discontinuitySequence], [2, 1]);
  });

  it('drops the oldest segments where there are too many bytes, never the last', () => {
    let dropped = 0;
    const window = new SegmentWindow({ ...OPTIONS, maxBytes: 1000, onDropped: () => void dropped++ });
    for (let i = 0; i < 4; i++) add(window, { bytes: 400, discontinuity: i === 0 });
    assert.deepEqual(sequences(window), [2, 3]);
    assert.equal(window.bytes, 800);
    assert.equal(dropped, 2);
    assert.equal(window.discontinuitySequence, 1);
    add(window, { bytes: 5000 });
    assert.deepEqual(sequences(window), [4]);
  });

  it('keeps an initialisation segment once, and while a segment needs it', () => {
    const window = new SegmentWindow(OPTIONS);
    for (let i = 0; i < 3; i++) add(window, { init: Buffer.from(INIT) });
    const other = Buffer.from('other');
    add(window, { init: other });
    assert.deepEqual(
      window.listed.map((segment) => segment.initId),
      [0, 0, 1],
    );
    assert.deepEqual([window.init(0), window.init(1), window.init(2)], [INIT, other, null]);
    for (let i = 0; i < 4; i++) add(window, { init: other });
    assert.deepEqual([window.init(0), window.init(1)], [null, other]);
  });

  it('numbers parts on over segments, and a segment without a part is none', () => {
    const window = new SegmentWindow(OPTIONS);
    window.endSegment(true);
    assert.equal(window.nextSequence, 0);
    add(window);
    add(window);
    assert.deepEqual(
      window.listed.map((segment) => segment.parts.map((part) => part.id)),
      [
        [0, 1],
        [2, 3],
      ],
    );
    assert.equal(window.nextPartId, 4);
  });
});
