import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameConsumer } from './consumer.ts';
import { FakePeer, fakeHub, identity, playFrom, publishTo, video, videoTracks } from './hub.fixture.ts';
import type { StreamOptions } from './stream.ts';

/** A hub whose one consumer writes down what it is told. */
function consumed(options: Partial<StreamOptions>) {
  const told: string[] = [];
  const consumer = (): FrameConsumer => {
    told.push('begin');
    return {
      setTracks: () => {},
      write: ({ dts }) => told.push(`frame ${dts}`),
      discontinuity: () => told.push('discontinuity'),
      end: () => told.push('end'),
    };
  };
  return { ...fakeHub(options, { ok: true }, [consumer]), told };
}

test('replace: the one that comes takes the place of the one that is there, and players see one stream', async () => {
  const { registry, story, told, clock } = consumed({ takeover: 'replace' });
  const first = new FakePeer();
  const old = await publishTo(registry, 'PUB1', first);
  const { peer } = await playFrom(registry, 'SUB1');
  old.setTracks(videoTracks);
  old.write(video(0, true));
  clock.now += 40;
  const next = await publishTo(registry, 'PUB2');
  assert.equal(first.closed, 'replaced');
  old.write(video(40));
  next.setTracks({ ...videoTracks });
  next.write(video(9000, true));
  assert.deepEqual(peer.writes.slice(-3), ['V0', 'T', 'V40']);
  assert.deepEqual(told, ['begin', 'frame 0', 'discontinuity', 'frame 40']);
  assert.deepEqual(story().slice(2), ['stop PUB1 in=false out=true replaced', 'start PUB2 in=true out=true']);
});

test('replace: without players, too; a pull keeps its place', async () => {
  const { registry, story } = fakeHub({ takeover: 'replace' });
  await publishTo(registry, 'PUB1');
  await publishTo(registry, 'PUB2');
  assert.equal(registry.groups().length, 1);
  assert.deepEqual(story().slice(1), ['stop PUB1 in=false out=false replaced', 'start PUB2 in=true out=false']);
  await registry.publish(identity('PULL1', 'pulled', 'PULL'), new FakePeer());
  const refused = await registry.publish(identity('PUB3', 'pulled', 'PUB'), new FakePeer());
  assert.equal(refused.ok, false);
});

test('refuse: a publisher that has been silent for 3 s does not keep the stream from another', async () => {
  const { registry, clock, story } = fakeHub();
  const silent = new FakePeer();
  await publishTo(registry, 'PUB1', silent);
  const again = () => registry.publish(identity('PUB2', 's', 'PUB'), new FakePeer());
  clock.now += 2999;
  assert.equal((await again()).ok, false);
  silent.bytesRead++;
  clock.now += 2999;
  assert.equal((await again()).ok, false, 'a byte came meanwhile');
  clock.now += 3000;
  assert.equal((await again()).ok, true);
  assert.deepEqual(story(), [
    'start PUB1 in=true out=false',
    'stop PUB1 in=false out=false timed out',
    'start PUB2 in=true out=false',
  ]);
});

test('grace: the next publisher goes on with the consumers; players and group stay', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { registry, told, story } = consumed({ graceMs: 5000 });
  const first = await publishTo(registry, 'PUB1');
  first.setTracks(videoTracks);
  first.write(video(0, true));
  first.close('peer closed');
  t.mock.timers.tick(4999);
  assert.equal(registry.groups().length, 1);
  const second = await publishTo(registry, 'PUB2');
  second.setTracks(videoTracks);
  second.write(video(0, true));
  t.mock.timers.tick(10_000);
  assert.deepEqual(told, ['begin', 'frame 0', 'discontinuity', 'frame 40']);
  assert.deepEqual(story()[1], 'stop PUB1 in=false out=false peer closed');

  second.close('timed out');
  t.mock.timers.tick(5000);
  assert.equal(told.at(-1), 'end');
  assert.equal(registry.groups().length, 0);
});

test('grace: one that is ended on purpose ends the consumers at once, and so does the server’s stop', async () => {
  const { registry, told } = consumed({ graceMs: 5000 });
  await publishTo(registry, 'PUB1');
  registry.kick('s', 'PUB1');
  assert.deepEqual(told, ['begin', 'end']);
  const second = await publishTo(registry, 'PUB2');
  second.close('peer closed');
  assert.equal(told.at(-1), 'begin');
  await registry.stop();
  assert.equal(told.at(-1), 'end');
});

test('replace: a pull does not take the place of a publisher that sends, only of one that has fallen silent', async () => {
  const { registry, clock, story } = fakeHub({ takeover: 'replace' });
  await publishTo(registry, 'PUB1');
  const pull = () => registry.publish(identity('PULL1', 's', 'PULL'), new FakePeer());
  const refused = await pull();
  assert.ok(!refused.ok && refused.kind === 'taken');
  clock.now += 3000;
  assert.ok((await pull()).ok);
  assert.deepEqual(story().slice(1), ['stop PUB1 in=false out=false timed out', 'start PULL1 in=true out=false']);
});

test('while somebody is to publish, that is told: as long as the grace lasts, and as a publisher gives way', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { registry, changes } = fakeHub({ graceMs: 5000, takeover: 'replace' });
  const first = await publishTo(registry, 'PUB1');
  await playFrom(registry, 'SUB1');
  first.close('peer closed');
  await playFrom(registry, 'SUB2');
  assert.deepEqual(changes.splice(0).slice(2), ['in=false awaited players=1', 'in=false awaited players=2']);
  t.mock.timers.tick(5000);
  assert.deepEqual(changes.splice(0), ['in=false players=2']);

  await publishTo(registry, 'PUB2');
  await publishTo(registry, 'PUB3');
  assert.deepEqual(changes.splice(0), ['in=true players=2', 'in=false awaited players=2', 'in=true players=2']);
  registry.kick('s', 'PUB3');
  assert.deepEqual(changes.splice(0), ['in=false players=2']);

  const other = fakeHub();
  await publishTo(other.registry, 'PUB1');
  await playFrom(other.registry, 'SUB1');
  other.clock.now += 3000;
  await publishTo(other.registry, 'PUB2');
  assert.deepEqual(other.changes.slice(2), ['in=false awaited players=1', 'in=true players=1']);
});

test('a pull that was lost is not awaited: it comes back by itself, and only while somebody wants it', async () => {
  const { registry, changes } = fakeHub({ graceMs: 5000 });
  const pull = await registry.publish(identity('PULL1', 's', 'PULL'), new FakePeer());
  assert.ok(pull.ok);
  await playFrom(registry, 'SUB1');
  pull.publisher.close('peer closed');
  assert.equal(changes.at(-1), 'in=false players=1');
});
