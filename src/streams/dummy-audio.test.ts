import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame, Tracks } from '../media/index.ts';
import { withDummyAudio } from './dummy-audio.ts';
import { audio, video, videoTracks } from './hub.fixture.ts';

function setUp(waitMs: number) {
  const out: string[] = [];
  const name = ({ audio: track }: Tracks): string =>
    track === null ? 'no audio' : track.codec === 'AAC' ? `AAC ${track.sampleRate}` : track.codec;
  const publisher = withDummyAudio(
    {
      id: 'PUB1',
      closed: false,
      setTracks: (tracks) => out.push(name(tracks)),
      write: (frame: Frame) => out.push(`${frame.kind} ${Math.round(frame.dts)}`),
      close: () => {},
    },
    waitMs,
  );
  return { publisher, out };
}

const realTracks: Tracks = {
  ...videoTracks,
  audio: { kind: 'audio', codec: 'AAC', config: Buffer.from([0x11, 0x90]), sampleRate: 48_000, channels: 2 },
};

test('video without audio gets silence after its time, in step with the picture', () => {
  const { publisher, out } = setUp(80);
  publisher.setTracks(videoTracks);
  for (const dts of [0, 40, 80, 120]) publisher.write(video(dts, dts === 0));
  assert.deepEqual(out, [
    ...['no audio', 'video 0', 'video 40', 'AAC 44100'],
    ...['audio 80', 'video 80', 'audio 103', 'video 120'],
  ]);
});

test('tracks that change keep the silence', () => {
  const { publisher, out } = setUp(0);
  publisher.setTracks(videoTracks);
  publisher.write(video(0, true));
  publisher.setTracks({ ...videoTracks });
  assert.equal(out.at(-1), 'AAC 44100');
});

test('real audio takes over at its first frame, and silence never comes back', () => {
  const { publisher, out } = setUp(0);
  publisher.setTracks(videoTracks);
  publisher.write(video(0, true));
  publisher.setTracks(realTracks);
  publisher.write(video(40));
  out.length = 0;
  publisher.write(audio(45));
  publisher.write(video(2000));
  assert.deepEqual(out, ['AAC 48000', 'audio 45', 'video 2000']);
});

test('audio that is there in time is all there is', () => {
  const { publisher, out } = setUp(100);
  publisher.setTracks(realTracks);
  publisher.write(video(0, true));
  publisher.write(audio(5));
  publisher.write(video(5000));
  assert.deepEqual(out, ['AAC 48000', 'video 0', 'audio 5', 'video 5000']);
});

test('audio that is announced but never comes is replaced', () => {
  const { publisher, out } = setUp(100);
  publisher.setTracks(realTracks);
  publisher.write(video(0, true));
  publisher.write(video(100));
  assert.deepEqual(out.slice(2), ['AAC 44100', 'audio 100', 'video 100']);
});

test('a jump of the picture’s time is not filled', () => {
  const { publisher, out } = setUp(0);
  publisher.setTracks(videoTracks);
  publisher.write(video(0, true));
  publisher.write(video(1_000_000));
  publisher.write(video(10));
  assert.deepEqual(out.slice(2), ['audio 0', 'video 0', 'audio 1000000', 'video 1000000', 'audio 10', 'video 10']);
});
