/** Sessions on real sockets: what is published and played, when it begins and ends, and what is told of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aac, publishFrames, rtp, servers, tracksOf, VIDEO_SDP, videoTrack } from './server.fixture.ts';

const { start, open } = servers();

const both = tracksOf(videoTrack, aac);

test('a publisher and a player: facts, byte sums, and the media', async () => {
  const at = await start();
  const publisher = await open(at);
  await publisher.ask('OPTIONS', at.url('s'));
  await publisher.publish(at.url('s'), VIDEO_SDP);
  const [started] = at.facts;
  assert.ok(started?.kind === 'session_start');
  assert.deepEqual([started.session.readBytesSum, started.session.wroteBytesSum], [0, 0]);
  assert.deepEqual([started.session.url, started.session.appName], [at.url('s'), 'live']);
  for (let i = 0; i < 3; i++) publisher.packet(0, rtp(i, i * 3000, [0x65, 0x88, i]));
  const player = await open(at);
  const described = await player.ask('DESCRIBE', `${at.url('s')}?a=b`);
  assert.equal(described.headers.get('Content-Base'), `${at.url('s')}/?a=b`);
  assert.match(described.body.toString(), /a=fmtp:96 .*sprop-parameter-sets=Z0LADdoFB/);
  await player.setup(at.url('s'), 0, 'RTP/AVP/TCP;unicast;interleaved=4-5');
  const playing = player.ask('PLAY', at.url('s'));
  publisher.packet(0, rtp(3, 9000, [0x65, 0x88, 3]));
  publisher.packet(0, rtp(4, 12_000, [0x41, 0x9a, 4]));
  publisher.packet(0, rtp(5, 15_000, [0x41, 0x9a, 5]));
  const answer = await playing;
  assert.match(answer.headers.get('RTP-Info') ?? '', /^url=rtsp:.*\/trackID=0;seq=\d+;rtptime=\d+$/);
  await player.until(() => player.packets.some(({ channel, payload }) => channel === 4 && payload.at(-1) === 4));
  await publisher.ask('TEARDOWN', at.url('s'));
  await player.ask('TEARDOWN', at.url('s'));
  assert.deepEqual(at.story(), [
    'start RTSPPUB1 in=true out=false',
    'start RTSPSUB1 in=true out=true',
    'stop RTSPPUB1 in=false out=true peer closed',
    'stop RTSPSUB1 in=false out=false peer closed',
  ]);
  const [, , , stop] = at.facts;
  assert.ok(stop?.kind === 'session_stop');
  assert.equal(stop.session.wroteBytesSum, player.socket.bytesRead);
  assert.equal(stop.session.readBytesSum, player.socket.bytesWritten);
});

test('the connection may go on with another stream, under another number and with counters of its own', async () => {
  const at = await start();
  const client = await open(at);
  await client.publish(at.url('a'), VIDEO_SDP);
  await client.ask('TEARDOWN', at.url('a'));
  client.session = null;
  await client.publish(at.url('b'), VIDEO_SDP);
  client.socket.destroy();
  assert.deepEqual(at.story().slice(0, 3), [
    'start RTSPPUB1 in=true out=false',
    'stop RTSPPUB1 in=false out=false peer closed',
    'start RTSPPUB2 in=true out=false',
  ]);
});

test('a player that comes first waits at DESCRIBE', async () => {
  const at = await start({ publisherWaitMs: 20_000 });
  const player = await open(at);
  const described = player.ask('DESCRIBE', at.url('s'));
  while (at.facts.length === 0) await new Promise(setImmediate);
  await publishFrames(at.registry, both);
  assert.match((await described).body.toString(), /m=video.*m=audio/s);
});

test('nobody comes: 404 and the stop, and the connection may ask again', async () => {
  const at = await start({ publisherWaitMs: 30 });
  const player = await open(at);
  assert.equal((await player.ask('DESCRIBE', at.url('s'))).status, 404);
  assert.deepEqual(at.story(), ['start RTSPSUB1 in=false out=true', 'stop RTSPSUB1 in=false out=false timed out']);
  await publishFrames(at.registry, both);
  assert.equal((await player.ask('DESCRIBE', at.url('s'))).status, 200);
});

test('a player leaves while it waits', async () => {
  const at = await start({ publisherWaitMs: 20_000 });
  const player = await open(at);
  player.socket.write(player.bytes('DESCRIBE', at.url('s')));
  while (at.facts.length === 0) await new Promise(setImmediate);
  player.socket.destroy();
  while (at.facts.length === 1) await new Promise(setImmediate);
  assert.deepEqual(at.story()[1], 'stop RTSPSUB1 in=false out=false peer closed');
});

test('what a player is sent begins at a key frame; PAUSE stops it, PLAY goes on at the next key frame', async () => {
  const at = await start();
  const { picture } = await publishFrames(at.registry);
  const player = await open(at);
  const playing = player.play(at.url('s'));
  while (at.facts.length < 2) await new Promise(setImmediate);
  // until the sink is there, what is published is for nobody
  const timer = setInterval(() => {
    picture(40);
    picture(80, true);
    picture(120);
  }, 20);
  const first = await playing;
  clearInterval(timer);
  const numbers = (): number[] =>
    player.packets.filter(({ channel }) => channel === 0).map(({ payload }) => payload.readUInt16BE(2));
  const sequenceOf = (info: string | null): number => Number(/seq=(\d+)/.exec(info ?? '')?.[1]);
  await player.until(() => numbers().length > 0);
  assert.equal(numbers()[0], sequenceOf(first.headers.get('RTP-Info')));

  assert.equal((await player.ask('PAUSE', at.url('s'))).status, 200);
  const before = numbers().length;
  picture(160, true);
  picture(200);
  assert.equal((await player.ask('GET_PARAMETER', at.url('s'))).status, 200);
  assert.equal(numbers().length, before, 'nothing comes while it is paused');
  const resumed = player.ask('PLAY', at.url('s'));
  const again = setInterval(() => {
    picture(240);
    picture(280, true);
  }, 20);
  const second = await resumed;
  clearInterval(again);
  await player.until(() => numbers().length > before);
  assert.equal(numbers()[before], sequenceOf(second.headers.get('RTP-Info')));
  const keys = player.packets.slice(-numbers().length + before).filter(({ channel }) => channel === 0);
  assert.ok([5, 7, 24].includes((keys[0]?.payload[12] ?? 0) & 0x1f), 'an IDR picture or its parameter sets');
});

test('SETUP: transports that cannot be taken, unknown tracks, the same one twice', async () => {
  const at = await start();
  await publishFrames(at.registry, both);
  const player = await open(at);
  await player.ask('DESCRIBE', at.url('s'));
  for (const transport of [
    'RTP/AVP;multicast',
    'RTP/AVP;unicast;client_port=0-1',
    'RTP/AVP;unicast;client_port=65535-65536',
    'RTP/AVP/TCP;interleaved=255-256',
    'RTP/SAVP/TCP;interleaved=0-1',
    '',
  ]) {
    assert.equal((await player.setup(at.url('s'), 0, transport)).status, 461, transport);
  }
  assert.equal((await player.setup(at.url('s'), 7, 'RTP/AVP/TCP')).status, 404);
  assert.equal((await player.ask('SETUP', at.url('s'), [['Transport', 'RTP/AVP/TCP']])).status, 459);
  const first = await player.setup(at.url('s'), 0, 'RTP/AVP/TCP;unicast;interleaved=3-7');
  assert.equal(first.headers.get('Transport'), 'RTP/AVP/TCP;unicast;interleaved=0-1');
  assert.match(first.headers.get('Session') ?? '', /^[0-9a-f]{32};timeout=60$/);
  assert.equal((await player.setup(at.url('s'), 0, 'RTP/AVP/TCP')).status, 455);
  assert.equal((await player.setup(at.url('s'), 1, 'RTP/AVP;unicast;client_port=5000-5001')).status, 461, 'one way');
  const last = await player.setup(at.url('s'), 1, 'RTP/AVP/TCP;unicast;interleaved=254-255');
  assert.equal(last.headers.get('Transport'), 'RTP/AVP/TCP;unicast;interleaved=254-255');
});

test('a session serves on its own connection alone', async () => {
  const at = await start();
  await publishFrames(at.registry, both);
  const player = await open(at);
  await player.ask('DESCRIBE', at.url('s'));
  await player.setup(at.url('s'), 0, 'RTP/AVP/TCP');
  const thief = await open(at);
  const session = [['Session', player.session ?? '']] as const;
  for (const method of ['PLAY', 'TEARDOWN', 'GET_PARAMETER']) {
    assert.equal((await thief.ask(method, at.url('s'), session)).status, 454);
  }
  assert.equal((await player.ask('GET_PARAMETER', at.url('s'))).status, 200);
});

test('SETUP without DESCRIBE, as after a TEARDOWN', async () => {
  const at = await start();
  await publishFrames(at.registry, both);
  const player = await open(at);
  assert.equal((await player.setup(at.url('s'), 0, 'RTP/AVP/TCP')).status, 200);
  await player.ask('TEARDOWN', at.url('s'));
  player.session = null;
  assert.equal((await player.ask('SETUP', `${at.url('s')}?q/trackID=0`, [['Transport', 'RTP/AVP/TCP']])).status, 200);
  assert.deepEqual(
    at
      .story()
      .slice(1)
      .map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['start RTSPSUB1', 'stop RTSPSUB1', 'start RTSPSUB2'],
  );
});

test('refused by admission, and a stream that is taken: 403 with the reason, and closed', async () => {
  const at = await start({}, 'not\r\ntoday');
  const player = await open(at);
  const denied = await player.ask('DESCRIBE', at.url('s'));
  assert.deepEqual([denied.status, denied.reason], [403, 'Forbidden (not?today)']);
  await player.untilClosed();
  await at.stop();
  const other = await start();
  await publishFrames(other.registry, both);
  const second = await open(other);
  const sdp = [['Content-Type', 'application/sdp']] as const;
  const taken = await second.ask('ANNOUNCE', other.url('s'), sdp, Buffer.from(VIDEO_SDP));
  assert.equal(taken.status, 403);
  assert.match(taken.reason, /published already/);
  await second.untilClosed();
  assert.equal(other.story().filter((line) => line.includes('RTSP')).length, 0);
});

test('kicked players and publishers are closed, their stops say so', async () => {
  const at = await start();
  const publisher = await open(at);
  await publisher.publish(at.url('s'), VIDEO_SDP);
  const player = await open(at);
  const described = player.ask('DESCRIBE', at.url('s'));
  while (at.facts.length < 2) await new Promise(setImmediate);
  assert.equal(at.registry.kick('s', 'RTSPSUB1'), 'kicked');
  await player.untilClosed();
  await assert.rejects(described);
  while (at.facts.length < 3) await new Promise(setImmediate);
  assert.equal(at.registry.kick('s', 'RTSPPUB1'), 'kicked');
  await publisher.untilClosed();
  assert.deepEqual(at.story().slice(2), [
    'stop RTSPSUB1 in=true out=false kicked',
    'stop RTSPPUB1 in=false out=false kicked',
  ]);
});

test('a publisher comes back: the same codecs go on, others end the player', async () => {
  const at = await start();
  const first = await publishFrames(at.registry, both);
  const player = await open(at);
  const playing = player.play(at.url('s'), 2);
  const timer = setInterval(() => {
    first.picture(0, true);
    first.sound(5);
  }, 20);
  await playing;
  clearInterval(timer);
  first.publisher.close('peer closed');
  const second = await publishFrames(at.registry, both);
  const before = player.packets.length;
  second.picture(0, true);
  await player.until(() => player.packets.length > before);
  assert.equal(player.closed, false);
  second.publisher.close('peer closed');
  await publishFrames(
    at.registry,
    tracksOf(videoTrack, { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 }),
  );
  await player.untilClosed();
  assert.equal(at.story().at(-1), 'stop RTSPSUB1 in=true out=false replaced');
});

test('connections that do nothing, and players who give no sign of life, are closed', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const at = await start();
  await publishFrames(at.registry, both);
  const idle = await open(at);
  await idle.ask('OPTIONS', at.url('s'));
  const player = await open(at);
  await player.ask('DESCRIBE', at.url('s'));
  await player.setup(at.url('s'), 0, 'RTP/AVP/TCP');
  at.clock.now += 10_000;
  t.mock.timers.tick(1000);
  await idle.untilClosed();
  at.clock.now += 49_000;
  await player.ask('GET_PARAMETER', at.url('s'));
  at.clock.now += 59_000;
  t.mock.timers.tick(1000);
  assert.equal((await player.ask('OPTIONS', at.url('s'))).status, 200);
  at.clock.now += 60_000;
  t.mock.timers.tick(1000);
  await player.untilClosed();
  assert.equal(at.story().at(-1), 'stop RTSPSUB1 in=true out=false timed out');
});
