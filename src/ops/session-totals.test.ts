/** Tests of sums that never go back, whatever sessions come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BaseType, SessionSnapshot } from '../streams/index.ts';
import { SessionTotals } from './session-totals.ts';
import { group, session } from './snapshots.fixture.ts';

test('sessions that run and those that have ended are summed by protocol and kind', () => {
  const totals = new SessionTotals();
  totals.add(session('SUB', { wroteBytesSum: 100, droppedFrames: 2 }), 'too slow');
  totals.add(session('PUB', { protocol: 'RTSP', readBytesSum: 70, lostPackets: 5 }), 'kicked');
  const subs = [session('SUB', { wroteBytesSum: 10 }), session('SUB', { wroteBytesSum: 1, droppedFrames: 1 })];
  const now = totals.with([group('a', { pub: session('PUB', { readBytesSum: 7 }), subs }), group('b', { subs })]);
  const found = now.map(({ ended, ...sums }) => ({ ...sums, ended: Object.fromEntries(ended) }));
  const none = { running: 0, started: 0, readBytes: 0, wroteBytes: 0, droppedFrames: 0, lostPackets: 0, ended: {} };
  assert.deepEqual(found, [
    {
      ...{ ...none, protocol: 'RTMP', baseType: 'SUB', running: 4, started: 5 },
      ...{ wroteBytes: 122, droppedFrames: 4, ended: { 'too slow': 1 } },
    },
    {
      ...{ ...none, protocol: 'RTSP', baseType: 'PUB', started: 1, readBytes: 70 },
      ...{ lostPackets: 5, ended: { kicked: 1 } },
    },
    { ...none, protocol: 'RTMP', baseType: 'PUB', running: 1, started: 1, readBytes: 7 },
  ]);
  const later = totals.with([]).map(({ running, started }) => [running, started]);
  assert.deepEqual(later, [
    [0, 1],
    [0, 1],
    [0, 0],
  ]);
});

test('no sum goes back', () => {
  const steps = fc.array(fc.record({ move: fc.nat(50), ends: fc.boolean(), kind: fc.constantFrom('PUB', 'SUB') }));
  fc.assert(
    fc.property(steps, (history) => {
      const totals = new SessionTotals();
      let running: SessionSnapshot[] = [];
      let before = 0;
      for (const { move, ends, kind } of history) {
        running = running.map((each) => ({ ...each, wroteBytesSum: each.wroteBytesSum + move }));
        running.push(session(kind as BaseType));
        const oldest = ends ? running.shift() : undefined;
        if (oldest !== undefined) totals.add(oldest, 'peer closed');
        const sum = totals
          .with([group('s', { subs: running })])
          .reduce((bytes, { wroteBytes, started }) => bytes + wroteBytes + started, 0);
        assert.ok(sum >= before);
        before = sum;
      }
    }),
  );
});
