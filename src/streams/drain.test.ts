/** Tests of a hub that lets nobody in any more while those who are here go on, and of options for the streams that begin. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakePeer, fakeHub, identity, playFrom, publishTo, video } from './hub.fixture.ts';

test('nobody is asked about those who come, and those who are here are counted as they leave', async () => {
  const { registry, story } = fakeHub();
  const publisher = await publishTo(registry, 'PUB1');
  const { peer, subscription } = await playFrom(registry, 'SUB1');
  assert.equal(registry.sessionCount, 2);
  registry.drain();
  for (const asked of [
    registry.subscribe(identity('SUB2'), new FakePeer()),
    registry.publish(identity('PUB2', 'other', 'PUB'), new FakePeer()),
  ]) {
    const result = await asked;
    assert.deepEqual([result.ok, !result.ok && result.kind], [false, 'stopping']);
  }
  publisher.write(video(0, true));
  assert.deepEqual(peer.writes.slice(-1), ['V0']);
  // pushes and pulls belong to streams that are here, and connect again; pushes are not waited for
  const push = await registry.subscribe(identity('PUSH1', 's', 'PUSH'), new FakePeer());
  assert.ok(push.ok);
  assert.equal(registry.sessionCount, 2);
  assert.ok((await registry.publish(identity('PULL1', 'pulled', 'PULL'), new FakePeer())).ok);
  assert.equal(registry.sessionCount, 3);
  assert.equal(registry.kick('pulled', 'PULL1'), 'kicked');
  subscription.close('peer closed');
  assert.equal(registry.sessionCount, 1);
  publisher.close('peer closed');
  assert.equal(registry.sessionCount, 0);
  assert.ok(story().every((line) => !/SUB2|PUB2/.test(line)));
});

test('a decision that comes when nobody is let in any more lets nobody in', async () => {
  const { registry, story } = fakeHub();
  const asked = registry.subscribe(identity('SUB1'), new FakePeer());
  registry.drain();
  assert.equal((await asked).ok, false);
  assert.deepEqual(story(), []);
});

test('other options are those of the streams that begin', async () => {
  const { registry, update } = fakeHub({ takeover: 'refuse' });
  const first = await publishTo(registry, 'PUB1');
  update({ takeover: 'replace' });
  await assert.rejects(publishTo(registry, 'PUB2'), /is being published already/);
  first.close('peer closed');
  await publishTo(registry, 'PUB3');
  await publishTo(registry, 'PUB4');
});
