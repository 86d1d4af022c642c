/** Tests of the outbox when its database fails: full, damaged, unreadable, or its thread gone; and of its coming back. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { until } from './notify.fixture.ts';
import {
  crashed,
  delivered,
  drained,
  event,
  makeOutbox,
  openOutbox,
  outboxFile,
  recovered,
  seqs,
  taken,
} from './outbox.fixture.ts';

const ALL = { since: 0, streamName: null, state: null, limit: 100_000 };

/** The database's threads that are made, as they are spoken to. */
function workersOf(t: TestContext): Set<Worker> {
  const workers = new Set<Worker>();
  const { postMessage } = Worker.prototype;
  t.mock.method(Worker.prototype, 'postMessage', function (this: Worker, ...args: Parameters<typeof postMessage>) {
    workers.add(this);
    return postMessage.apply(this, args);
  });
  return workers;
}

test('a full disk: events go on from memory in order, and are committed once there is room', async (t) => {
  const path = outboxFile(t);
  let maxPages = 40;
  const { outbox, time, logged } = await openOutbox(t, path, { maxPages: () => maxPages });
  const body = JSON.stringify('x'.repeat(1000));
  let count = 0;
  while (outbox.keeping.in === 'database') {
    outbox.append(event('a', { body }));
    outbox.append(event('b', { body }));
    count += 2;
    await outbox.idle();
  }
  assert.match(logged.at(-1) ?? '', /^error the outbox’s database cannot be used.*full/);
  for (let i = 0; i < 300; i++) outbox.append(event('a', { body }));
  const all = await drained(outbox);
  assert.equal(outbox.waiting, 0);
  const ofA = all.filter(({ lane }) => lane === 'a').map(({ streamSeq }) => streamSeq);
  assert.deepEqual(
    ofA,
    Array.from({ length: count / 2 + 300 }, (_, i) => i + 1),
  );
  time.advance(1000);
  assert.equal(outbox.keeping.in, 'memory');
  maxPages = 100_000;
  await recovered(outbox, time);
  assert.deepEqual(
    seqs(await outbox.events(ALL)),
    Array.from({ length: count + 300 }, (_, i) => i + 1),
  );
  const again = await openOutbox(t, crashed(t, path));
  assert.equal(again.outbox.waiting, 0);
  assert.equal(again.outbox.lastSeq, count + 300);
});

test('a full disk: delivered events make room before their time', async (t) => {
  const { outbox, time } = await openOutbox(t, outboxFile(t), { maxPages: () => 100 });
  const body = JSON.stringify('x'.repeat(1000));
  for (let i = 0; i < 1000; i++) {
    assert.notEqual(outbox.append(event('a', { body })), null);
    await outbox.idle();
    for (const each of await taken(outbox)) outbox.settle(each, delivered);
    if (outbox.keeping.in === 'memory') await recovered(outbox, time);
  }
  assert.equal(outbox.lastSeq, 1000);
  assert.ok((await outbox.events(ALL)).length < 1000);
});

test('a full disk for long: delivered events make room in memory, what waits is bounded, and numbers have no gap', async (t) => {
  const path = outboxFile(t);
  let maxPages = 40;
  const { outbox, time } = await openOutbox(t, path, { maxPages: () => maxPages, maxUncommitted: 50 });
  const body = JSON.stringify('x'.repeat(1000));
  while (outbox.keeping.in === 'database') {
    outbox.append(event('a', { body }));
    await outbox.idle();
  }
  await drained(outbox);
  const streamSeqs: (number | null)[] = [];
  for (let i = 0; i < 500; i++) {
    assert.notEqual(outbox.append(event('a', { body })), null);
    streamSeqs.push(...(await drained(outbox)).map(({ streamSeq }) => streamSeq));
  }
  const [first] = streamSeqs;
  assert.deepEqual(
    streamSeqs,
    streamSeqs.map((_, i) => (first ?? 0) + i),
  );
  let taken = 0;
  while (outbox.append(event('a', { body })) !== null) taken++;
  assert.ok(taken <= 50);
  maxPages = 100_000;
  await recovered(outbox, time);
  const rest = await drained(outbox);
  assert.deepEqual(
    rest.map(({ streamSeq }) => streamSeq),
    rest.map((_, i) => (streamSeqs.at(-1) ?? 0) + 1 + i),
  );
});

test('a damaged database is set aside under another name, and numbers go on rising in a new one', async (t) => {
  const path = outboxFile(t);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.alloc(20_000, 7));
  const { outbox, logged, left } = await openOutbox(t, path);
  const [aside] = readdirSync(dirname(path)).filter((name) => /^outbox\.db\.damaged-\d{14}$/.test(name));
  assert.ok(aside);
  assert.deepEqual(readFileSync(`${dirname(path)}/${aside}`), Buffer.alloc(20_000, 7));
  assert.match(logged.join(), /error the outbox’s database is damaged: set aside/);
  assert.equal(left[0]?.complete, false);
  const seq = outbox.append(event('a'));
  assert.ok(seq !== null && seq > 1_700_000_000_000_000);
  assert.deepEqual(seqs(await drained(outbox)), [seq]);
});

