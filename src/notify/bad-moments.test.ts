/** Tests of the outbox at bad moments: replays, reads and commits that meet each other, and failures in between. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { FakeTime } from './notify.fixture.ts';
import {
  crashed,
  delivered,
  drained,
  event,
  makeOutbox,
  openOutbox,
  outboxFile,
  RECEIVER,
  recovered,
  seqs,
  taken,
} from './outbox.fixture.ts';
import type { WaitingEvent } from './outbox.ts';
import type { Request } from './outbox-messages.ts';

/** Calls back with each request to the database's thread before it is sent. */
function onRequest(t: TestContext, before: (request: Request, worker: Worker, id: number) => void): void {
  const { postMessage } = Worker.prototype;
  t.mock.method(Worker.prototype, 'postMessage', function (this: Worker, ...args: Parameters<typeof postMessage>) {
    const { id, request } = args[0] as { id: number; request: Request };
    before(request, this, id);
    return postMessage.apply(this, args);
  });
}

/** The thread ends after it did what it was asked, and nobody hears its answer. */
function loseAnswer(worker: Worker, id: number): void {
  const { emit } = worker;
  worker.emit = (name: string | symbol, ...args: unknown[]): boolean => {
    if (name !== 'message' || (args[0] as { id: number }).id !== id)
      return Reflect.apply(emit, worker, [name, ...args]);
    worker.emit = emit;
    void worker.terminate();
    return true;
  };
}

test('a replay of many steps whose events are delivered meanwhile leaves none behind', async (t) => {
  const COUNT = 3000;
  const { outbox } = makeOutbox(outboxFile(t));
  t.after(() => outbox.close());
  const underWay: WaitingEvent[] = [];
  await outbox.open(() => void outbox.take(RECEIVER, 1000).then(({ runs }) => underWay.push(...runs.flat())));
  const deliver = (): WaitingEvent[] => {
    const events = underWay.splice(0);
    for (const one of events) outbox.settle(one, delivered);
    return events;
  };
  const deliverAll = async (): Promise<WaitingEvent[]> => {
    const seen: WaitingEvent[] = [];
    for (let idle = 0; outbox.waiting > 0 && idle < 100; idle++) {
      seen.push(...deliver());
      await outbox.tallies();
      await turn();
    }
    return seen;
  };
  for (let i = 0; i < COUNT; i++) outbox.append(event(`lane ${i % 100}`));
  assert.equal((await deliverAll()).length, COUNT);
  await outbox.idle();
  assert.equal(await outbox.replay({ state: 'delivered' }), COUNT);
  const seen = await deliverAll();
  assert.deepEqual([seen.length, outbox.waiting], [COUNT, 0]);
  for (const ofLane of Map.groupBy(seen, ({ lane }) => lane).values()) {
    const numbers = seqs(ofLane);
    assert.deepEqual(
      numbers,
      numbers.toSorted((x, y) => x - y),
    );
  }
});

test('a replay whose answer is lost with the thread is finished once the database is back', async (t) => {
  let isLost = false;
  onRequest(t, (request, worker, id) => {
    if (isLost || request.kind !== 'replay' || request.run === null) return;
    isLost = true;
    loseAnswer(worker, id);
  });
  const { outbox, time } = await openOutbox(t, outboxFile(t));
  for (let i = 0; i < 1200; i++) outbox.append(event(`lane ${i % 3}`));
  assert.equal((await drained(outbox)).length, 1200);
  await outbox.idle();
  await assert.rejects(outbox.replay({ state: 'delivered' }), /thread ended/);
  await recovered(outbox, time);
  for (let idle = 0; outbox.waiting < 1200 && idle < 200; idle++) await outbox.tallies();
  assert.equal(outbox.waiting, 1200);
  assert.equal((await drained(outbox)).length, 1200);
  assert.equal(outbox.waiting, 0);
});

