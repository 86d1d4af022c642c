/** How many streams and players there may be, and how long a player may hold what waits for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakePeer, fakeHub, identity, playFrom, publishTo, video, videoTracks } from './hub.fixture.ts';

const FULL = { ok: false, kind: 'full' } as const;

test('no more streams than there may be, those that players wait for counted in; those that are here are open to all', async () => {
  const { registry, story, changes } = fakeHub({ maxGroups: 2 });
  await publishTo(registry, 'PUB1', undefined, 'a');
  await playFrom(registry, 'SUB1', 'b');
  const reason = '2 streams are here, and no more are allowed';
  changes.length = 0;
  assert.deepEqual(await registry.publish(identity('PUB2', 'c', 'PUB'), new FakePeer()), { ...FULL, reason });
  assert.deepEqual(await registry.subscribe(identity('SUB2', 'c'), new FakePeer()), { ...FULL, reason });
  assert.equal(story().length, 2, 'nobody is told of who was not let in');
  assert.deepEqual(changes, [], 'and no pull begins for them');
  await playFrom(registry, 'SUB3', 'a');
  const publisher = await publishTo(registry, 'PUB3', undefined, 'b');
  assert.equal(registry.groups().length, 2);

  const { subscription } = await playFrom(registry, 'SUB4', 'b');
  subscription.close('peer closed');
  publisher.close('peer closed');
  registry.kick('b', 'SUB1');
  assert.equal(registry.groups().length, 2, 'a player waits still');
});

test('a stream that is over makes room', async () => {
  const { registry } = fakeHub({ maxGroups: 1 });
  const publisher = await publishTo(registry, 'PUB1', undefined, 'a');
  publisher.close('peer closed');
  await publishTo(registry, 'PUB2', undefined, 'b');
});

test('no more players of a stream than there may be: others go on, pushes do not count, and a change holds at once', async () => {
  const { registry, update } = fakeHub({ maxSubscribers: 2 });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  assert.ok((await registry.subscribe(identity('PUSH1', 's', 'PUSH'), new FakePeer())).ok);
  const first = await playFrom(registry, 'SUB1');
  await playFrom(registry, 'SUB2');
  const reason = '2 players of stream s are here, and no more are allowed';
  assert.deepEqual(await registry.subscribe(identity('SUB3'), new FakePeer()), { ...FULL, reason });
  assert.ok((await registry.subscribe(identity('PUSH2', 's', 'PUSH'), new FakePeer())).ok);
  publisher.write(video(0, true));
  assert.equal(first.peer.writes.at(-1), 'V0');
  await playFrom(registry, 'SUB4', 'other');
  first.subscription.close('peer closed');
  await playFrom(registry, 'SUB5');
  update({ maxSubscribers: 3 });
  await playFrom(registry, 'SUB6');
});

/** Sends as many bytes as it is told, of more that wait. */
class SlowPeer extends FakePeer {
  sent = 0;
  override wroteBytes(): number {
    return this.sent;
  }
}

async function slowPlayer() {
  const hub = fakeHub();
  const peer = new SlowPeer();
  const result = await hub.registry.subscribe(identity('SUB1'), peer);
  assert.ok(result.ok);
  result.subscription.attach({ name: 'x', preamble: () => Buffer.of(1), carries: () => true, createMuxer }, peer);
  const pass = (seconds: number, sentPerSec: number, arrivesPerSec: number): void => {
    for (let i = 0; i < seconds && peer.closed === null; i++) {
      hub.clock.now += 1000;
      peer.sent += sentPerSec;
      peer.writableLength += arrivesPerSec - sentPerSec;
      hub.registry.tick();
    }
  };
  return { peer, pass };
}

const createMuxer = () => ({ header: () => Buffer.of(2), setTracks: () => Buffer.of(3), write: () => Buffer.of(4) });

test('a player that takes a byte now and then of what waits for it is closed after a minute', async () => {
  const { peer, pass } = await slowPlayer();
  peer.writableLength = 100_000;
  pass(60, 1, 0);
  assert.equal(peer.closed, null);
  pass(1, 1, 0);
  assert.equal(peer.closed, 'too slow');
});

test('a player that never catches up, but takes all in time, stays', async () => {
  const { peer, pass } = await slowPlayer();
  peer.writableLength = 20_000;
  pass(600, 1000, 1000);
  assert.equal(peer.closed, null);
});
