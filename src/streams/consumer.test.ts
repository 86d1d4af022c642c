import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AudioTrack, type Frame, NO_TRACKS, type Tracks } from '../media/index.ts';
import type { FrameConsumer, Publication } from './consumer.ts';
import { fakeHub, playFrom, publishTo } from './hub.fixture.ts';

const PCMA: AudioTrack = { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 };
const TRACKS: Tracks = { video: null, audio: PCMA, metadata: null };
const audio = (dts: number): Frame => ({ kind: 'audio', codec: 'PCMA', dts, pts: dts, data: Buffer.of(1) });
const name = ({ audio: track }: Tracks): string => `tracks ${track?.codec ?? 'none'}`;

/** Writes down what it is told. */
function recorder(told: string[]): FrameConsumer {
  return {
    setTracks: (tracks) => told.push(name(tracks)),
    write: ({ dts }) => told.push(`frame ${dts}`),
    discontinuity: () => told.push('discontinuity'),
    end: () => told.push('end'),
  };
}

test('a consumer is made for each publication, sees what the hub sees, and ends with it', async () => {
  const told: string[] = [];
  const asked: Publication[] = [];
  const take = (publication: Publication): FrameConsumer => {
    asked.push(publication);
    return recorder(told);
  };
  const { registry, clock } = fakeHub({}, { ok: true }, [() => null, take]);
  await playFrom(registry, 'SUB1');
  const first = await publishTo(registry, 'PUB1');
  first.setTracks(TRACKS);
  first.write(audio(0));
  first.write(audio(20));
  first.write(audio(500_000));
  first.close('peer closed');
  clock.now += 1000;
  const second = await publishTo(registry, 'PUB2');
  second.setTracks(TRACKS);
  second.write(audio(0));
  assert.deepEqual(told, [
    ...['tracks none', 'tracks PCMA', 'frame 0', 'frame 20', 'discontinuity', 'frame 60', 'end'],
    ...['tracks none', 'tracks PCMA', 'frame 1060'],
  ]);
  assert.deepEqual(
    asked.map(({ streamName, appName, session }) => [streamName, appName, session.sessionId]),
    [
      ['s', 'live', 'PUB1'],
      ['s', 'live', 'PUB2'],
    ],
  );
});

test('a tap joins a running publication with its tracks, and is told nothing once it is taken away', async () => {
  const { registry } = fakeHub();
  const told: string[] = [];
  assert.equal(registry.tap('s', recorder(told)), null);
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(TRACKS);
  publisher.write(audio(0));
  const leave = registry.tap('s', recorder(told));
  publisher.write(audio(20));
  leave?.();
  publisher.write(audio(40));
  publisher.close('peer closed');
  assert.deepEqual(told, ['tracks PCMA', 'frame 20']);
});

test('a consumer that throws is taken away; publisher, players and other consumers go on', async () => {
  const told: string[] = [];
  const faulty: FrameConsumer = {
    ...recorder([]),
    write: () => {
      throw new Error('broken');
    },
  };
  const { registry, errors } = fakeHub({}, { ok: true }, [() => faulty, () => recorder(told)]);
  const publisher = await publishTo(registry, 'PUB1');
  const { peer } = await playFrom(registry, 'SUB1');
  publisher.setTracks(TRACKS);
  publisher.write(audio(0));
  publisher.write(audio(20));
  assert.deepEqual(told, ['tracks none', 'tracks PCMA', 'frame 0', 'frame 20']);
  assert.ok(peer.writes.join('').includes('a20'), peer.writes.join(''));
  assert.deepEqual(errors, ['a fault of the server ended a consumer of a stream; the stream goes on']);
});

test('a subscription is told of the tracks at once, at each change, and at the end of the publication', async () => {
  const { registry } = fakeHub();
  const told: string[] = [];
  const { subscription } = await playFrom(registry, 'SUB1');
  subscription.watchTracks((tracks) => told.push(tracks === NO_TRACKS ? 'nothing' : name(tracks)));
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(TRACKS);
  publisher.close('peer closed');
  assert.deepEqual(told, ['nothing', 'tracks PCMA', 'nothing']);
});

test('a consumer that throws is ended, once, also where its end is what throws', async () => {
  const told: string[] = [];
  const broken = (): never => {
    throw new Error('broken');
  };
  const failing: FrameConsumer = { ...recorder(told), write: broken };
  const endless: FrameConsumer = {
    ...recorder([]),
    end: () => {
      told.push('last call');
      broken();
    },
  };
  const { registry, errors } = fakeHub({}, { ok: true }, [() => failing, () => endless]);
  const publisher = await publishTo(registry, 'PUB1');
  publisher.write(audio(0));
  assert.deepEqual(told, ['tracks none', 'end']);
  publisher.close('peer closed');
  assert.deepEqual(told, ['tracks none', 'end', 'last call']);
  assert.equal(errors.length, 2);
});

test('a consumer that cannot begin keeps neither the publisher nor the other consumers from it', async () => {
  const told: string[] = [];
  const faulty = (): never => {
    throw new Error('broken');
  };
  const { registry, errors, story } = fakeHub({}, { ok: true }, [faulty, () => recorder(told)]);
  const publisher = await publishTo(registry, 'PUB1');
  publisher.close('peer closed');
  assert.deepEqual(told, ['tracks none', 'end']);
  assert.equal(story().length, 2);
  assert.deepEqual(errors, ['a consumer of a stream cannot begin; the stream goes on']);
});
