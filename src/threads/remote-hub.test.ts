import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { flvFormats } from '../containers/flv/index.ts';
import { NO_TRACKS, type Tracks } from '../media/index.ts';
import { audio, FakePeer, fakeHub, identity, publishTo, video } from '../streams/hub.fixture.ts';
import type { Fact, SessionIdentity, StreamOptions, Subscription } from '../streams/index.ts';
import { Link } from './link.ts';
import type { FromThread, ToThread } from './messages.ts';
import { type HubOrder, RemoteHub } from './remote-hub.ts';
import { type HubMessage, ThreadHub } from './thread-hub.ts';

const flvFormat = flvFormats['codec-id-12'];

const CACHED: Partial<StreamOptions> = {
  fanout: { gatherMs: 0, backlogBytes: 1_000_000, backlogMs: 10_000 },
  gopNum: 1,
  formats: { flv: { gopNum: 1, mergeWriteBytes: 0 } },
};
const TRACKS: Tracks = {
  video: {
    kind: 'video',
    codec: 'H264',
    sps: [Buffer.from('6742c01e', 'hex')],
    pps: [Buffer.from('68ce3c80', 'hex')],
    width: 1280,
    height: 720,
  },
  audio: { kind: 'audio', codec: 'AAC', config: Buffer.of(0x12, 0x10), sampleRate: 44_100, channels: 2 },
  metadata: null,
};

interface Options {
  readonly stream?: Partial<StreamOptions>;
  readonly refuse?: string;
  readonly maxBytes?: number;
  /** The hub rejects whatever it is asked. */
  readonly fault?: boolean;
}

/** A hub, and one thread's view of it, with a real channel of messages between them. */
function twoSides(t: TestContext, { stream = CACHED, refuse, maxBytes, fault = false }: Options = {}) {
  const decision = refuse === undefined ? ({ ok: true } as const) : ({ ok: false, reason: refuse } as const);
  const hub = fakeHub(stream, decision);
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const numbers = new Map<string, number>();
  const told: string[] = [];
  const say = (_: object, message: string): void => void told.push(message);
  const log = { debug: say, info: say, warn: say, error: say };
  const counter = {
    next: (prefix: string): number => {
      const number = (numbers.get(prefix) ?? 0) + 1;
      numbers.set(prefix, number);
      return number;
    },
  };
  let handled = 0;
  const near: Link<ToThread, FromThread> = new Link(
    port1,
    (message) => {
      main.handle(message as HubMessage);
      handled++;
    },
    maxBytes,
  );
  const ledger = { record: (fact: Fact) => void hub.facts.push(fact) };
  const broken = (): Promise<never> => Promise.reject(new Error('broken'));
  const local = fault ? { publish: broken, subscribe: broken } : hub.registry;
  const main = new ThreadHub(near, { hub: local, ledger, counter, log });
  const far: Link<FromThread, ToThread> = new Link(
    port2,
    (message) => {
      remote.handle(message as HubOrder);
      handled++;
    },
    maxBytes,
  );
  const remote = new RemoteHub(far, log);
  /** Until neither side has anything to say any more. */
  const settled = async (): Promise<void> => {
    for (let before = -1; before !== handled; ) {
      before = handled;
      for (let i = 0; i < 20; i++) await turn();
    }
  };
  return { ...hub, main, remote, near, told, settled };
}

function named(prefix: string, remote: RemoteHub, baseType: 'PUB' | 'SUB'): SessionIdentity {
  return identity(`${prefix}${remote.next()}`, 's', baseType);
}

async function publishFrom(remote: RemoteHub, peer = new FakePeer()) {
  const result = await remote.publish(named('RTMPPUBSUB', remote, 'PUB'), peer);
  assert.ok(result.ok);
  return result.publisher;
}

/** Writes are kept as hexadecimal: they are to be compared, not read. */
class BytesPeer extends FakePeer {
  override write(bytes: Buffer): boolean {
    this.writes.push(bytes.toString('hex'));
    return true;
  }
}

