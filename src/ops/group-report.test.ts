/** Tests of the report of groups in the log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroupReport } from './group-report.ts';
import { group, session } from './snapshots.fixture.ts';

test('a line for all, then one for each group and its first players, within the bounds', () => {
  const lines: [object, string][] = [];
  const silent = (): void => {};
  const log = {
    debug: (...line: [object, string]) => void lines.push(line),
    info: silent,
    warn: silent,
    error: silent,
  };
  const subs = [1, 2, 3].map((n) => session('SUB', { sessionId: `RTMPSUB${n}`, writeBitrateKbits: n }));
  const groups = [group('a', { pub: session('PUB'), subs, videoCodec: 'H264' }), group('b', { subs }), group('c')];
  const report = (maxGroups: number, maxPlayers: number): unknown[] => {
    lines.length = 0;
    new GroupReport({ intervalSec: 1, maxGroups, maxPlayers }, { log, groups: () => groups, unixMs: () => 0 }).write();
    return lines.map(([fields]) => fields);
  };
  const [all, first, ...more] = report(1, 2);
  assert.deepEqual(all, { groups: 3, published: 1, players: 6 });
  assert.deepEqual(more, []);
  const { stream, videoCodec, players, named, source } = first as Record<string, unknown>;
  assert.deepEqual([stream, videoCodec, players], ['a', 'H264', 3]);
  assert.equal((source as { session: string }).session, 'RTMPPUB1');
  assert.deepEqual(
    (named as { session: string; writeKbits: number }[]).map((each) => [each.session, each.writeKbits]),
    [
      ['RTMPSUB1', 1],
      ['RTMPSUB2', 2],
    ],
  );
  assert.equal(report(10, 0).length, 4);
  assert.equal(report(0, 0).length, 1);
});

test('another interval counts at once, and only while reports are written', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const lines: string[] = [];
  const silent = (): void => {};
  const debug = (_fields: object, message: string): void => void lines.push(message);
  const log = { debug, info: silent, warn: silent, error: silent };
  const bounds = { maxGroups: 0, maxPlayers: 0 };
  const report = new GroupReport({ intervalSec: 0, ...bounds }, { log, groups: () => [], unixMs: () => 0 });
  report.update({ intervalSec: 1, ...bounds });
  t.mock.timers.tick(1000);
  assert.equal(lines.length, 0);
  report.start();
  t.mock.timers.tick(2000);
  assert.equal(lines.length, 2);
  report.update({ intervalSec: 10, ...bounds });
  t.mock.timers.tick(9000);
  assert.equal(lines.length, 2);
  t.mock.timers.tick(1000);
  assert.equal(lines.length, 3);
  report.update({ intervalSec: 0, ...bounds });
  t.mock.timers.tick(60_000);
  assert.equal(lines.length, 3);
  report.update({ intervalSec: 1, ...bounds });
  report.stop();
  t.mock.timers.tick(60_000);
  assert.equal(lines.length, 3);
});
