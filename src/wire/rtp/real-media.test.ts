/** Our RTP before peers that no one here wrote: ffmpeg and GStreamer send to our receiver, and ffmpeg plays what our muxer sends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileScope, tempDir } from '../../../test/support/temp-dir.ts';
import { decodedHash, encode, framesOf } from '../../containers/mpegts/real-media.fixture.ts';
import { type Frame, h264NalType, h265NalType, splitNalUnits, type VideoFrame } from '../../media/index.ts';
import type { RtpMedia } from './media.ts';
import { GSTREAMER, playByFfmpeg, type Received, receiveFromFfmpeg, receiveFromGstreamer } from './peers.fixture.ts';

const scope = fileScope();
const folder = tempDir(scope);
const hasGstreamer = spawnSync(GSTREAMER, ['--version']).error === undefined;

/** Encoded once for all tests of a pair. */
const sources = new Map<string, string>();
function sourceFile(video: 'h264' | 'h265' | null, audio: 'aac' | 'opus' | 'mp3' | null): string {
  const name = `${video}-${audio}.ts`;
  const known = sources.get(name);
  if (known !== undefined) return known;
  const file = join(folder, name);
  writeFileSync(file, encode(video, audio, 'mpegts'));
  sources.set(name, file);
  return file;
}

function original(file: string): ReturnType<typeof framesOf> {
  return framesOf(readFileSync(file));
}

/** The same in a file that has its configurations at its head, as ffmpeg wants them for an SDP. */
function asMp4(file: string): string {
  const mp4 = file.replace(/ts$/, 'mp4');
  const { status, stderr } = spawnSync('ffmpeg', [
    '-v',
    'error',
    '-y',
    '-i',
    file,
    '-c',
    'copy',
    '-bsf:a',
    'aac_adtstoasc',
    mp4,
  ]);
  assert.equal(status, 0, stderr.toString());
  return mp4;
}

const of = (frames: readonly Frame[], kind: Frame['kind']): Frame[] => frames.filter((frame) => frame.kind === kind);

/** Without SEI, which ffmpeg keeps at the head of some files, and without the zeros that it takes over from start codes. */
function slicesOf({ codec, data }: VideoFrame): string[] {
  const units = splitNalUnits(data).filter((unit) =>
    codec === 'H264' ? h264NalType(unit) < 6 : h265NalType(unit) < 32,
  );
  return units
    .map((unit) => unit.toString('hex').replace(/(00)+$/, ''))
    .map((hex) => createHash('md5').update(hex).digest('hex'));
}

/** The same pictures in the same order at the same times, from the first that was handed on. */
function assertSameVideo(received: Received, sent: readonly Frame[]): void {
  const ours = of(received.frames, 'video') as VideoFrame[];
  const theirs = of(sent, 'video') as VideoFrame[];
  assert.equal(ours.length, theirs.length);
  const shift = (ours[0]?.pts ?? 0) - (theirs[0]?.pts ?? 0);
  let last = Number.NEGATIVE_INFINITY;
  for (const [i, frame] of ours.entries()) {
    const other = theirs[i];
    assert.ok(other !== undefined);
    assert.deepEqual(slicesOf(frame), slicesOf(other), `frame ${i}`);
    assert.equal(frame.key, other.key, `frame ${i}`);
    assert.ok(Math.abs(frame.pts - other.pts - shift) < 0.05, `frame ${i} is shown at ${frame.pts}`);
    assert.ok(frame.dts > last && frame.dts <= frame.pts, `frame ${i}: ${frame.dts} after ${last}, ${frame.pts}`);
    // x264 and x265 think of the same decoding times; the first ones are anyone's guess
    if (i >= 3) assert.ok(Math.abs(frame.dts - other.dts - shift) < 0.05, `frame ${i} is decoded at ${frame.dts}`);
    last = frame.dts;
  }
}

