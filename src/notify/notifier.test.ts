/** Tests of what receivers get and in which order, over real HTTP, at fake time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { MemoryOutbox } from './memory-outbox.ts';
import {
  type Call,
  connected,
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

test('a callback is a POST of JSON with the event’s identity in its headers', async (t) => {
  const to = await receiver(t);
  const { notifier, time } = notifierAt(t, urlsAt(to.origin), { headers: { 'X-Tenant': 'a', 'User-Agent': 'b' } });
  await notifier.start();
  notifier.record(started(session('RTMPPUBSUB1')));
  notifier.record(stopped(session('RTMPPUBSUB1')));
  await until(() => notifier.status().delivered === 2);
  const [start, stop] = to.calls as [Call, Call];
  assert.equal(`${start.method} ${start.path}`, 'POST /on_pub_start');
  assert.equal(start.headers['content-type'], 'application/json');
  assert.equal(start.headers['user-agent'], 'millrace/0.0.0');
  assert.equal(start.headers['x-tenant'], 'a');
  assert.equal(start.headers['webhook-timestamp'], String(Math.floor(time.now / 1000)));
  assert.equal(start.headers['millrace-attempt'], '1');
  assert.equal(start.headers['millrace-reason'], undefined);
  assert.equal(start.headers['webhook-signature'], undefined);
  assert.equal(stop.headers['millrace-reason'], 'peer closed');
  assert.deepEqual(
    [start, stop].map(({ headers }) => [headers['millrace-seq'], headers['millrace-stream-seq']]),
    [
      ['1', '1'],
      ['2', '2'],
    ],
  );
  assert.notEqual(start.headers['webhook-id'], stop.headers['webhook-id']);
  assert.equal(stop.connection, start.connection, 'the connection is used again');
});

test('each secret signs', async (t) => {
  const to = await receiver(t);
  const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'C2FVsBQIhrscChlQIMV+b5sSYspob7oD'];
  // A verifier reads the real clock.
  const clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };
  const { notifier } = notifierAt(t, urlsAt(to.origin), { signingSecrets: secrets }, { clock });
  await notifier.start();
  notifier.record(started(session('RTMPPUBSUB1')));
  await until(() => notifier.status().delivered === 1);
  const call = to.calls[0] as Call;
  for (const secret of secrets) new Webhook(secret).verify(call.body, call.headers as Record<string, string>);
  assert.throws(() => new Webhook('AAAA').verify(call.body, call.headers as Record<string, string>));
});

test('what cannot be used is refused at once, without telling the secret', (t) => {
  assert.throws(() => notifierAt(t, { on_pub_start: 'ftp://h/x' }), /on_pub_start: "ftp:\/\/h\/x" is no http/);
  assert.throws(
    () => notifierAt(t, {}, { signingSecrets: ['*secret*'] }),
    (error: Error) => !error.message.includes('secret*'),
  );
  assert.throws(() => notifierAt(t, {}, { headers: { 'Content-Length': '1' } }), /Content-Length/);
  assert.throws(() => notifierAt(t, {}, { headers: { 'bad name': '1' } }), /bad name/);
});

test('events without a URL are not sent, the others are', async (t) => {
  const to = await receiver(t);
  const { notifier } = notifierAt(t, {
    on_pub_start: null,
    on_pub_stop: `${to.origin}/on_pub_stop?a=b`,
    on_sub_start: '',
  });
  await notifier.start();
  notifier.record(started(session('RTMPPUBSUB1')));
  notifier.record(started(session('FLVSUB1', 'test110', 'SUB')));
  notifier.record(stopped(session('RTMPPUBSUB1')));
  await until(() => notifier.status().delivered === 1);
  assert.deepEqual(to.story(), ['on_pub_stop?a=b RTMPPUBSUB1']);
});

test('a stream’s events come one after the other, streams side by side', async (t) => {
  const to = await receiver(t, hang);
  const { notifier } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  for (const stream of ['a', 'b', 'c']) {
    notifier.record(started(session(`${stream}1`, stream)));
    notifier.record(stopped(session(`${stream}1`, stream)));
  }
  await until(() => to.calls.length === 3);
  assert.deepEqual(to.story().toSorted(), ['on_pub_start a1', 'on_pub_start b1', 'on_pub_start c1']);
  assert.equal(notifier.status().inFlight, 3);
  ok(to.calls.find((call) => call.json['stream_name'] === 'b') as Call);
  await until(() => to.calls.length === 4);
  assert.equal(to.story()[3], 'on_pub_stop b1');
  to.behave = ok;
  for (const call of to.calls) if (!call.response.writableEnded) ok(call);
  await until(() => notifier.status().delivered === 6);
  for (const stream of ['a', 'c']) {
    assert.deepEqual(
      to.story().filter((line) => line.endsWith(`${stream}1`)),
      [`on_pub_start ${stream}1`, `on_pub_stop ${stream}1`],
    );
  }
});

test('no more lanes than `concurrency` are in flight, and all get their turn', async (t) => {
  const to = await receiver(t, hang);
  const { notifier } = notifierAt(t, urlsAt(to.origin), { concurrency: 3 });
  await notifier.start();
  for (let i = 0; i < 10; i++) notifier.record(started(session(`S${i}`, `stream${i}`)));
  for (let answered = 0; answered < 10; answered++) {
    await until(() => to.calls.length === Math.min(10, answered + 3));
    assert.ok(notifier.status().inFlight <= 3);
    ok(to.calls[answered] as Call);
    await until(() => notifier.status().delivered === answered + 1);
  }
});

test('a dead receiver holds up no other one', async (t) => {
  const dead = await receiver(t, hang);
  const live = await receiver(t);
  const { notifier } = notifierAt(
    t,
    { ...urlsAt(live.origin), on_sub_start: `${dead.origin}/on_sub_start` },
    { concurrency: 1 },
  );
  await notifier.start();
  notifier.record(started(session('SUB1', 's', 'SUB')));
  notifier.record(started(session('SUB2', 't', 'SUB')));
  notifier.record(started(session('PUB1', 's')));
  notifier.record(stopped(session('PUB1', 's')));
  await until(() => notifier.status().delivered === 2);
  assert.deepEqual(live.story(), ['on_pub_start PUB1', 'on_pub_stop PUB1']);
  assert.equal(notifier.status().backlog, 2);
});

test('on_rtmp_connect comes before the other events of its session, and holds up no other stream', async (t) => {
  const to = await receiver(t);
  to.behave = (call) => (call.path === '/on_rtmp_connect' ? status(503)(call) : ok(call));
  const { notifier, time } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  notifier.record(connected('PUB1'));
  notifier.record(started(session('PUB1', 'a')));
  notifier.record(started(session('SUB1', 'b', 'SUB')));
  await until(() => notifier.status().delivered === 1 && notifier.status().failed === 1);
  assert.deepEqual(to.story().toSorted(), ['on_rtmp_connect PUB1', 'on_sub_start SUB1']);
  to.behave = ok;
  time.advance(500);
  await until(() => notifier.status().delivered === 3);
  assert.deepEqual(to.story().slice(2), ['on_rtmp_connect PUB1', 'on_pub_start PUB1']);
});

test('on_server_start comes before everything else, on_update after it', async (t) => {
  const to = await receiver(t, status(503));
  const urls = {
    ...urlsAt(to.origin),
    on_server_start: `${to.origin}/on_server_start`,
    on_update: `${to.origin}/on_update`,
  };
  const { notifier, time } = notifierAt(t, urls, { updateIntervalSec: 3600 });
  notifier.record(connected('PUB1'));
  notifier.record(started(session('PUB1')));
  await notifier.start();
  notifier.record(started(session('SUB1', 'b', 'SUB')));
  await until(() => notifier.status().failed === 1);
  assert.deepEqual(to.story(), ['on_server_start']);
  to.behave = ok;
  time.advance(500);
  await until(() => notifier.status().delivered === 4 && notifier.status().updates.sent === 1);
  const [, second, ...rest] = to.story();
  assert.equal(second, 'on_server_start');
  assert.deepEqual(rest.toSorted(), ['on_pub_start PUB1', 'on_rtmp_connect PUB1', 'on_sub_start SUB1', 'on_update']);
  assert.ok(rest.indexOf('on_rtmp_connect PUB1') < rest.indexOf('on_pub_start PUB1'));
});

test('a receiver that never takes on_server_start gets the rest all the same', async (t) => {
  const to = await receiver(t);
  to.behave = (call) => (call.path === '/on_server_start' ? status(500)(call) : ok(call));
  const { notifier, time } = notifierAt(t, { ...urlsAt(to.origin), on_server_start: `${to.origin}/on_server_start` });
  await notifier.start();
  notifier.record(started(session('PUB1')));
  for (let tries = 1; tries < 10; tries++) {
    await until(() => notifier.status().failed === tries);
    assert.equal(notifier.status().delivered, 0);
    time.advance(60_000);
  }
  await until(() => notifier.status().delivered === 1);
});

test('on_update is the newest snapshot only, and is sent every interval', async (t) => {
  const to = await receiver(t, hang);
  let calls = 0;
  const groups = () => {
    calls++;
    return [];
  };
  const { notifier, time } = notifierAt(
    t,
    { on_update: `${to.origin}/on_update` },
    { updateIntervalSec: 1 },
    { groups },
  );
  await notifier.start();
  await until(() => to.calls.length === 1);
  assert.equal(to.calls[0]?.body, '{"server_id":"1","groups":[]}');
  for (let i = 0; i < 3; i++) time.advance(1000);
  assert.equal(calls, 4);
  assert.deepEqual(notifier.status().updates, { sent: 0, replaced: 2, failed: 0 });
  to.behave = ok;
  ok(to.calls[0] as Call);
  await until(() => notifier.status().updates.sent === 2);
  assert.equal(to.calls.length, 2);
  assert.equal(notifier.status().backlog, 0);
});

test('an on_update that fails is not sent again', async (t) => {
  const to = await receiver(t, status(503));
  const { notifier, time } = notifierAt(t, { on_update: `${to.origin}/on_update` });
  await notifier.start();
  await until(() => notifier.status().updates.failed === 1);
  to.behave = ok;
  time.advance(5000);
  await until(() => notifier.status().updates.sent === 1);
  assert.equal(to.calls.length, 2);
});

test('stop delivers what waits, what waits for its retry at once', async (t) => {
  const to = await receiver(t, status(503));
  const { notifier } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().failed === 1);
  to.behave = ok;
  notifier.record(stopped(session('PUB1')));
  assert.deepEqual(await notifier.stop(10_000), { undelivered: 0, isKept: false });
  assert.deepEqual(to.story(), ['on_pub_start PUB1', 'on_pub_start PUB1', 'on_pub_stop PUB1']);
});

test('stop ends at the deadline, tells what is left, and leaves nothing running', async (t) => {
  const to = await receiver(t, hang);
  const { notifier, time } = notifierAt(t, urlsAt(to.origin), { timeoutMs: 60_000 });
  await notifier.start();
  notifier.record(started(session('PUB1')));
  notifier.record(stopped(session('PUB1')));
  await until(() => to.calls.length === 1);
  const ended = notifier.stop(10_000);
  time.advance(10_000);
  assert.deepEqual(await ended, { undelivered: 2, isKept: false });
  await until(() => notifier.status().inFlight === 0);
  assert.equal(time.pending, 0);
});

test('what finds no room is counted and logged as an error, not once a loss', async (t) => {
  const to = await receiver(t, hang);
  const outbox = new MemoryOutbox({ idPrefix: 'm', clock: new FakeTime(), maxWaiting: 2 });
  const { notifier, logged } = notifierAt(t, urlsAt(to.origin), {}, { outbox });
  await notifier.start();
  for (let i = 0; i < 5; i++) notifier.record(started(session(`PUB${i}`)));
  assert.equal(notifier.status().dropped, 3);
  assert.deepEqual(
    logged.map(({ level }) => level),
    ['error'],
  );
});
