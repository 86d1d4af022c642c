import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audio, FakePeer, fakeHub, identity, playFrom, publishTo, video, videoTracks } from './hub.fixture.ts';

test('a subscriber may come before its publisher, and starts at the first key frame', async () => {
  const { registry, story } = fakeHub();
  const { peer } = await playFrom(registry, 'SUB1');
  assert.deepEqual(peer.writes, ['PH'], 'the opening is sent at once');
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  publisher.write(video(0));
  publisher.write(audio(1));
  publisher.write(video(40, true));
  publisher.write(audio(41));
  assert.deepEqual(peer.writes, ['PH', 'T', 'V40', 'a41']);
  assert.deepEqual(story(), ['start SUB1 in=false out=true', 'start PUB1 in=true out=true']);
});

test('the second publisher of a stream is refused, without an event, and the first goes on', async () => {
  const { registry, story } = fakeHub();
  const first = await publishTo(registry, 'PUB1');
  const second = await registry.publish(identity('PUB2', 's', 'PUB'), new FakePeer());
  assert.deepEqual(second, { ok: false, kind: 'taken', reason: 'stream s is being published already' });
  assert.equal(first.closed, false);
  assert.deepEqual(story(), ['start PUB1 in=true out=false']);
});

test('two apps with one stream name are one group, named after its creator', async () => {
  const { registry } = fakeHub();
  await publishTo(registry, 'PUB1');
  const result = await registry.subscribe({ ...identity('SUB1'), appName: 'other' }, new FakePeer());
  assert.ok(result.ok);
  const [group] = registry.groups();
  assert.deepEqual([group?.appName, group?.subs.length, registry.groups().length], ['live', 1, 1]);
});

test('a stream’s state and app are told without a snapshot; pushes watch nothing', async () => {
  const { registry } = fakeHub();
  const told = () => [registry.appNameOf('s'), ...Object.values(registry.stateOf('s'))];
  assert.deepEqual(told(), ['', false, false]);
  await publishTo(registry, 'PUB1');
  await registry.subscribe(identity('PUSH1', 's', 'PUSH'), new FakePeer());
  assert.deepEqual(told(), ['live', true, false]);
  await playFrom(registry, 'SUB1');
  assert.deepEqual(told(), ['live', true, true]);
});

test('a publisher that comes back goes on with time where subscribers left off', async () => {
  const { registry, clock } = fakeHub();
  const first = await publishTo(registry, 'PUB1');
  const { peer } = await playFrom(registry, 'SUB1');
  first.setTracks(videoTracks);
  first.write(video(5000, true));
  first.close('peer closed');
  clock.now += 3000;
  const second = await publishTo(registry, 'PUB2');
  second.setTracks({ ...videoTracks });
  second.write(video(70, true));
  second.write(video(110));
  assert.deepEqual(peer.writes, ['PH', 'T', 'V5000', 'T', 'V8000', 'v8040']);
});

test('stop reports the state after the change; a group without sessions ends', async () => {
  const { registry, story } = fakeHub();
  const publisher = await publishTo(registry, 'PUB1');
  const { subscription } = await playFrom(registry, 'SUB1');
  subscription.close('peer closed');
  subscription.close('peer closed');
  publisher.close('peer closed');
  publisher.close('timed out');
  assert.deepEqual(story(), [
    'start PUB1 in=true out=false',
    'start SUB1 in=true out=true',
    'stop SUB1 in=true out=false peer closed',
    'stop PUB1 in=false out=false peer closed',
  ]);
  assert.deepEqual(registry.groups(), []);
});

