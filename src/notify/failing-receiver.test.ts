/** Tests of what becomes of events when their receiver fails, over real HTTP, at fake time. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:net';
import { test } from 'node:test';
import {
  FakeTime,
  hang,
  notifierAt,
  ok,
  receiver,
  session,
  started,
  status,
  stopped,
  until,
  urlsAt,
} from './notify.fixture.ts';

test('503 is tried again after the back-off, under the same id, before the stream’s next event', async (t) => {
  const to = await receiver(t, status(503));
  const { notifier, time, logged } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  notifier.record(started(session('PUB1')));
  notifier.record(stopped(session('PUB1')));
  await until(() => notifier.status().failed === 1);
  time.advance(499);
  await until(() => notifier.status().inFlight === 0);
  assert.equal(to.calls.length, 1);
  to.behave = ok;
  time.advance(1);
  await until(() => notifier.status().delivered === 2);
  assert.deepEqual(to.story(), ['on_pub_start PUB1', 'on_pub_start PUB1', 'on_pub_stop PUB1']);
  assert.deepEqual(
    to.calls.map(({ headers }) => headers['millrace-attempt']),
    ['1', '2', '1'],
  );
  assert.equal(to.calls[0]?.headers['webhook-id'], to.calls[1]?.headers['webhook-id']);
  assert.deepEqual(
    logged.map(({ level, message }) => `${level} ${message}`),
    ['warn callback not delivered, to be tried again'],
  );
});

test('404 and redirects are refused: not tried again, and the lane goes on', async (t) => {
  const to = await receiver(t);
  to.behave = (call) => status(call.path === '/on_pub_start' ? 404 : 302, { location: `${to.origin}/elsewhere` })(call);
  const { notifier } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  notifier.record(started(session('PUB1')));
  notifier.record(stopped(session('PUB1')));
  await until(() => notifier.status().refused === 2);
  assert.deepEqual(to.story(), ['on_pub_start PUB1', 'on_pub_stop PUB1']);
  assert.deepEqual([notifier.status().backlog, notifier.status().failed], [0, 0]);
});

test('a receiver that hangs is given up after the time-out and tried again on a new connection', async (t) => {
  const to = await receiver(t, hang);
  const { notifier, time } = notifierAt(t, urlsAt(to.origin), { timeoutMs: 50 });
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => to.calls.length === 1);
  to.behave = ok;
  time.advance(50);
  await until(() => notifier.status().failed === 1);
  time.advance(500);
  await until(() => notifier.status().delivered === 1);
  assert.deepEqual(
    to.calls.map(({ connection }) => connection),
    [0, 1],
  );
});

test('a connection that breaks under the request is tried again at once, then with back-off', async (t) => {
  const to = await receiver(t);
  const { notifier, time } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().delivered === 1);
  let broken = 3;
  to.behave = (call) => (broken-- > 0 ? call.response.destroy() : ok(call));
  notifier.record(stopped(session('PUB1')));
  await until(() => notifier.status().failed === 2);
  assert.equal(to.calls.length, 3);
  time.advance(1000);
  await until(() => notifier.status().delivered === 2);
  assert.deepEqual(
    to.calls.map(({ headers }) => headers['millrace-attempt']),
    ['1', '1', '2', '3', '4'],
  );
  assert.equal(new Set(to.calls.slice(1).map(({ headers }) => headers['webhook-id'])).size, 1);
});

test('a connection that was closed while idle costs nothing', async (t) => {
  const to = await receiver(t);
  const { notifier } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  for (let round = 1; round <= 5; round++) {
    notifier.record(started(session(`PUB${round}`)));
    // The end of the connection may be on its way while the request is being sent, or be known already.
    await until(() => notifier.status().delivered === round);
    for (const socket of to.sockets) socket.destroy();
  }
  assert.equal(notifier.status().backlog, 0);
  assert.deepEqual(
    to.story(),
    [1, 2, 3, 4, 5].map((round) => `on_pub_start PUB${round}`),
  );
});

test('a receiver that nothing listens at is tried again, and the other one gets its events', async (t) => {
  const to = await receiver(t);
  const port = await freePort();
  const { notifier, time } = notifierAt(t, {
    on_pub_start: `http://127.0.0.1:${port}/x`,
    on_pub_stop: `${to.origin}/y`,
  });
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().failed === 1);
  time.advance(500);
  await until(() => notifier.status().failed === 2);
  notifier.record(stopped(session('PUB1')));
  await until(() => notifier.status().delivered === 1);
  assert.equal(notifier.status().backlog, 1);
});

test('an event that is too old is given up, and said so', async (t) => {
  const to = await receiver(t, status(503));
  const { notifier, time, logged } = notifierAt(t, urlsAt(to.origin), { maxAgeHours: 1 });
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().failed === 1);
  time.advance(3_600_000);
  await until(() => notifier.status().expired === 1);
  assert.equal(notifier.status().backlog, 0);
  assert.ok(logged.some(({ level, message }) => level === 'error' && message.includes('too old')));
});

test('an event is not too old because the clock is put right', async (t) => {
  const to = await receiver(t, status(503));
  const wall = { aheadMs: 0 };
  const time = new FakeTime();
  const clock = { monotonicMs: () => time.now, unixMs: () => time.now + wall.aheadMs };
  const { notifier } = notifierAt(t, urlsAt(to.origin), { maxAgeHours: 1 }, { clock, timers: time });
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().failed === 1);
  wall.aheadMs = 50 * 365 * 86_400_000;
  time.advance(500);
  await until(() => notifier.status().failed + notifier.status().expired === 2);
  assert.equal(notifier.status().expired, 0);
  to.behave = ok;
  time.advance(1000);
  await until(() => notifier.status().delivered === 1);
  assert.deepEqual(to.story(), ['on_pub_start PUB1', 'on_pub_start PUB1', 'on_pub_start PUB1']);
});

test('a user and password that hold a percent sign are sent as they are', async (t) => {
  const to = await receiver(t);
  const { notifier } = notifierAt(t, { on_pub_start: to.origin.replace('//', '//u%zz:100%25@') });
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().delivered + notifier.status().failed === 1);
  assert.equal(notifier.status().delivered, 1);
  assert.equal(to.calls[0]?.headers.authorization, `Basic ${Buffer.from('u%zz:100%').toString('base64')}`);
});

test('an answer that is too long or never ends counts by its status', async (t) => {
  const to = await receiver(t);
  to.behave = (call) => void call.response.writeHead(200).write(Buffer.alloc(70_000));
  const { notifier, time } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().delivered === 1);
  let heads = 0;
  const onHead = (): void => void heads++;
  subscribe('undici:request:headers', onHead);
  t.after(() => unsubscribe('undici:request:headers', onHead));
  to.behave = (call) => call.response.writeHead(200).flushHeaders();
  notifier.record(stopped(session('PUB1')));
  await until(() => heads === 1);
  assert.equal(notifier.status().delivered, 1);
  time.advance(5000);
  await until(() => notifier.status().delivered === 2);
});

/** A port that nothing listens on, as far as one can know. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
