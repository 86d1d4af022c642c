/** Our fragmented MP4 before ffmpeg and ffprobe: init and fragments in one file. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type AudioFrame, type Frame, parseMpegAudioHeader, type Tracks } from '../../media/index.ts';
import { decodedHash, encode, framesOf } from '../mpegts/real-media.fixture.ts';
import { Fmp4FragmentMuxer } from './fragment-muxer.ts';
import { createFmp4Init } from './init.ts';
import { assertDecodesStrictly, encodePlainH264, probeLines, samplesOf, seams } from './inspect.fixture.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-fmp4-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function save(name: string, bytes: Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

/** Cuts every `framesPerFragment` frames. */
function fragmentsOf(tracks: Tracks, frames: readonly Frame[], framesPerFragment: number): Buffer[] {
  const muxer = new Fmp4FragmentMuxer(tracks);
  const fragments: Buffer[] = [];
  const cut = (): void => {
    const fragment = muxer.cut();
    if (fragment !== null) fragments.push(fragment.bytes);
  };
  frames.forEach((frame, i) => {
    assert.ok(muxer.write(frame));
    if (i % framesPerFragment === framesPerFragment - 1) cut();
  });
  muxer.flush();
  cut();
  return fragments;
}

function initOf(tracks: Tracks): Buffer {
  const init = createFmp4Init(tracks);
  assert.ok(init !== null);
  return init;
}

/** As RTMP brings them: whole milliseconds. */
function inMilliseconds(frames: readonly Frame[]): Frame[] {
  return frames.map((frame) => ({ ...frame, dts: Math.round(frame.dts), pts: Math.round(frame.pts) }));
}

const cases = [
  { video: 'h264', audio: 'aac', names: ['h264,320,240', 'aac'] },
  { video: 'h265', audio: 'aac', names: ['hevc,320,240', 'aac'] },
  { video: 'h264', audio: 'opus', names: ['h264,320,240', 'opus'] },
  { video: 'h264', audio: null, names: ['h264,320,240'] },
  { video: null, audio: 'aac', names: ['aac'] },
  { video: null, audio: 'opus', names: ['opus'] },
] as const;

for (const { video, audio, names } of cases) {
  describe(`${video ?? 'no video'} and ${audio ?? 'no audio'}`, () => {
    let original = '';
    let media: { tracks: Tracks; frames: Frame[] };
    before(() => {
      const source = encode(video, audio, 'mpegts');
      original = save('original.ts', source);
      media = framesOf(source);
    });

    it('decodes without a word to the same pictures and sound, however it is cut', () => {
      for (const framesPerFragment of [1, 7]) {
        const fragments = fragmentsOf(media.tracks, media.frames, framesPerFragment);
        const file = save('muxed.mp4', Buffer.concat([initOf(media.tracks), ...fragments]));
        assertDecodesStrictly(file);
        assert.deepEqual(probeLines(file, 'stream=codec_name,width,height'), names);
        if (video !== null) assert.equal(decodedHash(file, 'v'), decodedHash(original, 'v'));
        // Opus of a file, unlike that of a transport stream, has its encoder's delay taken off when it is decoded
        if (audio === 'aac') assert.equal(decodedHash(file, 'a'), decodedHash(original, 'a'));
      }
    });

    it('joins its samples without gap or overlap, in whole milliseconds too', () => {
      for (const frames of [media.frames, inMilliseconds(media.frames)]) {
        const fragments = Buffer.concat(fragmentsOf(media.tracks, frames, 5));
        const samples = samplesOf(fragments);
        assert.deepEqual(seams(samples), []);
        for (const [trackId, kind] of [
          [1, 'video'],
          [2, 'audio'],
        ] as const) {
          const written = frames.filter((frame) => frame.kind === kind).map((frame) => frame.data);
          const read = samples.filter((sample) => sample.trackId === trackId).map((sample) => sample.data);
          assert.deepEqual(read, written);
        }
        if (audio === 'aac') {
          const durations = samples.filter((sample) => sample.trackId === 2).map((sample) => sample.duration);
          assert.deepEqual([...new Set(durations)], [1024]);
        }
        const file = save('joined.mp4', Buffer.concat([initOf(media.tracks), fragments]));
        assertDecodesStrictly(file);
      }
    });

    it('keeps the times of presentation, and which pictures are key', () => {
      const file = save(
        'times.mp4',
        Buffer.concat([initOf(media.tracks), ...fragmentsOf(media.tracks, media.frames, 9)]),
      );
      if (video === null) return;
      const lines = probeLines(file, 'packet=codec_type,pts_time,dts_time,flags').filter((line) =>
        line.startsWith('video'),
      );
      const pictures = media.frames.filter((frame) => frame.kind === 'video');
      assert.deepEqual(
        lines,
        pictures.map(({ pts, dts, key }) => {
          const seconds = (ms: number): string => (Math.round(ms * 90) / 90_000).toFixed(6);
          return `video,${seconds(pts)},${seconds(dts)},${key ? 'K_' : '__'}`;
        }),
      );
    });

    it('can be joined at any fragment that a decoder can start in', () => {
      const muxer = new Fmp4FragmentMuxer(media.tracks);
      const kept: Buffer[] = [];
      media.frames.forEach((frame, i) => {
        muxer.write(frame);
        const starts = frame.kind === 'video' ? frame.key : video === null && i % 20 === 0;
        if (!starts || i === 0) return;
        const fragment = muxer.cut(frame.dts);
        assert.ok(fragment?.independent);
        kept.push(fragment.bytes);
      });
      assert.ok(kept.length >= 2);
      assertDecodesStrictly(save('part.mp4', Buffer.concat([initOf(media.tracks), ...kept.slice(1)])));
    });
  });
}

