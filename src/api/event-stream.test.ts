/** Tests of the event stream over HTTP: resuming, the seam between store and live, slow readers, the end. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type Bench, bench, CORS } from './api-bench.fixture.ts';
import { numbers, readEvents } from './event-reader.fixture.ts';
import type { EventStreamLimits } from './event-stream.ts';
import { FakeNotify } from './notify-admin.fixture.ts';

/** Small, so that every turn of the way is taken. */
const SMALL = { pageEvents: 7, maxHeldEvents: 5 };

function streamBench(t: TestContext, notify: FakeNotify, limits: Partial<EventStreamLimits> = {}): Promise<Bench> {
  return bench(t, { notify, lastEventSeq: () => notify.last }, limits);
}

async function stored(count: number): Promise<FakeNotify> {
  const notify = new FakeNotify();
  await notify.commit(count);
  return notify;
}

test('what is in the store comes first, then what is committed, each with its number as id', async (t) => {
  const notify = await stored(3);
  const { port } = await streamBench(t, notify);
  const reader = await readEvents(port, '?since=1');
  await reader.until(({ ids }) => ids.length === 2);
  await notify.commit(2, '{"a":"line\\nbreak 你"}');
  await reader.until(({ ids }) => ids.length === 4);
  assert.deepEqual(reader.ids, [2, 3, 4, 5]);
  assert.deepEqual(reader.events, notify.stored.slice(1));
});

test('the head says what it is, to browsers of other origins and proxies too', async (t) => {
  const { port, ask } = await streamBench(t, new FakeNotify());
  const { headers } = await readEvents(port);
  const wanted = {
    ...CORS,
    'access-control-allow-headers': 'Content-Type, Last-Event-ID',
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    server: 'millrace/1.2.3',
  };
  assert.partialDeepStrictEqual(headers, wanted);
  const head = await ask('HEAD', '/api/notify/stream');
  assert.partialDeepStrictEqual(head.headers, wanted);
  assert.equal(head.body, '');
});

test('without a number the stream begins with what is recorded after it was asked for', async (t) => {
  const notify = await stored(3);
  const { port } = await streamBench(t, notify);
  const reader = await readEvents(port);
  await reader.until(({ lastEventId }) => lastEventId === '3');
  await notify.commit(1);
  await reader.until(({ ids }) => ids.length === 1);
  assert.deepEqual(reader.ids, [4]);
});

test('a reader that is cut off before its first event resumes where it began', async (t) => {
  const notify = await stored(3);
  const { port } = await streamBench(t, notify);
  const reader = await readEvents(port);
  await reader.until(({ lastEventId }) => lastEventId !== '');
  reader.leave();
  await notify.commit(2);
  const again = await readEvents(port, '', reader.lastEventId);
  await again.until(({ ids }) => ids.length === 2);
  assert.deepEqual(again.ids, [4, 5]);
});

test('Last-Event-ID goes before since, which a browser sends again each time', async (t) => {
  const { port } = await streamBench(t, await stored(5));
  for (const [query, lastEventId, first] of [
    ['?since=1', '4', 5],
    ['?since=4', '1', 2],
    ['?since=', '0', 1],
    ['?since=2', '', 3],
  ] as const) {
    const reader = await readEvents(port, query, lastEventId);
    await reader.until(({ ids }) => ids.at(-1) === 5);
    assert.deepEqual(reader.ids, numbers(first, 5));
  }
});

test('a number beyond the last event is of a database that is gone: all events of the new one come', async (t) => {
  const { port } = await streamBench(t, await stored(3));
  const reader = await readEvents(port, '', '1000');
  await reader.until(({ ids }) => ids.length === 3);
  assert.deepEqual(reader.ids, [1, 2, 3]);
});

