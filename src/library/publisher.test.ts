/** Publishers inside the program: their session, what they may not write, and every way to an end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aacTrack, h264Track, NO_TRACKS } from '../media/index.ts';
import { audio, fakeHub, playFrom, publishTo, video } from '../streams/hub.fixture.ts';
import type { Decision } from '../streams/index.ts';
import { insideOf } from './inside.fixture.ts';
import { addPublisher, type CustomizePublisher, type PublisherOptions } from './publisher.ts';

/** @param decision of the hub's admission */
function setUp(decision: Decision = { ok: true }) {
  const hub = fakeHub({}, decision);
  const { deps, errors } = insideOf(hub.registry);
  const add = (options: PublisherOptions) => addPublisher(options, deps);
  return { ...hub, add, errors };
}

async function added(result: ReturnType<ReturnType<typeof setUp>['add']>): Promise<CustomizePublisher> {
  const it = await result;
  assert.ok(it.ok);
  return it.publisher;
}

test('is a session like others, asks nobody for admission, and its frames are played', async () => {
  const { registry, facts, add, clock } = setUp({ ok: false, reason: 'nobody is let in' });
  const publisher = await added(add({ streamName: 's' }));
  const [start] = facts;
  assert.ok(start?.kind === 'session_start');
  const { sessionId, protocol, baseType, url, appName, streamName, hasInSession } = start.session;
  assert.deepEqual(
    [sessionId, protocol, baseType, url, appName, streamName, hasInSession],
    ['CUSTOMIZEPUB1', 'CUSTOMIZE', 'PUB', 'customize://s', 'live', 's', true],
  );
  publisher.setTracks({ audio: { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 } });
  publisher.write(audio(40));
  publisher.write(video(40, true));
  clock.now += 3_600_000;
  registry.tick();
  assert.equal(publisher.closed, false, 'it may be silent for as long as it likes');
  const group = registry.group('s');
  assert.deepEqual([group?.audioCodec, group?.videoCodec, group?.pub?.readBytesSum], ['PCMA', '', 6]);
});

test('closed by itself or by the hub, it is told why once, and writes nothing any more', async () => {
  for (const [reason, end] of [
    ['peer closed', (it: CustomizePublisher) => it.close()],
    ['kicked', (it: CustomizePublisher, { registry }: ReturnType<typeof setUp>) => registry.kick('s', it.id)],
    ['server stopped', (_: CustomizePublisher, { registry }: ReturnType<typeof setUp>) => registry.stop()],
  ] as const) {
    const hub = setUp();
    const reasons: string[] = [];
    const publisher = await added(hub.add({ streamName: 's', onClosed: (why) => void reasons.push(why) }));
    end(publisher, hub);
    publisher.close();
    publisher.write(audio(0));
    publisher.setTracks(NO_TRACKS);
    assert.deepEqual([reasons, publisher.closed], [[reason], true]);
    assert.deepEqual(hub.story(), [
      'start CUSTOMIZEPUB1 in=true out=false',
      `stop CUSTOMIZEPUB1 in=false out=false ${reason}`,
    ]);
  }
});

test('an onClosed that throws hurts nobody else', async () => {
  const { add, registry, errors } = setUp();
  const publisher = await added(
    add({
      streamName: 's',
      onClosed: () => {
        throw new Error('fault');
      },
    }),
  );
  assert.equal(registry.kick('s', publisher.id), 'kicked');
  assert.deepEqual(errors, ['what a publisher is to do at its end failed']);
});

test('a stream that has an in-session, and a name that cannot be one, are refused', async () => {
  const { registry, add } = setUp();
  await publishTo(registry, 'PUB1');
  const reasons: string[] = [];
  for (const streamName of ['s', '', 'a/b', '..']) {
    const result = await add({ streamName });
    assert.ok(!result.ok);
    reasons.push(result.reason);
  }
  assert.deepEqual(reasons, [
    'stream s is being published already',
    'the URL names no stream; wanted is /APP/STREAM',
    'a stream name may not contain a slash',
    'a name may not be "." or ".." or contain NUL',
  ]);
});

test('what is no track or frame throws, and the stream goes on', async () => {
  const { add, registry } = setUp();
  const publisher = await added(add({ streamName: 's' }));
  assert.throws(() => publisher.setTracks({ video: h264Track([], []) }), /needs an SPS/);
  assert.throws(
    () => publisher.setTracks({ audio: { ...aacTrack(Buffer.from([0x12, 0x10])), config: Buffer.alloc(0) } }),
    TypeError,
  );
  assert.throws(
    () => publisher.write({ ...audio(0), dts: Number.NaN }),
    /found dts NaN and pts 0, allowed: milliseconds/,
  );
  assert.throws(() => publisher.write({ ...audio(0), data: JSON.parse('[1]') }), /allowed: a Buffer/);
  assert.throws(() => publisher.write({ ...audio(0), kind: JSON.parse('"text"') }), /found the kind text/);
  const startCoded = { ...video(0, true), data: Buffer.from([0, 0, 0, 1, 0x65, 1, 2]) };
  assert.throws(() => publisher.write(startCoded), /behind its length in 4 bytes/);
  const tooMany = { ...video(0, true), data: Buffer.alloc(5 * 8193, Buffer.from([0, 0, 0, 1, 0x41])) };
  assert.throws(() => publisher.write(tooMany), /8193 NAL units and more, at most 8192 are allowed/);
  assert.equal(publisher.closed, false);
  assert.equal(registry.group('s')?.pub?.readBytesSum, 0);
});

test('players of the stream are sent what it writes', async () => {
  const { registry, add } = setUp();
  const { peer } = await playFrom(registry, 'SUB1');
  const publisher = await added(add({ streamName: 's' }));
  publisher.write(video(0, true));
  publisher.write(video(40));
  assert.deepEqual(peer.writes.join(''), 'PHV0v40');
});