describe('H264 without B-frames, 29.97 pictures a second', () => {
  it('decodes without a word, and nothing is shown later than it is decoded', () => {
    const { tracks, frames } = framesOf(encodePlainH264());
    const fragments = Buffer.concat(fragmentsOf(tracks, inMilliseconds(frames), 6));
    const file = save('plain.mp4', Buffer.concat([initOf(tracks), fragments]));
    assertDecodesStrictly(file);
    const samples = samplesOf(fragments);
    assert.deepEqual(seams(samples), []);
    assert.equal(samples.length, frames.length);
    assert.ok(samples.every((sample) => sample.offset === 0));
  });
});

describe('MP3', () => {
  it('is carried', () => {
    const file = encode(null, 'mp3', 'mp3');
    const frames: AudioFrame[] = [];
    for (let at = file.indexOf(Buffer.from([0xff, 0xfb])); at + 384 <= file.length; at += 384) {
      const data = file.subarray(at, at + 384);
      const dts = frames.length * parseMpegAudioHeader(data).durationMs;
      frames.push({ kind: 'audio', codec: 'MP3', dts, pts: dts, data });
    }
    const audio = { kind: 'audio', codec: 'MP3', sampleRate: 48000, channels: 2 } as const;
    const tracks: Tracks = { video: null, audio, metadata: null };
    const mp4 = save('mp3.mp4', Buffer.concat([initOf(tracks), ...fragmentsOf(tracks, frames, 10)]));
    assertDecodesStrictly(mp4);
    assert.deepEqual(probeLines(mp4, 'stream=codec_name,sample_rate,channels'), ['mp3,48000,2']);
  });
});

describe('the judges', () => {
  it('notice a fragment that is missing', () => {
    const { tracks, frames } = framesOf(encode('h264', null, 'mpegts'));
    const fragments = fragmentsOf(tracks, frames, 5);
    fragments.splice(6, 1);
    const bytes = Buffer.concat(fragments);
    assert.equal(seams(samplesOf(bytes)).length, 1);
    assert.throws(() => assertDecodesStrictly(save('cut.mp4', Buffer.concat([initOf(tracks), bytes]))));
  });
});