test('a wrong number is refused in the envelope', async (t) => {
  const notify = await stored(3);
  const { ask } = await streamBench(t, notify);
  const allowed = `must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}, not`;
  for (const [query, headers, desp] of [
    ['?since=x', {}, `since ${allowed} "x"`],
    ['?since=1', { 'Last-Event-ID': 'x' }, `Last-Event-ID ${allowed} "x"`],
    ['?after=1', {}, 'after is not known here, allowed are since, Last-Event-ID'],
  ] as const) {
    const { status, body } = await ask('GET', `/api/notify/stream${query}`, undefined, headers);
    assert.equal(status, 200);
    assert.equal(body, JSON.stringify({ error_code: 1002, desp: `param missing: ${desp}` }));
  }
  assert.match((await ask('POST', '/api/notify/stream', 'nonsense')).body, /the body is no JSON object/);
  assert.equal(notify.watchers.size, 0);
});

test('no gap and no duplicate, whenever readers come and go while events keep coming', async (t) => {
  const turns = fc.array(fc.nat(4), { minLength: 5, maxLength: 20 });
  const commits = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 });
  const stays = fc.array(fc.nat(30), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(turns, turns, commits, stays, async (read, news, counts, stays) => {
      const notify = new FakeNotify({ read: cycle(read), news: cycle(news) });
      await notify.commit(20);
      const { port, close } = await streamBench(t, notify, SMALL);
      const last = 20 + counts.reduce((sum, count) => sum + count, 0);
      const committing = (async () => {
        for (const count of counts) await notify.commit(count);
      })();
      const comesAndGoes = async (): Promise<number[]> => {
        const seen: number[] = [];
        let lastEventId = '0';
        for (const stay of [...stays, last]) {
          const wanted = Math.min(stay, last - seen.length);
          const reader = await readEvents(port, '', lastEventId);
          await reader.until(({ ids, lastEventId }) => lastEventId !== '' && ids.length >= wanted);
          reader.leave();
          seen.push(...reader.ids);
          lastEventId = reader.lastEventId;
        }
        return seen;
      };
      const stay = async (since: number): Promise<number[]> => {
        const reader = await readEvents(port, `?since=${since}`);
        return (await reader.until(({ ids }) => ids.length >= last - since)).ids;
      };
      const seen = await Promise.all([comesAndGoes(), stay(0), stay(13)]);
      await committing;
      assert.deepEqual(seen, [numbers(1, last), numbers(1, last), numbers(14, last)]);
      await close();
    }),
    { numRuns: 25 },
  );
});

test('events that are committed while the store is read are neither lost nor sent twice', async (t) => {
  for (const maxHeldEvents of [3, 1000]) {
    const reads: (() => void)[] = [];
    const notify = new FakeNotify();
    await notify.commit(2);
    const read = notify.events.bind(notify);
    notify.events = async (filter) => {
      const answer = await read(filter);
      await new Promise<void>((resolve) => reads.push(resolve));
      return answer;
    };
    const { port, close } = await streamBench(t, notify, { maxHeldEvents });
    const reader = await readEvents(port, '?since=0');
    while (reads.length === 0) await turn();
    await notify.commit(2);
    await notify.commit(3);
    reads.shift()?.();
    if (maxHeldEvents === 3) {
      // More than could be held: they are read.
      while (reads.length === 0) await turn();
      await notify.commit(1);
      reads.shift()?.();
    } else {
      await reader.until(({ ids }) => ids.at(-1) === 7);
      await notify.commit(1);
    }
    await reader.until(({ ids }) => ids.at(-1) === 8);
    assert.deepEqual(reader.ids, numbers(1, 8));
    assert.equal(notify.reads.length, maxHeldEvents === 3 ? 2 : 1);
    await close();
  }
});

