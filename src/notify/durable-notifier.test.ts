/** Tests of HTTP Notify over a database: what receivers hear after a crash, and what the API shows. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Fact, RecordFacts } from '../streams/index.ts';
import type { Notifier } from './notifier.ts';
import {
  connected,
  type FakeTime,
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
import { crashed, outboxFile } from './outbox.fixture.ts';

/** Time passes until it holds; so fast that no request may run out of it. */
async function passing(time: FakeTime, holds: () => boolean): Promise<void> {
  while (!holds()) {
    time.advance(50);
    await turn();
  }
}
async function endAtOnce(notifier: Notifier, time: FakeTime): Promise<void> {
  const ended = notifier.stop(0);
  time.advance(0);
  await ended;
}
async function untilStates(notifier: Notifier, states: readonly string[]): Promise<void> {
  const now = async (): Promise<string> => (await notifier.admin.events(ALL)).map(({ state }) => state).join();
  while ((await now()) !== states.join());
}
const PATIENT = { timeoutMs: 2 ** 30 };
const ALL = { since: 0, streamName: null, state: null, limit: 1000 };

test('after a crash every start has its stop, with the last byte sums, before the stream’s new events', async (t) => {
  const to = await receiver(t, status(503));
  const urls = urlsAt(to.origin);
  const path = outboxFile(t);
  const { notifier, time } = notifierAt(t, urls, { outboxPath: path });
  await notifier.start();
  const id = `RTMPPUBSUB${notifier.counter.next('RTMPPUBSUB')}`;
  notifier.record(connected(id));
  notifier.record(started(session(id, 'a')));
  notifier.record(started(session('FLVSUB1', 'a', 'SUB')));
  notifier.record(started(session('FLVSUB2', 'a', 'SUB')));
  notifier.record(stopped(session('FLVSUB2', 'a', 'SUB')));
  const sums = {
    remoteAddr: '',
    startUnixMs: 0,
    readBitrateKbits: 0,
    writeBitrateKbits: 0,
    droppedFrames: 0,
    lostPackets: 0,
  };
  const pub = {
    sessionId: id,
    protocol: 'RTMP',
    baseType: 'PUB',
    readBytesSum: 77_000,
    wroteBytesSum: 9,
    ...sums,
  } as const;
  notifier.setSessionCounters([
    {
      streamName: 'a',
      appName: 'live',
      audioCodec: '',
      videoCodec: '',
      videoWidth: 0,
      videoHeight: 0,
      pub,
      subs: [],
      pull: null,
      pushs: [],
      inFramePerSec: [],
    },
  ]);
  await until(() => notifier.status().failed === 1);
  // The answers to what is shown come after what was recorded before.
  await notifier.admin.events(ALL);
  const copy = crashed(t, path);
  const ids = (await notifier.admin.events(ALL)).map((event) => event.id);
  await endAtOnce(notifier, time);

  to.calls.length = 0;
  to.behave = (call) => void call.response.writeHead(204).end();
  const again = notifierAt(
    t,
    { ...urls, on_server_start: `${to.origin}/on_server_start` },
    { ...PATIENT, outboxPath: copy },
  );
  await again.notifier.open();
  assert.equal(to.calls.length, 0);
  assert.ok(again.notifier.counter.next('RTMPPUBSUB') > 1);
  await again.notifier.start();
  again.notifier.record(started(session('RTMPPUBSUB5000', 'a')));
  await passing(again.time, () => again.notifier.status().backlog === 0);
  const ofStream = to.calls.filter(({ json }) => json['stream_name'] === 'a');
  assert.deepEqual(
    ofStream.map(({ path: name, json, headers }) => [name, json['session_id'], headers['millrace-reason']]),
    [
      ['/on_pub_start', id, undefined],
      ['/on_sub_start', 'FLVSUB1', undefined],
      ['/on_sub_start', 'FLVSUB2', undefined],
      ['/on_sub_stop', 'FLVSUB2', 'peer closed'],
      ['/on_pub_stop', id, 'server crashed'],
      ['/on_sub_stop', 'FLVSUB1', 'server crashed'],
      ['/on_pub_start', 'RTMPPUBSUB5000', undefined],
    ],
  );
  assert.deepEqual(
    ofStream.map(({ headers }) => headers['millrace-stream-seq']),
    ['1', '2', '3', '4', '5', '6', '7'],
  );
  assert.deepEqual(
    ofStream.slice(4, 6).map(({ json }) => [json['read_bytes_sum'], json['has_in_session'], json['has_out_session']]),
    [
      [77_000, false, true],
      [3407, false, false],
    ],
  );
  assert.deepEqual(
    ofStream.slice(0, 4).map(({ headers }) => headers['webhook-id']),
    ids.slice(1),
  );
  assert.ok(to.story().indexOf(`on_rtmp_connect ${id}`) < to.story().indexOf(`on_pub_start ${id}`));
});