test('a kicked subscriber is sent nothing more, and its stop carries the reason once its protocol is done', async () => {
  const { registry, story } = fakeHub();
  const publisher = await publishTo(registry, 'PUB1');
  const { peer, subscription } = await playFrom(registry, 'SUB1');
  assert.equal(registry.kick('nope', 'SUB1'), 'no group');
  assert.equal(registry.kick('s', 'SUB9'), 'no session');
  assert.equal(registry.kick('s', 'SUB1'), 'kicked');
  publisher.write(video(0, true));
  assert.deepEqual(peer.writes, ['PH']);
  assert.equal(peer.closed, 'kicked');
  assert.equal(story().length, 2, 'no stop before the byte counters are final');
  subscription.close('peer closed');
  assert.equal(story().at(-1), 'stop SUB1 in=true out=false kicked');
});

test('a kicked publisher is over at once', async () => {
  const { registry, story } = fakeHub();
  const peer = new FakePeer();
  const publisher = await publishTo(registry, 'PUB1', peer);
  assert.equal(registry.kick('s', 'PUB1'), 'kicked');
  assert.deepEqual([peer.closed, publisher.closed], ['kicked', true]);
  assert.equal(story().at(-1), 'stop PUB1 in=false out=false kicked');
  publisher.write(video(0, true));
});

test('what admission refuses is no session', async () => {
  const { registry, story } = fakeHub({}, { ok: false, reason: 'not today' });
  assert.deepEqual(await registry.publish(identity('PUB1', 's', 'PUB'), new FakePeer()), {
    ok: false,
    kind: 'denied',
    reason: 'not today',
  });
  const played = await registry.subscribe(identity('SUB1'), new FakePeer());
  assert.equal(played.ok, false);
  assert.deepEqual([story(), registry.groups()], [[], []]);
});

test('a publisher without a byte and a subscriber that takes none are closed after the time-out; a waiting one stays', async () => {
  const { registry, clock, story } = fakeHub();
  const publisherPeer = new FakePeer();
  const publisher = await publishTo(registry, 'PUB1', publisherPeer);
  const stuck = await playFrom(registry, 'SUB1');
  const waiting = await playFrom(registry, 'SUB2');
  stuck.peer.writableLength = 5;
  for (let second = 0; second < 9; second++) {
    clock.now += 1000;
    registry.tick();
  }
  assert.deepEqual([stuck.peer.closed, publisher.closed], [null, false]);
  publisherPeer.bytesRead++;
  for (let second = 0; second < 2; second++) {
    clock.now += 1000;
    registry.tick();
  }
  assert.deepEqual([stuck.peer.closed, waiting.peer.closed, publisher.closed], ['timed out', null, false]);
  clock.now += 10_000;
  registry.tick();
  assert.equal(publisher.closed, true);
  assert.equal(story().at(-1), 'stop PUB1 in=false out=true timed out');
});

test('stop asks all to end, lets nobody in, and waits for the last', async () => {
  const { registry, story } = fakeHub();
  await publishTo(registry, 'PUB1');
  const { peer, subscription } = await playFrom(registry, 'SUB1');
  const stopped = registry.stop();
  assert.equal(peer.closed, 'server stopped');
  const late = await registry.subscribe(identity('SUB2'), new FakePeer());
  assert.deepEqual(late, { ok: false, kind: 'stopping', reason: 'the server is stopping' });
  subscription.close('peer closed');
  await stopped;
  assert.deepEqual(story().slice(2), [
    'stop PUB1 in=false out=true server stopped',
    'stop SUB1 in=false out=false server stopped',
  ]);
});

test('statistics: bit rates over five seconds, frames a second, names and size of what is published', async () => {
  const { registry, clock } = fakeHub();
  const peer = new FakePeer();
  const publisher = await publishTo(registry, 'PUB1', peer);
  publisher.setTracks(videoTracks);
  clock.now = 2_000_000;
  for (let i = 0; i < 30; i++) publisher.write(video(i * 33, i === 0));
  peer.bytesRead += 1024 * 100;
  for (let second = 0; second < 5; second++) {
    clock.now += 1000;
    registry.tick();
  }
  const group = registry.group('s');
  assert.deepEqual([group?.videoCodec, group?.videoWidth, group?.audioCodec], ['H264', 1280, '']);
  assert.deepEqual(group?.inFramePerSec, [{ unixSec: 2000, v: 30 }]);
  assert.equal(group?.pub?.readBitrateKbits, Math.round(((1024 * 100 + 10) * 8) / 1024 / 5));
  publisher.close('peer closed');
  assert.equal(registry.group('s'), null);
});

