/** Tests of the outbox in memory: lanes, waiting for others, retries, and the bound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryOutbox } from './memory-outbox.ts';
import { FakeTime } from './notify.fixture.ts';
import type { NewEvent, WaitingEvent } from './outbox.ts';

const event = (lane: string, after: number | null = null): NewEvent => ({
  event: 'on_pub_start',
  url: 'http://h/x',
  receiver: 'http://h',
  lane,
  after,
  body: '{}',
  streamName: lane,
  sessionId: null,
  reason: null,
  unixMs: 0,
});

async function fresh(maxWaiting = 100) {
  const clock = new FakeTime();
  const outbox = new MemoryOutbox({ idPrefix: 'm-', clock, maxWaiting });
  const ready: string[] = [];
  await outbox.open((receiver) => ready.push(receiver));
  /** The numbers of what can be taken, run by run. */
  const take = async (maxLanes = 64) => {
    const { runs, nextDueMs } = await outbox.take('http://h', maxLanes);
    const events = runs.flat();
    const settle = (seq: number, settlement: Parameters<MemoryOutbox['settle']>[1]): void =>
      outbox.settle(events.find((each) => each.seq === seq) as WaitingEvent, settlement);
    return { seqs: runs.map((run) => run.map(({ seq }) => seq)), events, nextDueMs, settle };
  };
  return { outbox, clock, ready, take };
}
const delivered = { kind: 'delivered', status: 200 } as const;

test('a lane that is taken is not given out again until its run is settled', async () => {
  const { outbox, take } = await fresh();
  for (const lane of ['a', 'b', 'a']) outbox.append(event(lane));
  const first = await take();
  assert.deepEqual(first.seqs, [[1, 3], [2]]);
  assert.deepEqual(
    first.events.map(({ streamSeq }) => streamSeq),
    [1, 2, 1],
  );
  outbox.append(event('a'));
  assert.deepEqual((await take()).seqs, []);
  first.settle(1, delivered);
  assert.deepEqual((await take()).seqs, []);
  first.settle(3, delivered);
  assert.deepEqual((await take()).seqs, [[4]]);
  assert.equal(outbox.waiting, 2);
});

test('a retry gives the whole lane back, for later, with the try counted', async () => {
  const { outbox, clock, take } = await fresh();
  for (const lane of ['a', 'a', 'b']) outbox.append(event(lane));
  const first = await take();
  first.settle(1, { kind: 'retry', delayMs: 500, status: null, why: '' });
  const none = await take();
  assert.deepEqual([none.seqs, none.nextDueMs], [[], 500]);
  clock.advance(499);
  assert.deepEqual((await take()).seqs, []);
  clock.advance(1);
  const again = await take();
  assert.deepEqual(again.seqs, [[1, 2]]);
  assert.deepEqual(
    again.events.map(({ attempts, id }) => [attempts, id]),
    [
      [1, 'm-1'],
      [0, 'm-2'],
    ],
  );
});

test('an event that waits for another holds its lane up, and no other, until that one is settled or released', async () => {
  const { outbox, ready, take } = await fresh();
  outbox.append(event('connect'));
  outbox.append(event('a'));
  outbox.append(event('a', 1));
  outbox.append(event('b', 1));
  outbox.append(event('c'));
  const first = await take();
  assert.deepEqual(first.seqs, [[1], [2], [5]]);
  first.settle(2, delivered);
  assert.deepEqual((await take()).seqs, []);
  ready.length = 0;
  first.settle(1, { kind: 'refused', status: 404 });
  assert.deepEqual(ready, ['http://h', 'http://h']);
  assert.deepEqual((await take()).seqs, [[4], [3]]);
});

test('a released event holds nobody up though it waits still', async () => {
  const { outbox, take } = await fresh();
  outbox.append(event('a'));
  outbox.append(event('b', 1));
  outbox.release(1);
  assert.deepEqual((await take()).seqs, [[1], [2]]);
});

test('hurry makes every retry due', async () => {
  const { outbox, take } = await fresh();
  outbox.append(event('a'));
  (await take()).settle(1, { kind: 'retry', delayMs: 60_000, status: null, why: '' });
  outbox.hurry();
  assert.deepEqual((await take()).seqs, [[1]]);
});

test('beyond the bound nothing is taken in, and numbers have no gap', async () => {
  const { outbox, take } = await fresh(2);
  assert.deepEqual(
    ['a', 'a', 'b'].map((lane) => outbox.append(event(lane))),
    [1, 2, null],
  );
  (await take()).settle(1, delivered);
  assert.equal(outbox.append(event('b')), 3);
});

test('takes no more lanes than asked for, and lanes take turns', async () => {
  const { outbox, take } = await fresh();
  for (let i = 0; i < 20; i++) outbox.append(event('long'));
  outbox.append(event('short'));
  const first = await take(1);
  assert.equal(first.events.length, 16);
  for (const { seq } of first.events) first.settle(seq, delivered);
  assert.deepEqual((await take(1)).seqs, [[21]]);
  assert.deepEqual((await take(1)).seqs, [[17, 18, 19, 20]]);
});

test('events are found from either end, between two numbers', async () => {
  const { outbox } = await fresh();
  for (const lane of ['a', 'b', 'a', 'b', 'a']) outbox.append(event(lane));
  const found = async (filter: object) =>
    (await outbox.events({ since: 0, streamName: null, state: null, limit: 3, ...filter })).map(({ seq }) => seq);
  assert.deepEqual(await found({}), [1, 2, 3]);
  assert.deepEqual(await found({ before: 3 }), [1, 2]);
  assert.deepEqual(await found({ isNewestFirst: true }), [5, 4, 3]);
  assert.deepEqual(await found({ isNewestFirst: true, since: 1, before: 5, streamName: 'b' }), [4, 2]);
});