test('a receiver that wants stops only hears of those of a crash as well, once', async (t) => {
  const to = await receiver(t);
  const urls = { on_pub_stop: `${to.origin}/on_pub_stop` };
  let path = outboxFile(t);
  const { notifier } = notifierAt(t, urls, { outboxPath: path });
  await notifier.start();
  notifier.record(started(session('PUB1', 'a')));
  notifier.record(stopped(session('PUB2', 'b')));
  // Its delivery is known to the database, and so is what came before it.
  await untilStates(notifier, ['delivered']);
  for (let life = 1; life <= 2; life++) {
    path = crashed(t, path);
    const again = notifierAt(t, urls, { outboxPath: path });
    await again.notifier.start();
    await untilStates(again.notifier, ['delivered', 'delivered']);
    assert.deepEqual(to.story(), ['on_pub_stop PUB2', 'on_pub_stop PUB1']);
  }
});

test('an on_server_start that its receiver never takes holds up nothing after restarts either', async (t) => {
  const to = await receiver(t);
  to.behave = (call) => status(call.path === '/on_server_start' ? 500 : 200)(call);
  const urls = { ...urlsAt(to.origin), on_server_start: `${to.origin}/on_server_start` };
  const outboxPath = outboxFile(t);
  for (let life = 1; life <= 2; life++) {
    const { notifier, time } = notifierAt(t, urls, { ...PATIENT, outboxPath });
    await notifier.start();
    notifier.record(started(session('PUB1')));
    notifier.record(stopped(session('PUB1')));
    await passing(time, () => notifier.status().delivered === 2);
    assert.equal(notifier.status().backlog, life);
    await endAtOnce(notifier, time);
  }
});

test('the end leaves what no receiver was there for to the next start, at once, with its URL', async (t) => {
  const to = await receiver(t);
  const outboxPath = outboxFile(t);
  const { notifier } = notifierAt(t, urlsAt(to.origin), { outboxPath });
  await notifier.start();
  to.close();
  notifier.record(started(session('PUB1')));
  notifier.record(stopped(session('PUB1')));
  await until(() => notifier.status().failed === 1);
  assert.deepEqual(await notifier.stop(10_000), { undelivered: 2, isKept: true });
  await to.open();
  const again = notifierAt(t, {}, { ...PATIENT, outboxPath });
  await again.notifier.start();
  await passing(again.time, () => again.notifier.status().delivered === 2);
  assert.deepEqual(to.story(), ['on_pub_start PUB1', 'on_pub_stop PUB1']);
});

