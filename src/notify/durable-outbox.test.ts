/** Tests of the outbox in its database: what is given out when, what is still there after a crash, and in which order. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  crashed,
  delivered,
  drained,
  event,
  openOutbox,
  outboxFile,
  RECEIVER,
  retry,
  seqs,
  taken,
} from './outbox.fixture.ts';
import type { OpenChange } from './outbox.ts';

test('an event is given out once it is committed, not before', async (t) => {
  const { outbox } = await openOutbox(t, outboxFile(t));
  assert.equal(outbox.append(event('a')), 1);
  assert.equal(outbox.append(event('a')), 2);
  assert.deepEqual((await outbox.take(RECEIVER, 64)).runs, []);
  await outbox.idle();
  const { runs } = await outbox.take(RECEIVER, 64);
  assert.deepEqual(
    runs.map((run) => run.map(({ seq, streamSeq }) => [seq, streamSeq])),
    [
      [
        [1, 1],
        [2, 2],
      ],
    ],
  );
});

test('what was committed and not settled is there after a crash, with its number, id, body, URL and tries', async (t) => {
  const path = outboxFile(t);
  const { outbox, time } = await openOutbox(t, path);
  for (const lane of ['a', 'b', 'a', 'c']) outbox.append(event(lane, { url: `${RECEIVER}/old`, body: `"${lane}ö"` }));
  const first = await taken(outbox);
  assert.deepEqual(seqs(first), [1, 3, 2, 4]);
  for (const each of first) {
    if (each.lane === 'b') outbox.settle(each, retry(10_000));
    else if (each.seq === 1) outbox.settle(each, delivered);
  }
  await outbox.idle();
  const again = await openOutbox(t, crashed(t, path));
  assert.equal(again.outbox.waiting, 3);
  assert.equal(again.outbox.lastSeq, 4);
  const before = await taken(again.outbox);
  assert.deepEqual(before, [first[1], first[3]]);
  assert.equal(again.outbox.append(event('a')), 5);
  again.time.advance(time.now + 9999 - again.time.now);
  assert.deepEqual(await taken(again.outbox), []);
  again.time.advance(1);
  assert.deepEqual(await taken(again.outbox), [{ ...first[2], attempts: 1 }]);
  for (const each of before) again.outbox.settle(each, delivered);
  const [next] = await taken(again.outbox);
  assert.deepEqual([next?.seq, next?.streamSeq], [5, 3]);
});

test('what waits for another event still waits for it after a crash, until that is settled or released', async (t) => {
  const path = outboxFile(t);
  const { outbox } = await openOutbox(t, path);
  const connect = outbox.append(event('session x', { streamName: null }));
  const other = outbox.append(event('session y', { streamName: null }));
  outbox.append(event('a', { after: connect }));
  outbox.append(event('b', { after: other }));
  outbox.append(event('c', { after: other }));
  outbox.release(other ?? 0);
  await outbox.idle();
  const again = await openOutbox(t, crashed(t, path));
  const first = await taken(again.outbox);
  assert.deepEqual(seqs(first).sort(), [1, 2, 4, 5]);
  assert.deepEqual(await taken(again.outbox), []);
  for (const each of first) again.outbox.settle(each, delivered);
  assert.deepEqual(seqs(await taken(again.outbox)), [3]);
});

test('more events than are held come in order, lane by lane, from the database', async (t) => {
  const path = outboxFile(t);
  const { outbox } = await openOutbox(t, path);
  for (let i = 0; i < 1000; i++) outbox.append(event(`lane ${i % 3}`));
  await outbox.idle();
  for (const { outbox: each } of [await openOutbox(t, crashed(t, path)), { outbox }]) {
    for (let i = 0; i < 100; i++) each.append(event(`lane ${i % 4}`));
    const all = await drained(each);
    assert.equal(all.length, 1100);
    for (const lane of ['lane 0', 'lane 1', 'lane 2', 'lane 3']) {
      const ofLane = all.filter((one) => one.lane === lane);
      assert.deepEqual(
        ofLane.map(({ streamSeq }) => streamSeq),
        ofLane.map((_, i) => i + 1),
      );
    }
    assert.equal(each.waiting, 0);
  }
});

test('crashes at any moment lose no committed event, keep each lane in order, and number without gaps', async (t) => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ append: fc.constantFrom('a', 'b', 'c'), times: fc.integer({ min: 1, max: 90 }) }),
    },
    { weight: 3, arbitrary: fc.record({ deliver: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 1, arbitrary: fc.constant('crash' as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      let path = outboxFile(t);
      let { outbox } = await openOutbox(t, path);
      const appended = new Map<string, number>();
      const seen = new Map<string, number[]>();
      const deliver = (one: { lane: string; streamSeq: number | null }): void => {
        seen.set(one.lane, [...(seen.get(one.lane) ?? []), one.streamSeq ?? 0]);
      };
      for (const each of steps) {
        if (each === 'crash') {
          await outbox.idle();
          path = crashed(t, path);
          await outbox.close();
          ({ outbox } = await openOutbox(t, path));
        } else if ('append' in each) {
          for (let i = 0; i < each.times; i++) outbox.append(event(each.append));
          appended.set(each.append, (appended.get(each.append) ?? 0) + each.times);
        } else {
          for (const one of await taken(outbox, each.deliver % 4)) {
            deliver(one);
            outbox.settle(one, delivered);
          }
        }
      }
      for (const one of await drained(outbox)) deliver(one);
      assert.equal(outbox.waiting, 0);
      for (const [lane, count] of appended) {
        assert.deepEqual(
          seen.get(lane),
          Array.from({ length: count }, (_, i) => i + 1),
        );
      }
      await outbox.close();
    }),
    { numRuns: 25 },
  );
});

test('sessions and records without a stop, their last byte sums and the numbers given are there after a crash', async (t) => {
  const path = outboxFile(t);
  const { outbox } = await openOutbox(t, path);
  const session = (sessionId: string) => ({
    sessionId,
    protocol: 'RTMP' as const,
    baseType: 'PUB' as const,
    remoteAddr: '127.0.0.1:1',
    url: 'rtmp://h/live/a',
    appName: 'live',
    streamName: 'a',
    urlParam: '',
    hasInSession: true,
    hasOutSession: false,
    readBytesSum: 1,
    wroteBytesSum: 2,
  });
  const opened = (id: string) => ({ kind: 'open', of: 'session', id, facts: session(id) }) as const;
  const recordFacts = (path: string) =>
    ({ streamName: 'a', appName: 'live', format: 'flv', path, startUnixMs: 7 }) as const;
  const record = (path: string): OpenChange => ({ kind: 'open', of: 'record', id: path, facts: recordFacts(path) });
  outbox.append(event('a'), opened('X1'));
  outbox.note(opened('X2'));
  outbox.note(opened('X3'));
  for (const path of ['b.flv', 'X2', 'a.flv']) outbox.append(event('a'), record(path));
  outbox.append(event('a'), { kind: 'close', of: 'session', id: 'X1' });
  outbox.note({ kind: 'close', of: 'record', id: 'X2' });
  outbox.count([{ sessionId: 'X3', readBytesSum: 30, wroteBytesSum: 31 }]);
  outbox.reserve('X', 1000, false, () => {});
  await outbox.idle();
  const { left } = await openOutbox(t, crashed(t, path));
  assert.deepEqual(left, [
    {
      sessions: [session('X2'), { ...session('X3'), readBytesSum: 30, wroteBytesSum: 31 }],
      records: [recordFacts('b.flv'), recordFacts('a.flv')],
      counters: new Map([['X', 1000]]),
      complete: true,
    },
  ]);
});

test('a database of the version before, which knew of no records, is taken over with all that it holds', async (t) => {
  const path = outboxFile(t);
  const { outbox } = await openOutbox(t, path);
  outbox.append(event('a'));
  await outbox.close();
  const db = new DatabaseSync(path);
  db.exec('DROP TABLE records; PRAGMA user_version = 1;');
  db.close();
  const facts = { streamName: 'a', appName: 'live', format: 'flv', path: 'a.flv', startUnixMs: 7 } as const;
  const again = await openOutbox(t, path);
  again.outbox.note({ kind: 'open', of: 'record', id: 'a', facts });
  await again.outbox.idle();
  const { outbox: third, left } = await openOutbox(t, crashed(t, path));
  assert.deepEqual(left[0]?.records, [facts]);
  assert.deepEqual(seqs(await drained(third)), [1]);
});

test('a second outbox on the same file is refused, and harms nothing', async (t) => {
  const path = outboxFile(t);
  const { outbox } = await openOutbox(t, path);
  outbox.append(event('a'));
  await assert.rejects(openOutbox(t, path), /outbox .*outbox\.db: another process has it open/);
  outbox.append(event('a'));
  assert.deepEqual(seqs(await drained(outbox)), [1, 2]);
});

test('events are found by number, stream and state, with their tries', async (t) => {
  const { outbox, time } = await openOutbox(t, outboxFile(t));
  for (const lane of ['a', 'b', 'a', 'c']) outbox.append(event(lane));
  const [a1, a2, b, c] = await taken(outbox);
  assert.ok(a1 && a2 && b && c);
  outbox.settle(a1, retry(500));
  time.advance(500);
  const [again] = await taken(outbox);
  assert.ok(again);
  outbox.settle(again, delivered);
  outbox.settle(b, { kind: 'refused', status: 404 });
  outbox.settle(c, { kind: 'expired', status: null, why: 'no answer' });
  await outbox.idle();
  const all = { since: 0, streamName: null, state: null, limit: 100 };
  const found = async (filter: object) => seqs(await outbox.events({ ...all, ...filter }));
  assert.deepEqual(await found({}), [1, 2, 3, 4]);
  assert.deepEqual(await found({ since: 2 }), [3, 4]);
  assert.deepEqual(await found({ limit: 2 }), [1, 2]);
  assert.deepEqual(await found({ streamName: 'a' }), [1, 3]);
  assert.deepEqual(await found({ streamName: 'a', state: 'waiting' }), [3]);
  assert.deepEqual(await found({ state: 'waiting' }), [3]);
  assert.deepEqual(await found({ state: 'delivered' }), [1]);
  assert.deepEqual(await found({ state: 'refused' }), [2]);
  assert.deepEqual(await found({ state: 'expired' }), [4]);
  const newest = { isNewestFirst: true };
  assert.deepEqual(await found(newest), [4, 3, 2, 1]);
  assert.deepEqual(await found({ ...newest, since: 1, before: 4 }), [3, 2]);
  assert.deepEqual(await found({ ...newest, streamName: 'a' }), [3, 1]);
  assert.deepEqual(await found({ ...newest, state: 'waiting', before: 4 }), [3]);
  assert.deepEqual(await found({ ...newest, state: 'refused', before: 2 }), []);
  assert.deepEqual(await found({ before: 3 }), [1, 2]);
  const tries = (await outbox.events(all)).map((one) => [
    one.state,
    one.attempts,
    one.tries.map(({ status, error }) => status ?? error),
  ]);
  assert.deepEqual(tries, [
    ['delivered', 2, [503, 200]],
    ['refused', 1, [404]],
    ['waiting', 0, []],
    ['expired', 1, ['no answer']],
  ]);
  const [tally] = await outbox.tallies();
  assert.deepEqual(tally, {
    receiver: RECEIVER,
    backlog: 1,
    oldestUnixMs: 1_700_000_000_000,
    retrying: 0,
    delivered: 1,
    refused: 1,
    expired: 1,
  });
});

test('a search takes as many steps as it needs, from either end', async (t) => {
  const { outbox } = await openOutbox(t, outboxFile(t));
  const count = 5000;
  for (let i = 1; i <= count; i++) outbox.append(event('a'));
  const [first] = await taken(outbox);
  assert.ok(first);
  outbox.settle(first, delivered);
  await outbox.idle();
  const all = { since: 0, streamName: 'a', state: null, limit: count };
  const rising = seqs(await outbox.events(all));
  assert.deepEqual(
    rising,
    Array.from({ length: count }, (_, i) => i + 1),
  );
  assert.deepEqual(seqs(await outbox.events({ ...all, isNewestFirst: true })), rising.toReversed());
  assert.deepEqual(seqs(await outbox.events({ ...all, isNewestFirst: true, state: 'delivered', limit: 1 })), [1]);
});

test('settled events are replayed under their ids, in order, by id, state or number', async (t) => {
  const path = outboxFile(t);
  const { outbox } = await openOutbox(t, path);
  for (let i = 0; i < 1200; i++) outbox.append(event(i % 2 === 0 ? 'a' : 'b'));
  const first = await drained(outbox);
  outbox.append(event('a'));
  await outbox.idle();
  assert.equal(await outbox.replay({ from: 3, to: 6 }), 4);
  assert.equal(await outbox.replay({ from: 3, to: 6 }), 0);
  assert.equal(await outbox.replay({ ids: [first[0]?.id ?? '', 'msg-0-1', 'x'] }), 1);
  const again = await openOutbox(t, crashed(t, path));
  for (const each of [outbox, again.outbox]) {
    const replayed = await drained(each);
    assert.deepEqual(
      seqs(replayed).toSorted((a, b) => a - b),
      [1, 3, 4, 5, 6, 1201],
    );
    assert.deepEqual(seqs(replayed.filter(({ seq }) => seq === 3 || seq === 5)), [3, 5]);
    assert.equal(replayed.find(({ seq }) => seq === 3)?.id, first.find(({ seq }) => seq === 3)?.id);
    await each.idle();
    assert.equal(await each.replay({ state: 'delivered' }), 1201);
    assert.equal(each.waiting, 1201);
    assert.equal((await drained(each)).length, 1201);
  }
});

test('settled events are removed once they were kept for their time, waiting ones are not', async (t) => {
  const { outbox, time } = await openOutbox(t, outboxFile(t), { retentionHours: 1 });
  for (let i = 0; i < 1200; i++) outbox.append(event('a'));
  outbox.append(event('b'));
  for (;;) {
    const events = await taken(outbox, 1);
    if (events.length === 0 || events[0]?.lane === 'b') break;
    for (const each of events) outbox.settle(each, delivered);
  }
  await outbox.idle();
  const count = async () => (await outbox.events({ since: 0, streamName: null, state: null, limit: 5000 })).length;
  const before = await count();
  time.advance(60_000);
  assert.equal(await count(), before);
  for (let i = 0; i < 10; i++) {
    time.advance(3_600_000);
    await outbox.tallies();
  }
  const rest = await outbox.events({ since: 0, streamName: null, state: null, limit: 5000 });
  assert.ok(rest.length > 0 && rest.every(({ state }) => state === 'waiting'));
  assert.ok(rest.some(({ lane }) => lane === 'b'));
});

test('those who watch are told of each event once it is committed, in order', async (t) => {
  const { outbox } = await openOutbox(t, outboxFile(t));
  const told: number[] = [];
  const end = outbox.watch((events) => told.push(...seqs(events)));
  for (let i = 0; i < 700; i++) outbox.append(event('a'));
  assert.deepEqual(told, []);
  await outbox.idle();
  assert.deepEqual(
    told,
    Array.from({ length: 700 }, (_, i) => i + 1),
  );
  end();
  outbox.append(event('a'));
  await outbox.idle();
  assert.equal(told.length, 700);
});