test('admission may rename the stream, set a lifetime and ask for a record', async () => {
  const { registry, clock, story, records } = fakeHub(
    {},
    {
      ok: true,
      streamName: 'inner',
      lifetimeSec: 60,
      record: 'mp4',
    },
  );
  const publishing = new FakePeer();
  await publishTo(registry, 'PUB1', publishing);
  const { peer, subscription } = await playFrom(registry, 'SUB1');
  assert.equal(subscription.streamName, 'inner');
  assert.deepEqual(
    registry.groups().map(({ streamName }) => streamName),
    ['inner'],
  );
  assert.deepEqual(records, ['inner mp4']);
  clock.now += 59_999;
  publishing.bytesRead++;
  registry.tick();
  assert.equal(peer.closed, null);
  clock.now += 1;
  publishing.bytesRead++;
  registry.tick();
  assert.equal(peer.closed, 'expired');
  subscription.close('peer closed');
  assert.deepEqual(story().slice(2), ['stop PUB1 in=false out=true expired', 'stop SUB1 in=false out=false expired']);
});

test('pulls and pushes are let in unasked', async () => {
  const { registry } = fakeHub({}, { ok: false, reason: 'no' });
  const pull = await registry.publish(identity('PULL1', 's', 'PULL'), new FakePeer());
  const push = await registry.subscribe(identity('PUSH1', 's', 'PUSH'), new FakePeer());
  const player = await registry.subscribe(identity('SUB1'), new FakePeer());
  assert.deepEqual([pull.ok, push.ok, player], [true, true, { ok: false, kind: 'denied', reason: 'no' }]);
});

test('the sessions of one address are ended wherever they are, and no others', async () => {
  const { registry } = fakeHub();
  const peers = [new FakePeer(), new FakePeer(), new FakePeer()] as const;
  const from = (remoteAddr: string, id: string, name: string) => ({ ...identity(id, name), remoteAddr });
  await registry.publish({ ...from('10.0.0.1:5', 'PUB1', 'a'), baseType: 'PUB' }, peers[0]);
  await registry.subscribe(from('10.0.0.1:6', 'SUB1', 'b'), peers[1]);
  await registry.subscribe(from('10.0.0.2:5', 'SUB2', 'b'), peers[2]);
  registry.kickWhere((remoteAddr) => remoteAddr.startsWith('10.0.0.1:'));
  assert.deepEqual(
    peers.map(({ closed }) => closed),
    ['kicked', 'kicked', null],
  );
});

test('pushes are no players: they are told apart in the group and do not count as out-sessions', async () => {
  const { registry, story, changes } = fakeHub();
  await publishTo(registry, 'PUB1');
  const push = await registry.subscribe(identity('PUSH1', 's', 'PUSH'), new FakePeer());
  const { subscription } = await playFrom(registry, 'SUB1');
  const [group] = registry.groups();
  assert.deepEqual(
    [group?.subs.map(({ sessionId }) => sessionId), group?.pushs.map(({ sessionId }) => sessionId)],
    [['SUB1'], ['PUSH1']],
  );
  subscription.close('peer closed');
  assert.ok(push.ok);
  push.subscription.close('peer closed');
  assert.deepEqual(story(), [
    'start PUB1 in=true out=false',
    'start PUSH1 in=true out=false',
    'start SUB1 in=true out=true',
    'stop SUB1 in=true out=false peer closed',
    'stop PUSH1 in=true out=false peer closed',
  ]);
  assert.deepEqual(changes, [
    ...['in=true players=0', 'in=true players=0', 'in=true players=1'],
    ...['in=true players=0', 'in=true players=0'],
  ]);
});