test('the API sees receivers and events, is told of new ones, and has settled ones delivered once more', async (t) => {
  const to = await receiver(t);
  const dead = await receiver(t, hang);
  const urls = { ...urlsAt(to.origin), on_sub_start: `${dead.origin}/on_sub_start` };
  for (const outboxPath of [outboxFile(t), null]) {
    const { notifier, time } = notifierAt(t, urls, { outboxPath });
    await notifier.start();
    const told: number[] = [];
    const end = notifier.admin.watch((events) => told.push(...events.map(({ seq }) => seq)));
    const { admin } = notifier;
    notifier.record(started(session('PUB1', 'a')));
    notifier.record(started(session('SUB1', 'a', 'SUB')));
    await until(() => notifier.status().delivered === 1 && notifier.status().inFlight === 1);
    time.advance(1000);
    const state = await admin.status();
    assert.deepEqual(
      [state.database, state.lost, state.last_seq, notifier.lastSeq],
      [outboxPath === null ? 'memory' : 'ok', 0, 2, 2],
    );
    assert.deepEqual(
      state.receivers.map((one) => [one.receiver, one.backlog, one.in_flight, one.delivered]),
      [
        [to.origin, 0, 0, 1],
        [dead.origin, 1, 1, 0],
      ],
    );
    assert.equal(state.receivers[1]?.oldest_age_ms, 1000);
    assert.deepEqual(told, [1, 2]);
    end();
    await until(() => to.calls.length === 1);
    const [event] = await admin.events({ ...ALL, state: 'delivered' });
    const at = event?.attempts[0]?.at;
    assert.match(at ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
    assert.deepEqual(event, {
      seq: 1,
      id: to.calls[0]?.headers['webhook-id'],
      event: 'on_pub_start',
      stream_name: 'a',
      stream_seq: 1,
      session_id: 'PUB1',
      reason: null,
      url: `${to.origin}/on_pub_start`,
      state: 'delivered',
      attempts: [{ at, status: 200, error: null }],
      unix_ms: 1_700_000_000_000,
      body: to.calls[0]?.body,
    });
    assert.equal(await admin.replay({ ids: [event?.id ?? ''] }), 1);
    await until(() => notifier.status().delivered === 2);
    assert.deepEqual(
      to.calls.map(({ headers, body }) => [headers['webhook-id'], headers['millrace-attempt'], body]),
      [
        [event?.id, '1', event?.body],
        [event?.id, '2', event?.body],
      ],
    );
    to.calls.length = 0;
    dead.calls.length = 0;
  }
});

test('records that a crash left open are told of at each start, until their stops are committed', async (t) => {
  const to = await receiver(t);
  const urls = { ...urlsAt(to.origin), on_server_start: null };
  const path = outboxFile(t);
  const facts = (name: string) =>
    ({ streamName: 'a', appName: 'live', format: 'flv', path: name, startUnixMs: 1_700_000_000_000 }) as const;
  const begun = (name: string): Fact => ({ kind: 'record_start', unixMs: 1_700_000_000_000, ...facts(name) });
  const ended = (record: RecordFacts, reason: string): Fact => ({
    ...{ kind: 'record_stop', unixMs: 1_700_000_000_000, ...record, durationMs: 1000, bytes: 5, reason },
  });
  const first = notifierAt(t, urls, { ...PATIENT, outboxPath: path });
  await first.notifier.start();
  for (const name of ['a.flv', 'b.flv']) first.notifier.record(begun(name));
  first.notifier.record(ended(facts('a.flv'), 'split'));
  await until(() => first.notifier.status().backlog === 0);
  await first.notifier.admin.events(ALL);

  const left: (readonly RecordFacts[])[] = [];
  const onRecordsLeft = (records: readonly RecordFacts[]): void => void left.push(records);
  // it dies once more before what it was told can have been kept
  const second = notifierAt(t, urls, { ...PATIENT, outboxPath: crashed(t, path) }, { onRecordsLeft });
  await second.notifier.open();
  for (const record of left[0] ?? []) second.notifier.record(ended(record, 'server crashed'));
  await second.notifier.stop(0);

  const third = notifierAt(t, urls, { ...PATIENT, outboxPath: crashed(t, path) }, { onRecordsLeft });
  await third.notifier.open();
  assert.deepEqual(left, [[facts('b.flv')], [facts('b.flv')]]);
  for (const record of left[1] ?? []) third.notifier.record(ended(record, 'server crashed'));
  await third.notifier.start();
  await until(() => third.notifier.status().backlog === 0);
  const stops = to.calls.filter(({ path: name }) => name === '/on_record_stop');
  assert.deepEqual(
    stops.map(({ json }) => [json['path'], json['reason']]),
    [
      ['a.flv', 'split'],
      ['b.flv', 'server crashed'],
    ],
  );
  await third.notifier.stop(0);
});

test('a start that waits in a database which is opened late goes out before the stop that the crash left out', async (t) => {
  const to = await receiver(t, status(503));
  const urls = urlsAt(to.origin);
  const path = outboxFile(t);
  const first = notifierAt(t, urls, { outboxPath: path });
  await first.notifier.start();
  first.notifier.record(started(session('RTMPPUBSUB1', 'a')));
  while (first.notifier.status().failed === 0) await turn();
  await first.notifier.admin.events({ since: 0, streamName: null, state: null, limit: 10 });
  const copy = crashed(t, path);
  // the next process finds no database at first
  const late = outboxFile(t);
  mkdirSync(late, { recursive: true });
  const { notifier, time } = notifierAt(t, urls, { outboxPath: late, timeoutMs: 2 ** 30 });
  await notifier.start();
  notifier.record(started(session('RTMPPUBSUB2', 'a')));
  while (notifier.status().failed === 0) await turn();
  rmdirSync(late);
  renameSync(`${copy}-wal`, `${late}-wal`);
  renameSync(copy, late);
  await passing(time, () => notifier.status().inMemory === null);
  to.calls.length = 0;
  to.behave = ok;
  await passing(time, () => notifier.status().backlog === 0);
  const story = to.story();
  const [start, stop] = ['on_pub_start RTMPPUBSUB1', 'on_pub_stop RTMPPUBSUB1'].map((line) => story.indexOf(line));
  assert.ok(start !== undefined && stop !== undefined && start !== -1 && start < stop, story.join('\n'));
});