async function playFrom(
  remote: RemoteHub,
  peer: FakePeer = new BytesPeer(),
): Promise<{ peer: FakePeer; subscription: Subscription }> {
  const result = await remote.subscribe(named('FLVSUB', remote, 'SUB'), peer);
  assert.ok(result.ok);
  result.subscription.attach(flvFormat, peer);
  return { peer, subscription: result.subscription };
}

async function playHere({ registry }: ReturnType<typeof twoSides>, sessionId: string): Promise<FakePeer> {
  const peer = new BytesPeer();
  const result = await registry.subscribe(identity(sessionId), peer);
  assert.ok(result.ok);
  result.subscription.attach(flvFormat, peer);
  return peer;
}

test('a player in a thread is sent what one beside the hub is sent, newcomers too', async (t) => {
  const sides = twoSides(t);
  const { registry, remote, settled } = sides;
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(TRACKS);
  publisher.write(video(0, true));
  publisher.write(audio(10));
  const here = await playHere(sides, 'HERE1');
  const first = await playFrom(remote);
  await settled();
  publisher.write(video(40));
  publisher.setTracks({ ...TRACKS, metadata: Buffer.from('0200016f', 'hex') });
  publisher.write(video(80, true));
  const lateHere = await playHere(sides, 'HERE2');
  const second = await playFrom(remote);
  await settled();
  publisher.write(audio(90));
  publisher.close('peer closed');
  await settled();
  assert.ok(here.writes.length >= 5);
  assert.deepEqual(first.peer.writes, here.writes);
  assert.deepEqual(second.peer.writes, lateHere.writes);
});

test('what a publisher in a thread sends is what players see, beside the hub and in the thread', async (t) => {
  const sides = twoSides(t);
  const { registry, remote, settled } = sides;
  const peer = new FakePeer();
  const publisher = await publishFrom(remote, peer);
  const here = await playHere(sides, 'HERE1');
  const there = await playFrom(remote);
  await settled();
  publisher.setTracks(TRACKS);
  peer.bytesRead = 777;
  publisher.write(video(0, true));
  publisher.write(audio(10));
  await settled();
  assert.equal(here.writes.length, 4);
  assert.deepEqual(there.peer.writes, here.writes);
  const group = registry.group('s');
  assert.deepEqual([group?.videoCodec, group?.audioCodec, group?.pub?.readBytesSum], ['H264', 'AAC', 777]);
});

test('numbers are given by the main thread, in its order; a connection keeps the one that it was told of with', async (t) => {
  const { remote, facts, settled, story } = twoSides(t);
  remote.next();
  const id = `RTMPPUBSUB${remote.next()}`;
  const connect = { kind: 'rtmp_connect', unixMs: 1, remoteAddr: '', app: 'live', flashVer: '', tcUrl: '' } as const;
  remote.record({ ...connect, sessionId: id });
  const other = await publishFrom(remote);
  const result = await remote.subscribe(identity(id), new FakePeer());
  await settled();
  assert.ok(result.ok);
  assert.deepEqual([other.id, result.subscription.id], ['RTMPPUBSUB2', 'RTMPPUBSUB1']);
  assert.partialDeepStrictEqual(facts[0], { kind: 'rtmp_connect', sessionId: 'RTMPPUBSUB1' });
  assert.deepEqual(story().slice(1), ['start RTMPPUBSUB2 in=true out=false', 'start RTMPPUBSUB1 in=true out=true']);
});

test('refusals come with their kind and reason, and are no session', async (t) => {
  const denied = twoSides(t, { refuse: 'not today' });
  const refusal = { ok: false, kind: 'denied', reason: 'not today' };
  assert.deepEqual(await denied.remote.publish(identity('PUB1', 's', 'PUB'), new FakePeer()), refusal);
  assert.deepEqual(await denied.remote.subscribe(identity('SUB1'), new FakePeer()), refusal);
  const { remote, registry } = twoSides(t);
  await publishTo(registry, 'PUB1');
  const taken = await remote.publish(identity('PUB2', 's', 'PUB'), new FakePeer());
  assert.deepEqual(taken, { ok: false, kind: 'taken', reason: 'stream s is being published already' });
});