test('a live reader that takes nothing is closed, comes back, and has missed nothing; others are not held up', async (t) => {
  const notify = new FakeNotify();
  const { port, logged } = await streamBench(t, notify, { maxPendingBytes: 256 * 1024 });
  const [slow, quick] = await Promise.all([readEvents(port, '?since=0'), readEvents(port, '?since=0')]);
  await notify.commit(1);
  await Promise.all([slow, quick].map((reader) => reader.until(({ ids }) => ids.length === 1)));
  slow.pause();
  const body = JSON.stringify('x'.repeat(64 * 1024));
  while (logged.length === 0) {
    await notify.commit(4, body);
    const { last } = notify;
    await quick.until(({ ids }) => ids.at(-1) === last);
  }
  const [level, fields, message] = logged[0] ?? [];
  assert.equal(level, 'warn');
  assert.match(message ?? '', /too slow/);
  assert.ok(fields !== undefined && 'lastSeq' in fields && Number(fields.lastSeq) < notify.last);
  slow.resume();
  assert.equal(await slow.closed, 'broken');
  const again = await readEvents(port, '', slow.lastEventId);
  await notify.commit(1);
  await again.until(({ ids }) => ids.at(-1) === notify.last);
  await quick.until(({ ids }) => ids.at(-1) === notify.last);
  assert.deepEqual([...slow.ids, ...again.ids], numbers(1, notify.last));
  assert.deepEqual(quick.ids, numbers(1, notify.last));
});

test('the store is read no further than the reader follows; one that stops is closed', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const notify = new FakeNotify();
  await notify.commit(600, JSON.stringify('x'.repeat(64 * 1024)));
  const { port, logged } = await streamBench(t, notify, { pageEvents: 4, heartbeatMs: 1000 });
  const reader = await readEvents(port, '?since=0');
  reader.pause();
  await quiet(() => notify.reads.length);
  t.mock.timers.tick(1000);
  assert.equal(logged.length, 0);
  t.mock.timers.tick(1000);
  assert.match(logged[0]?.[2] ?? '', /too slow/);
  const { length } = notify.reads;
  assert.ok(length < 150, `${length} reads of 150`);
  reader.resume();
  assert.equal(await reader.closed, 'broken');
  assert.equal(notify.reads.length, length);
  assert.equal(notify.watchers.size, 0);
});

test('a reader that is late at every heartbeat, but has taken something since the last one, stays', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const notify = new FakeNotify();
  await notify.commit(600, JSON.stringify('x'.repeat(64 * 1024)));
  const { port, logged } = await streamBench(t, notify, { pageEvents: 4, heartbeatMs: 1000 });
  const reader = await readEvents(port, '?since=0');
  for (let beats = 0; beats < 3; beats++) {
    reader.pause();
    await quiet(() => notify.reads.length);
    t.mock.timers.tick(1000);
    const { length } = notify.reads;
    reader.resume();
    // The store is read again only after the reader has taken what there was.
    await reader.until(() => notify.reads.length > length);
  }
  assert.deepEqual(logged, []);
  await reader.until(({ ids }) => ids.length === 600);
  assert.deepEqual(reader.ids, numbers(1, 600));
});

test('a reader that follows slowly gets the whole store', async (t) => {
  const notify = new FakeNotify();
  await notify.commit(300, JSON.stringify('x'.repeat(64 * 1024)));
  const { port } = await streamBench(t, notify, { pageEvents: 4, maxPendingBytes: 64 * 1024 });
  const reader = await readEvents(port, '?since=0');
  while (reader.ids.length < 300) {
    reader.pause();
    await turn();
    const { length } = reader.ids;
    reader.resume();
    await reader.until(({ ids }) => ids.length > length);
  }
  assert.deepEqual(reader.ids, numbers(1, 300));
});

test('a quiet stream shows signs of life', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { port } = await streamBench(t, new FakeNotify(), { heartbeatMs: 1000 });
  const reader = await readEvents(port);
  t.mock.timers.tick(999);
  for (let beats = 1; beats <= 3; beats++) {
    t.mock.timers.tick(1000);
    await reader.until(({ comments }) => comments === beats);
  }
  assert.deepEqual(reader.ids, []);
});

