/** Elementary streams of ffmpeg's as tracks and frames. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { film } from '../../test/support/ps.ts';
import { splitNalUnits } from '../media/index.ts';
import { ElementaryReader } from './media.ts';

for (const [format, codec] of [
  ['h264', 'H264'],
  ['h265', 'H265'],
] as const) {
  test(`${codec} access units and ADTS become tracks, once, and frames`, () => {
    const media = film(format, 'aac', 1);
    const reader = new ElementaryReader();
    const events = media.frames.flatMap(({ kind, data, ticks }) =>
      kind === 'video' ? reader.pushVideo(codec, data, ticks / 90) : reader.pushAac(data, ticks / 90),
    );
    const tracks = events.flatMap((event) => (event.kind === 'tracks' ? [event.tracks] : []));
    assert.deepEqual(
      tracks.at(-1)?.video && [tracks.at(-1)?.video?.codec, tracks.at(-1)?.video?.width, tracks.at(-1)?.video?.height],
      [codec, 320, 240],
    );
    assert.equal(tracks.at(-1)?.audio?.codec, 'AAC');
    assert.equal(tracks.length, 2);
    const frames = events.flatMap((event) => (event.kind === 'frame' ? [event.frame] : []));
    const pictures = frames.filter((frame) => frame.kind === 'video');
    assert.deepEqual(
      pictures.map(({ key, dts, pts }) => [key, dts, pts]),
      media.frames.filter(({ kind }) => kind === 'video').map(({ isKey, ticks }) => [isKey, ticks / 90, ticks / 90]),
    );
    assert.ok(pictures.every(({ data }) => splitNalUnits(data).length > 0));
    assert.equal(
      frames.filter(({ kind }) => kind === 'audio').length,
      media.frames.filter(({ kind }) => kind === 'audio').length,
    );
    assert.ok(events.every(({ kind }) => kind !== 'corrupt'));
  });
}

test('what is no ADTS is told of and left out', () => {
  const [event, ...more] = new ElementaryReader().pushAac(Buffer.from('this is no sound at all'), 0);
  assert.ok(event?.kind === 'corrupt' && /no ADTS header/.test(event.why));
  assert.deepEqual(more, []);
});