test('a stop tells the bytes that the socket had sent at its end', async (t) => {
  const { remote, facts, settled, story, registry } = twoSides(t);
  const { peer, subscription } = await playFrom(remote);
  await settled();
  peer.writes.push('1234567');
  peer.bytesRead = 99;
  subscription.close('peer closed');
  subscription.close('timed out');
  await settled();
  assert.equal(story().at(-1), 'stop FLVSUB1 in=false out=false peer closed');
  const stop = facts.at(-1);
  assert.ok(stop?.kind === 'session_stop');
  assert.deepEqual([stop.session.readBytesSum, stop.session.wroteBytesSum], [99, peer.wroteBytes()]);
  assert.deepEqual(registry.groups(), []);
});

test('a kick reaches the connection in its thread, and the session stops when that is done', async (t) => {
  const { remote, registry, settled, story } = twoSides(t);
  const publisherPeer = new FakePeer();
  const publisher = await publishFrom(remote, publisherPeer);
  const { peer, subscription } = await playFrom(remote);
  await settled();
  publisher.setTracks(TRACKS);
  await settled();
  const before = peer.writes.length;
  assert.equal(registry.kick('s', 'FLVSUB1'), 'kicked');
  assert.equal(registry.kick('s', 'FLVSUB2'), 'no session');
  await settled();
  publisher.write(video(0, true));
  await settled();
  assert.deepEqual([peer.closed, peer.writes.length], ['kicked', before], 'it is sent nothing more');
  assert.equal(story().length, 2);
  subscription.close('peer closed');
  await settled();
  assert.equal(story().at(-1), 'stop FLVSUB1 in=true out=false kicked');
  assert.equal(registry.kick('s', 'RTMPPUBSUB1'), 'kicked');
  assert.equal(story().at(-1), 'stop RTMPPUBSUB1 in=false out=false kicked', 'a publisher is over at once');
  await settled();
  assert.deepEqual([publisherPeer.closed, publisher.closed], ['kicked', true]);
});

test('once a second the hub learns how the sessions of a thread stand', async (t) => {
  const { remote, main, registry, settled, clock } = twoSides(t);
  const { peer } = await playFrom(remote);
  await settled();
  peer.writes.push('x'.repeat(1000));
  peer.bytesRead = 5;
  // the counters at its start are there from the beginning
  const bytes = (): number[] => registry.group('s')?.subs.flatMap((sub) => [sub.readBytesSum, sub.wroteBytesSum]) ?? [];
  assert.deepEqual(bytes(), [10, 0]);
  main.tick();
  await settled();
  assert.deepEqual(bytes(), [5, peer.wroteBytes()]);
  peer.writableLength = 100;
  for (let second = 0; second < 12; second++) {
    main.tick();
    await settled();
    clock.now += 1000;
    registry.tick();
  }
  await settled();
  assert.equal(peer.closed, 'timed out', 'nothing could be written to it for ten seconds');
});

test('tracks are told at once, at each change, and at the end of the publication', async (t) => {
  const { remote, registry, settled } = twoSides(t);
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(TRACKS);
  const seen: Tracks[] = [];
  const { subscription } = await playFrom(remote);
  subscription.watchTracks((tracks) => seen.push(tracks));
  assert.deepEqual(seen, [TRACKS]);
  publisher.setTracks({ ...TRACKS, audio: null });
  publisher.close('peer closed');
  await settled();
  assert.deepEqual(seen, [TRACKS, { ...TRACKS, audio: null }, NO_TRACKS]);
  assert.equal(seen[2], NO_TRACKS);
});