test('nothing is watched for when nobody reads', async (t) => {
  const notify = new FakeNotify();
  const { port } = await streamBench(t, notify);
  assert.equal(notify.watchers.size, 0);
  const readers = await Promise.all([readEvents(port), readEvents(port)]);
  assert.equal(notify.watchers.size, 1);
  for (const reader of readers) reader.leave();
  while (notify.watchers.size > 0) await turn();
  const reader = await readEvents(port);
  await reader.until(({ lastEventId }) => lastEventId === '0');
  await notify.commit(1);
  await reader.until(({ ids }) => ids.length === 1);
});

test('readers beyond those allowed are told so, and let in when another one has left', async (t) => {
  const notify = new FakeNotify();
  const { port, ask } = await streamBench(t, notify, { maxReaders: 1 });
  const reader = await readEvents(port);
  const { body } = await ask('GET', '/api/notify/stream');
  assert.match(body, /^\{"error_code":503,"desp":"no more event streams are taken/);
  reader.leave();
  while (notify.watchers.size > 0) await turn();
  (await readEvents(port)).leave();
});

test('a store that fails ends the stream, so that its reader comes back', async (t) => {
  const notify = await stored(3);
  const { port, logged } = await streamBench(t, notify);
  notify.failure = new Error('disk I/O error');
  const reader = await readEvents(port, '?since=1');
  assert.equal(await reader.closed, 'ended');
  assert.equal(logged[0]?.[0], 'error');
  assert.partialDeepStrictEqual(logged[0]?.[1], { error: notify.failure });
  notify.failure = null;
  const again = await readEvents(port, '?since=1', reader.lastEventId);
  await again.until(({ ids }) => ids.length === 2);
  assert.deepEqual(again.ids, [2, 3]);
});

test('close ends the streams between two events, also those that still read the store', async (t) => {
  const notify = await stored(3);
  const { port, close } = await streamBench(t, notify);
  const live = await readEvents(port, '?since=0');
  await live.until(({ ids }) => ids.length === 3);
  notify.events = () => new Promise(() => undefined);
  const reading = await readEvents(port, '?since=0');
  await notify.commit(1);
  await close();
  assert.deepEqual(await Promise.all([live.closed, reading.closed]), ['ended', 'ended']);
  assert.deepEqual(live.ids, [1, 2, 3, 4]);
  assert.equal(notify.watchers.size, 0);
  await assert.rejects(readEvents(port), /ECONNREFUSED/);
});

test('close does not wait for a reader that takes nothing', async (t) => {
  const notify = new FakeNotify();
  const { port, close } = await streamBench(t, notify, { flushMs: 20, maxPendingBytes: 1e9 });
  const reader = await readEvents(port, '?since=0');
  await notify.commit(1);
  await reader.until(({ ids }) => ids.length === 1);
  reader.pause();
  await notify.commit(1, JSON.stringify('x'.repeat(32 * 1024 * 1024)));
  await close();
  reader.resume();
  assert.equal(await reader.closed, 'broken');
});

test('an old client, without chunks, is served too', async (t) => {
  const notify = await stored(2);
  const { raw, close } = await streamBench(t, notify);
  const answer = raw('GET /api/notify/stream?since=0 HTTP/1.0\r\n\r\n');
  while (notify.reads.length === 0) await turn();
  while (notify.watchers.size === 0) await turn();
  await notify.commit(1);
  await close();
  const [head = '', ...body] = (await answer).split('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(head, /chunked/);
  assert.match(body.join(''), /^retry: 1000\nid: 0\n\n/);
});

/** Waits until the value has not changed for many turns. */
async function quiet(value: () => number): Promise<void> {
  for (let turns = 0, before = value(); turns < 200; turns = value() === before ? turns + 1 : 0) {
    before = value();
    await turn();
  }
}

function cycle(values: readonly number[]): () => number {
  let next = 0;
  return () => values[next++ % values.length] ?? 0;
}