function assertSameAudio(received: Received, sent: readonly Frame[]): void {
  const ours = of(received.frames, 'audio');
  const theirs = of(sent, 'audio');
  // ffmpeg gathers AAC frames and forgets those that fill no packet at the end
  assert.ok(ours.length <= theirs.length && ours.length > theirs.length - 8, `${ours.length} of ${theirs.length}`);
  const shift = (ours[0]?.pts ?? 0) - (theirs[0]?.pts ?? 0);
  for (const [i, frame] of ours.entries()) {
    assert.ok(frame.data.equals(theirs[i]?.data ?? Buffer.alloc(0)), `audio frame ${i} has other bytes`);
    assert.ok(Math.abs(frame.pts - (theirs[i]?.pts ?? 0) - shift) < 1, `audio frame ${i} is at ${frame.pts}`);
  }
}

/** From a picture to a sound two seconds later or so. Milliseconds. */
function apart(all: readonly Frame[]): number {
  return (of(all, 'audio')[100]?.pts ?? 0) - (of(all, 'video')[20]?.pts ?? 0);
}

describe('ffmpeg sends', () => {
  for (const video of ['h264', 'h265'] as const) {
    it(`${video} with B-frames and AAC, and they come out as they went in`, async (t) => {
      const file = sourceFile(video, 'aac');
      const { tracks, frames } = original(file);
      const received = await receiveFromFfmpeg(t, asMp4(file), [
        ['-map', '0:v', '-c', 'copy'],
        ['-map', '0:a', '-c', 'copy'],
      ]);
      assert.deepEqual(received.problems, []);
      assertSameVideo(received, frames);
      assertSameAudio(received, frames);
      assert.deepEqual(received.tracks.at(-1)?.video, tracks.video);
      // ffmpeg's two outputs move their times to 0 each by itself, and say so in their sender reports
      assert.ok(
        Math.abs(apart(received.frames) - apart(frames)) < 100,
        `${apart(received.frames)}, ${apart(frames)} ms`,
      );
    });
  }

  it('Opus', async (t) => {
    const file = sourceFile(null, 'opus');
    const { frames } = original(file);
    const received = await receiveFromFfmpeg(t, file, [['-map', '0:a', '-c', 'copy']]);
    assert.deepEqual(received.problems, []);
    assertSameAudio(received, frames);
    assert.deepEqual(
      received.tracks.map(({ audio }) => audio),
      [{ kind: 'audio', codec: 'OPUS', sampleRate: 48000, channels: 2 }],
    );
  });

  for (const [codec, encoder] of [
    ['PCMA', 'pcm_alaw'],
    ['PCMU', 'pcm_mulaw'],
  ] as const) {
    it(codec, async (t) => {
      const received = await receiveFromFfmpeg(t, sourceFile(null, 'opus'), [
        ['-map', '0:a', '-c:a', encoder, '-ar', '8000', '-ac', '1'],
      ]);
      assert.deepEqual(received.problems, []);
      assert.deepEqual(
        received.tracks.map(({ audio }) => audio),
        [{ kind: 'audio', codec, sampleRate: 8000, channels: 1 }],
      );
      const bytes = received.frames.reduce((sum, { data }) => sum + data.length, 0);
      assert.ok(bytes > 23_000 && bytes < 25_000, `${bytes} bytes of 3 s at 8000 Hz`);
      const first = received.frames[0];
      const last = received.frames.at(-1);
      assert.ok(first !== undefined && last !== undefined);
      assert.ok(Math.abs(last.pts + last.data.length / 8 - first.pts - bytes / 8) < 1);
    });
  }
});