test('a thread that does not keep up loses whole GOPs for its players, counted, and what waits for it is bounded', async (t) => {
  const { remote, registry, main, near, told, settled } = twoSides(t, {
    stream: { ...CACHED, gopNum: 0 },
    maxBytes: 20_000,
  });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(TRACKS);
  const { peer } = await playFrom(remote);
  await settled();
  const big = (dts: number, key = false) => ({ ...video(dts, key), data: Buffer.alloc(4000, 1) });
  publisher.write(big(0, true));
  // the thread has no turn to take anything while these are written
  for (let dts = 40; dts < 4000; dts += 40) publisher.write(big(dts, dts % 400 === 0));
  assert.equal(near.isFull, true);
  await settled();
  const got = peer.writes.length;
  assert.ok(got < 10, `${got} writes`);
  assert.equal(near.hasRoom, true);
  publisher.write(big(4000));
  publisher.write(big(4040, true));
  publisher.write(big(4080));
  await settled();
  assert.equal(peer.writes.length, got + 2, 'it goes on at the key frame');
  main.tick();
  await settled();
  const frames = peer.writes.length - 1;
  assert.equal(registry.group('s')?.subs[0]?.droppedFrames, 103 - frames);
  assert.match(told.join('\n'), /a player thread does not keep up/);
});

test('where the main thread does not keep up, a publisher goes on at a key frame', async (t) => {
  const sides = twoSides(t, { maxBytes: 20_000 });
  const { remote, told, settled, registry } = sides;
  const publisher = await publishFrom(remote);
  const here = await playHere(sides, 'HERE1');
  publisher.setTracks(TRACKS);
  const big = (dts: number, key = false) => ({ ...video(dts, key), data: Buffer.alloc(4000, 1) });
  for (let dts = 0; dts < 4000; dts += 40) publisher.write(big(dts, dts === 0));
  await settled();
  const got = here.writes.length;
  assert.ok(got < 10, `${got} writes`);
  publisher.write(big(4000));
  publisher.write(big(4040, true));
  await settled();
  assert.equal(here.writes.length, got + 1);
  assert.match(told.join('\n'), /the main thread did not keep up/);
  assert.equal(registry.group('s')?.pub?.sessionId, publisher.id);
});

test('the sessions of a thread that is gone have their stops', async (t) => {
  const { remote, main, settled, story, registry } = twoSides(t);
  await publishFrom(remote);
  await playFrom(remote);
  await settled();
  void remote.subscribe(identity('LATE1'), new FakePeer());
  main.end();
  await settled();
  assert.deepEqual(story().slice(2), [
    'stop RTMPPUBSUB1 in=false out=true server crashed',
    'stop FLVSUB1 in=false out=false server crashed',
    'start LATE1 in=false out=true',
    'stop LATE1 in=false out=false server crashed',
  ]);
  assert.deepEqual(registry.groups(), []);
});

test('a fault in what a thread asked for ends the session that it is about, and is logged', async (t) => {
  const { remote, told, settled } = twoSides(t);
  const other = await playFrom(remote);
  const { peer, subscription } = await playFrom(remote);
  subscription.attach({ ...flvFormat, name: 'mp4' }, peer);
  await settled();
  assert.deepEqual([peer.closed, other.peer.closed], ['protocol error', null]);
  assert.match(told.join('\n'), /a fault of the server ended a session of a player thread/);
});

test('a session that is to end before its thread has heard that it was let in ends there all the same', async (t) => {
  const { remote, registry, settled, story } = twoSides(t);
  const peer = new FakePeer();
  const answer = remote.subscribe(named('FLVSUB', remote, 'SUB'), peer);
  // within the same turn that lets it in
  while (registry.groups().length === 0) await turn();
  registry.kick('s', 'FLVSUB1');
  const result = await answer;
  assert.ok(result.ok);
  await settled();
  assert.equal(peer.closed, 'kicked');
  result.subscription.close('peer closed');
  await settled();
  assert.equal(story().at(-1), 'stop FLVSUB1 in=false out=false kicked');
});

test('what the hub cannot decide, by a fault, is a refusal', async (t) => {
  const { remote, told } = twoSides(t, { fault: true });
  const refusal = { ok: false, kind: 'denied', reason: 'a fault of the server' };
  assert.deepEqual(await remote.publish(identity('PUB1', 's', 'PUB'), new FakePeer()), refusal);
  assert.deepEqual(await remote.subscribe(identity('SUB1'), new FakePeer()), refusal);
  assert.match(told.join('\n'), /a session was not let in/);
});