test('what a database has that is opened late goes out, also of a lane that is being delivered', async (t) => {
  const source = outboxFile(t);
  const { outbox: before } = await openOutbox(t, source);
  before.append(event('a'));
  await before.close();
  const path = outboxFile(t);
  mkdirSync(path, { recursive: true });
  const { outbox, time } = await openOutbox(t, path);
  const first = outbox.append(event('a'));
  const [one] = await taken(outbox);
  rmdirSync(path);
  renameSync(source, path);
  await recovered(outbox, time);
  await taken(outbox);
  assert.ok(one !== undefined);
  outbox.settle(one, delivered);
  const second = outbox.append(event('a'));
  assert.deepEqual(seqs([one, ...(await drained(outbox))]).sort(), [1, first, second].sort());
  assert.equal(outbox.waiting, 0);
});

test('what waits in the database is read on after a failure in which many events passed', async (t) => {
  let maxPages = 100;
  const { outbox, time } = await openOutbox(t, outboxFile(t), { maxPages: () => maxPages, maxUncommitted: 50 });
  for (let i = 0; i < 300; i++) {
    outbox.append(event('long'));
    await outbox.idle();
  }
  const first = await taken(outbox);
  const body = JSON.stringify('x'.repeat(1000));
  const pass = async (): Promise<void> => {
    assert.notEqual(outbox.append(event('b', { body })), null);
    for (const one of await taken(outbox)) outbox.settle(one, delivered);
  };
  while (outbox.keeping.in === 'database') await pass();
  for (let i = 0; i < 70; i++) await pass();
  for (const one of first) outbox.settle(one, delivered);
  const seen = [...first, ...(await drained(outbox))];
  maxPages = 100_000;
  await recovered(outbox, time);
  seen.push(...(await drained(outbox)));
  assert.equal(outbox.waiting, 0);
  assert.deepEqual(
    seqs(seen.filter(({ lane }) => lane === 'long')),
    Array.from({ length: 300 }, (_, i) => i + 1),
  );
});

test('events that come while a commit is under way again, with no room left, are not taken for committed ones', async (t) => {
  const path = outboxFile(t);
  let maxPages = 40;
  let isArmed = false;
  let seq: number | null = null;
  onRequest(t, ({ kind }) => {
    if (!isArmed || kind !== 'commit') return;
    isArmed = false;
    seq = outbox.append(event('last'));
  });
  const { outbox, time } = await openOutbox(t, path, { maxPages: () => maxPages, maxUncommitted: 1200 });
  const body = JSON.stringify('x'.repeat(1000));
  while (outbox.keeping.in === 'database') {
    outbox.append(event('a', { body }));
    await outbox.idle();
  }
  for (let i = 0; i < 700; i++) outbox.append(event('a'));
  await drained(outbox);
  let waiting = 0;
  while (waiting < 499) if (outbox.append(event('b')) !== null) waiting++;
  maxPages = 100_000;
  isArmed = true;
  await recovered(outbox, time);
  assert.ok(seq !== null);
  const { outbox: again } = await openOutbox(t, crashed(t, path));
  assert.equal(again.waiting, waiting + 1);
  assert.ok(seqs(await drained(again)).includes(seq));
});

test('where the clock was put back, what a database does not know that is opened late is committed nevertheless', async (t) => {
  const path = outboxFile(t);
  mkdirSync(path, { recursive: true });
  const first = await openOutbox(t, path);
  first.outbox.append(event('a'));
  rmdirSync(path);
  await recovered(first.outbox, first.time);
  await first.outbox.close();
  const aside = `${path}.aside`;
  renameSync(path, aside);
  mkdirSync(path);
  const time = new FakeTime();
  time.now -= 86_400_000;
  const second = makeOutbox(path, {}, time);
  t.after(() => second.outbox.close());
  await second.outbox.open(() => {});
  const seq = second.outbox.append(event('b'));
  rmdirSync(path);
  renameSync(aside, path);
  await recovered(second.outbox, time);
  const { outbox } = await openOutbox(t, crashed(t, path));
  assert.equal(outbox.waiting, 2);
  assert.deepEqual(seqs(await drained(outbox)).length, 2);
  assert.ok(seq !== null && seq < outbox.lastSeq);
});