describe('GStreamer sends', { skip: hasGstreamer ? false : 'GStreamer is not installed' }, () => {
  const plain = { payloadType: 96, channels: 1, fmtp: {} } as const;
  const config = (caps: string): string => /config=\(string\)([0-9a-fA-F]+)/.exec(caps)?.[1] ?? '';
  const cases: readonly {
    name: string;
    video: 'h264' | 'h265' | null;
    pipeline: string;
    media: (caps: string) => RtpMedia;
  }[] = [
    {
      name: 'H264 with parameter sets in band alone',
      video: 'h264',
      pipeline: 'h264parse ! rtph264pay config-interval=-1',
      media: () => ({ ...plain, kind: 'video', codec: 'H264', encoding: 'H264', clockRate: 90_000 }),
    },
    {
      name: 'H264 in STAP-A',
      video: 'h264',
      pipeline: 'h264parse ! rtph264pay config-interval=-1 aggregate-mode=zero-latency',
      media: () => ({ ...plain, kind: 'video', codec: 'H264', encoding: 'H264', clockRate: 90_000 }),
    },
    {
      name: 'H265 in AP',
      video: 'h265',
      pipeline: 'h265parse ! rtph265pay config-interval=-1 aggregate-mode=zero-latency',
      media: () => ({ ...plain, kind: 'video', codec: 'H265', encoding: 'H265', clockRate: 90_000 }),
    },
    {
      name: 'AAC as MPEG4-GENERIC',
      video: null,
      pipeline: 'aacparse ! rtpmp4gpay',
      media: (caps) => ({
        ...plain,
        kind: 'audio',
        codec: 'AAC',
        encoding: 'MPEG4-GENERIC',
        clockRate: 48_000,
        fmtp: { mode: 'AAC-hbr', sizelength: '13', indexlength: '3', indexdeltalength: '3', config: config(caps) },
      }),
    },
    {
      name: 'AAC as MP4A-LATM',
      video: null,
      pipeline: 'aacparse ! rtpmp4apay',
      media: (caps) => ({
        ...plain,
        kind: 'audio',
        codec: 'AAC',
        encoding: 'MP4A-LATM',
        clockRate: 48_000,
        fmtp: { cpresent: '0', config: config(caps) },
      }),
    },
  ];
  for (const { name, video, pipeline, media } of cases) {
    it(name, async (t) => {
      const file = video === null ? sourceFile(null, 'aac') : sourceFile(video, null);
      const { tracks, frames } = original(file);
      const received = await receiveFromGstreamer(t, file, pipeline, media);
      assert.deepEqual(received.problems, []);
      if (video === null) assertSameAudio(received, frames);
      else assertSameVideo(received, frames);
      assert.deepEqual(received.tracks, [tracks]);
    });
  }
});

describe('ffmpeg plays what our muxer sends', () => {
  const cases = [
    ['h264', 'aac'],
    ['h265', 'aac'],
    [null, 'opus'],
    [null, 'aac'],
  ] as const;
  for (const [video, audio] of cases) {
    it(`${video ?? 'no video'} and ${audio ?? 'no audio'}, to the same pictures and sound`, async (t) => {
      const file = sourceFile(video, audio);
      const { tracks, frames } = original(file);
      const kinds = [...(video === null ? [] : (['v'] as const)), ...(audio === null ? [] : (['a'] as const))];
      const output = ['-fps_mode', 'passthrough', '-f', 'streamhash', '-hash', 'md5', '-'];
      const hashes = await playByFfmpeg(t, tracks, frames, output);
      const wanted = kinds.map((kind) => /MD5=\w+/.exec(decodedHash(file, kind))?.[0]);
      assert.deepEqual(
        [...hashes.matchAll(/MD5=\w+/g)].map(([hash]) => hash),
        wanted,
      );
    });
  }

  it('MP3, as MPEG audio', async (t) => {
    const bytes = encode(null, 'mp3', 'mp3');
    const file = join(folder, 'x.mp3');
    writeFileSync(file, bytes);
    const frames: Frame[] = [];
    // MPEG-1 layer III, 128 kbit/s, 48 kHz: 384 bytes each
    for (let at = bytes.indexOf(Buffer.from([0xff, 0xfb])); at + 384 <= bytes.length; at += 384) {
      const dts = frames.length * 24;
      frames.push({ kind: 'audio', codec: 'MP3', dts, pts: dts, data: bytes.subarray(at, at + 384) });
    }
    const audio = { kind: 'audio', codec: 'MP3', sampleRate: 48000, channels: 2 } as const;
    const output = ['-f', 'framemd5', '-'];
    const said = await playByFfmpeg(t, { video: null, audio, metadata: null }, frames, output);
    const decoded = said.split('\n').filter((line) => line.startsWith('0,'));
    assert.ok(decoded.length > 120 && decoded.length <= frames.length, `${decoded.length} frames of ${frames.length}`);
  });
});
