/** Tests of the stops that a crash left out, byte sums that changed, and session numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BaseType, GroupSnapshot, SessionSnapshot } from '../streams/index.ts';
import { FakeTime, session, started } from './notify.fixture.ts';
import { crashed, makeOutbox, openOutbox, outboxFile } from './outbox.fixture.ts';
import { SessionNumbers } from './session-numbers.ts';
import { ByteSums, crashStops, openChangeOf } from './sessions.ts';

const snapshot = (sessionId: string, baseType: BaseType, readBytesSum: number): SessionSnapshot => ({
  sessionId,
  protocol: 'RTMP',
  baseType,
  remoteAddr: '',
  startUnixMs: 0,
  readBytesSum,
  wroteBytesSum: 0,
  readBitrateKbits: 0,
  writeBitrateKbits: 0,
  droppedFrames: 0,
  lostPackets: 0,
});

test('after a crash each stream’s publisher stops first, then its players, and the last one leaves nobody', () => {
  const left = [
    session('SUB1', 'a', 'SUB'),
    session('PULL1', 'b', 'PULL'),
    session('PUB1', 'a', 'PUB'),
    session('SUB2', 'a', 'SUB'),
  ];
  const stops = crashStops(left, 5, []).map((fact) =>
    fact.kind === 'session_stop'
      ? [fact.session.sessionId, fact.session.hasInSession, fact.session.hasOutSession, fact.reason, fact.unixMs]
      : [],
  );
  assert.deepEqual(stops, [
    ['PUB1', false, true, 'server crashed', 5],
    ['SUB1', false, true, 'server crashed', 5],
    ['SUB2', false, false, 'server crashed', 5],
    ['PULL1', false, false, 'server crashed', 5],
  ]);
});

test('where what a crash left is found late, its stops tell of who is here by then', () => {
  const left = [session('PUB1', 'a', 'PUB'), session('SUB1', 'b', 'SUB')];
  const here: GroupSnapshot = {
    ...{ streamName: 'a', appName: 'live', audioCodec: '', videoCodec: '', videoWidth: 0, videoHeight: 0 },
    ...{ pub: snapshot('PUB2', 'PUB', 0), subs: [], pull: null, pushs: [], inFramePerSec: [] },
  };
  const watched = { ...here, streamName: 'b', pub: null, subs: [snapshot('SUB2', 'SUB', 0)] };
  const states = crashStops(left, 5, [here, watched]).map((fact) =>
    fact.kind === 'session_stop' ? [fact.session.hasInSession, fact.session.hasOutSession] : [],
  );
  assert.deepEqual(states, [
    [true, false],
    [false, true],
  ]);
});

test('relay pushes have no events, so nothing is kept of them', () => {
  assert.equal(openChangeOf(started(session('PUSH1', 'a', 'PUSH'))), null);
  assert.equal(openChangeOf(started(session('PUB1', 'a', 'PUB')))?.kind, 'open');
});

test('only byte sums that changed are told', () => {
  const group = (pub: number, sub: number): GroupSnapshot => ({
    streamName: 'a',
    appName: 'live',
    audioCodec: '',
    videoCodec: '',
    videoWidth: 0,
    videoHeight: 0,
    pub: snapshot('PUB1', 'PUB', pub),
    subs: [snapshot('SUB1', 'SUB', sub)],
    pull: null,
    pushs: [snapshot('PUSH1', 'PUSH', pub)],
    inFramePerSec: [],
  });
  const sums = new ByteSums();
  const changed = (pub: number, sub: number) =>
    sums.changed([group(pub, sub)]).map(({ sessionId, readBytesSum }) => [sessionId, readBytesSum]);
  assert.deepEqual(changed(1, 0), [
    ['PUB1', 1],
    ['SUB1', 0],
  ]);
  assert.deepEqual(changed(1, 0), []);
  assert.deepEqual(changed(2, 0), [['PUB1', 2]]);
});

test('session numbers begin at 1, go on after an end, and after a crash jump over all that may have been given', async (t) => {
  const path = outboxFile(t);
  const first = await openOutbox(t, path);
  const numbers = new SessionNumbers(first.outbox, first.time);
  numbers.start(new Map(), true);
  await first.outbox.idle();
  assert.deepEqual(
    Array.from({ length: 3 }, () => numbers.next('RTMPPUBSUB')),
    [1, 2, 3],
  );
  assert.equal(numbers.next('FLVSUB'), 1);
  assert.equal(numbers.next('other'), 1);
  for (let n = 4; n <= 2500; n++) assert.equal(numbers.next('RTMPPUBSUB'), n);
  await first.outbox.idle();
  const copy = crashed(t, path);
  numbers.stop();
  await first.outbox.close();

  const after = async (file: string): Promise<SessionNumbers> => {
    const { outbox, time, left } = await openOutbox(t, file);
    const again = new SessionNumbers(outbox, time);
    again.start(left[0]?.counters ?? new Map(), left[0]?.complete ?? false);
    return again;
  };
  const ended = await after(path);
  assert.deepEqual([ended.next('RTMPPUBSUB'), ended.next('FLVSUB'), ended.next('other')], [2501, 2, 2]);
  const killed = await after(copy);
  assert.ok(killed.next('RTMPPUBSUB') > 2500 && killed.next('RTMPPUBSUB') < 5000);
  assert.ok(killed.next('other') > 1);
});

test('while nothing can be kept, session numbers come from the time', async () => {
  const time = new FakeTime();
  const { outbox } = makeOutbox('/dev/null/outbox.db', {}, time);
  await outbox.open(() => {});
  const numbers = new SessionNumbers(outbox, time);
  numbers.start(new Map(), false);
  assert.ok(numbers.next('RTMPPUBSUB') > time.now);
  time.advance(60_000);
  assert.ok(numbers.next('RTMPPUBSUB') > time.now);
  await outbox.close();
});