test('a database that is found damaged later is set aside; what is held goes on, and what is not is counted as lost', async (t) => {
  const source = outboxFile(t);
  const { outbox: before } = await openOutbox(t, source);
  for (let i = 0; i < 2000; i++) before.append(event(`lane ${i % 2}`));
  await before.close();
  const path = crashed(t, source);
  const bytes = readFileSync(path);
  // all pages but the first few, which the start reads
  bytes.fill(0xff, 4096 * 40);
  writeFileSync(path, bytes);
  const { outbox, time, logged } = await openOutbox(t, path);
  outbox.append(event('new'));
  const seen = await drained(outbox);
  while (outbox.keeping.in === 'database' && outbox.waiting > 0) seen.push(...(await drained(outbox)));
  await recovered(outbox, time);
  seen.push(...(await drained(outbox)));
  assert.equal(outbox.waiting, 0);
  assert.ok(outbox.lost > 0);
  assert.equal(seen.length + outbox.lost, 2001);
  assert.match(logged.join(), /events lost with the damaged database/);
  assert.equal(readdirSync(dirname(path)).filter((name) => /damaged-\d{14}$/.test(name)).length, 1);
  assert.equal(outbox.append(event('new')), 2002);
  const [next] = await taken(outbox);
  assert.deepEqual([next?.seq, next?.streamSeq], [2002, 2]);
});

for (const [what, remove] of [
  ['the folder', (path: string) => rmSync(dirname(path), { recursive: true })],
  ['the file', (path: string) => rmSync(path)],
  ['the file, and another is put in its place', (path: string) => renameSync(writeBeside(path), path)],
] as const) {
  test(`somebody removes ${what}: all that it held is written anew, and what came since`, async (t) => {
    const path = outboxFile(t);
    const { outbox, time, logged } = await openOutbox(t, path);
    for (let i = 0; i < 50; i++) outbox.append(event('a'));
    await outbox.idle();
    remove(path);
    outbox.append(event('a'));
    await outbox.idle();
    assert.equal(outbox.keeping.in, 'memory');
    assert.match(logged.at(-1) ?? '', /^error the outbox’s database cannot be used.*somebody has removed the file/);
    outbox.append(event('b'));
    await recovered(outbox, time);
    const again = await openOutbox(t, crashed(t, path));
    assert.equal(again.outbox.waiting, 52);
    assert.equal(again.outbox.lastSeq, 52);
  });
}

function writeBeside(path: string): string {
  const other = `${path}.other`;
  writeFileSync(other, 'something else');
  return other;
}

test('a thread that ends is replaced; nothing is lost, doubled or out of order', async (t) => {
  const workers = workersOf(t);
  const path = outboxFile(t);
  const { outbox, time } = await openOutbox(t, path);
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 400; i++) outbox.append(event(`lane ${i % 3}`));
    // Now, while a commit is on its way.
    if (round > 0) await turn();
    for (const worker of workers) void worker.terminate();
    workers.clear();
    await until(() => outbox.keeping.in === 'memory');
    await recovered(outbox, time);
  }
  const events = await outbox.events(ALL);
  assert.deepEqual(
    seqs(events),
    Array.from({ length: 2000 }, (_, i) => i + 1),
  );
  const all = await drained(outbox);
  for (const lane of ['lane 0', 'lane 1', 'lane 2']) {
    const numbers = all.filter((one) => one.lane === lane).map(({ streamSeq }) => streamSeq);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    );
  }
  assert.equal(all.length, 2000);
});

test('a database that cannot be opened at first is opened later: what it has goes out, what came since is committed', async (t) => {
  const source = outboxFile(t);
  const { outbox: before } = await openOutbox(t, source);
  before.append(event('a'));
  before.reserve('X', 1000, false, () => {});
  await before.close();
  const path = outboxFile(t);
  mkdirSync(path, { recursive: true });
  const it = makeOutbox(path);
  t.after(() => it.outbox.close());
  await it.outbox.open(
    () => {},
    (left) => it.left.push(left),
  );
  assert.equal(it.outbox.keeping.in, 'memory');
  const seq = it.outbox.append(event('b'));
  assert.deepEqual(seqs(await drained(it.outbox)), [seq]);
  await assert.rejects(it.outbox.replay({ ids: ['x'] }), /the database cannot be used/);
  rmdirSync(path);
  writeFileSync(path, readFileSync(source));
  await recovered(it.outbox, it.time);
  assert.deepEqual(it.left[0]?.counters, new Map([['X', 1000]]));
  assert.deepEqual(seqs(await drained(it.outbox)), [1]);
  assert.deepEqual(seqs(await it.outbox.events(ALL)), [1, seq]);
});

test('an outbox that ends while its database fails says what it could not write', async (t) => {
  const path = outboxFile(t);
  mkdirSync(path, { recursive: true });
  const { outbox, logged } = await openOutbox(t, path);
  outbox.append(event('a'));
  await outbox.close();
  assert.match(logged.at(-1) ?? '', /^error events lost: they could not be written {"events":1/);
});
