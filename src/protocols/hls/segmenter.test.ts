import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { withFfmpeg } from '../../containers/flv/ffmpeg.fixture.ts';
import { AAC, AUDIO_ONLY, AV, aac, H264, VIDEO_ONLY, video } from '../../containers/mpegts/frames.fixture.ts';
import { tsFormat } from '../../containers/mpegts/index.ts';
import {
  assertDecodes,
  continuityErrors,
  decodedHash,
  encode,
  framesOf,
  hasTshark,
  probe,
} from '../../containers/mpegts/real-media.fixture.ts';
import { aacTrack, type Frame, joinNalUnits, NO_TRACKS, type Tracks } from '../../media/index.ts';
import { cutter } from './segments.fixture.ts';

/** Video every 40 ms from `from` to `to`, a key frame every `gopMs`, audio of the same times. */
function av(from: number, to: number, gopMs: number, withAudio = true): Frame[] {
  const frames: Frame[] = [];
  for (let dts = from; dts < to; dts += 40) {
    frames.push(video(dts, (dts - from) % gopMs === 0));
    if (withAudio) frames.push(aac(dts + 5));
  }
  return frames;
}

function cut(fragmentMs: number, tracks: Tracks, frames: readonly Frame[]) {
  const made = cutter(fragmentMs);
  made.segmenter.setTracks(NO_TRACKS);
  made.segmenter.setTracks(tracks);
  for (const frame of frames) made.segmenter.write(frame);
  made.segmenter.end();
  return made;
}

/** PIDs of the first two packets: PAT, PMT. */
function pids(bytes: Buffer): number[] {
  return [0, 188].map((at) => bytes.readUInt16BE(at + 1) & 0x1fff);
}

test('a segment ends at the first key frame once it is long enough, and begins with PAT and PMT', () => {
  const { segments, story, ends } = cut(3000, AV, av(0, 10_000, 1000));
  assert.deepEqual(story(), ['3000', '3000', '3000', '1005']);
  for (const { bytes } of segments) assert.deepEqual(pids(bytes), [0, 0x1000]);
  assert.equal(ends(), 1);
  assert.deepEqual(cut(3000, AV, av(0, 10_000, 2000)).story(), ['4000', '4000', '2005']);
  // each frame is in one segment, in order
  const { frames } = framesOf(Buffer.concat(segments.map(({ bytes }) => bytes)));
  assert.equal(frames.length, 500);
});

test('fractions of milliseconds are rounded in each duration, not summed', () => {
  const step = 1001 / 30;
  const frames = Array.from({ length: 300 }, (_, i) => video(i * step, i % 30 === 0));
  assert.deepEqual(cut(3000, VIDEO_ONLY, frames).story(), ['3003', '3003', '3003', '1001']);
});

test('without a key frame it is cut at ten times that, PAT and PMT first all the same', () => {
  const { segments, story } = cut(1000, AV, av(0, 25_000, 100_000));
  assert.deepEqual(story(), ['10000', '10000', '5005']);
  for (const { bytes } of segments) assert.deepEqual(pids(bytes), [0, 0x1000]);
});

test('a stream without video is cut on audio', () => {
  const frames = Array.from({ length: 500 }, (_, i) => aac(i * 20));
  const { story, segments } = cut(3000, AUDIO_ONLY, frames);
  assert.deepEqual(story(), ['3000', '3000', '3000', '1000']);
  for (const { bytes } of segments) assert.deepEqual(pids(bytes), [0, 0x1000]);
});

test('time that goes back by more than a second, or is said to jump, begins a segment that does not follow', () => {
  const back = cut(3000, AV, [...av(100_000, 102_000, 1000), ...av(5000, 9000, 1000)]);
  assert.deepEqual(back.story(), ['2005', 'D3000', '1005']);
  const { segmenter, story } = cutter(3000);
  segmenter.setTracks(VIDEO_ONLY);
  for (const frame of av(0, 1000, 1000, false)) segmenter.write(frame);
  segmenter.discontinuity();
  // also where it is no key frame that comes next
  for (const frame of av(1000, 2000, 1000, false).slice(1)) segmenter.write(frame);
  segmenter.end();
  assert.deepEqual(story(), ['1000', 'D960']);
  assert.equal(cut(3000, VIDEO_ONLY, [video(5000, true), video(4100), video(5040)]).opened(), 1);
});

test('it begins at a key frame, or where none comes for as long as a forced cut takes', () => {
  const late = cut(1000, AV, [...av(20, 1020, 9000).slice(1), ...av(1020, 3020, 1000)]);
  assert.deepEqual(late.story(), ['1000', '1005']);
  const [first] = framesOf(late.segments[0]?.bytes ?? Buffer.alloc(0)).frames;
  assert.deepEqual([first?.kind, first?.dts], ['video', 1020 + 700]);
  const never = cut(1000, AV, av(0, 13_000, 100_000).slice(1));
  assert.deepEqual(never.story(), ['3000']);
  // a video track that was announced and never comes does not keep the sound back for ever
  const silent = Array.from({ length: 1000 }, (_, i) => aac(i * 20));
  assert.deepEqual(cut(1000, AV, silent).story(), ['10000']);
});

test('tracks change at a cut, which is a discontinuity; the same again is no change', () => {
  const { segmenter, segments, story } = cutter(3000);
  const other: Tracks = { ...AV, audio: aacTrack(Buffer.from('1190', 'hex')) };
  segmenter.setTracks(VIDEO_ONLY);
  for (const frame of av(0, 1000, 1000, false)) segmenter.write(frame);
  segmenter.setTracks({ ...VIDEO_ONLY });
  for (const frame of av(1000, 2000, 500, false)) segmenter.write(frame);
  segmenter.setTracks(AV);
  segmenter.setTracks(other);
  // the audio waits for the cut, too
  for (const frame of av(2000, 3000, 400).slice(1)) segmenter.write(frame);
  segmenter.end();
  assert.deepEqual(story(), ['2400', 'D605']);
  const found = segments.map(({ bytes }) => framesOf(bytes).tracks);
  assert.equal(found[0]?.audio, null);
  assert.equal(found[1]?.audio?.sampleRate, 48_000);
  assert.deepEqual(
    found.map((tracks) => tracks.video?.codec),
    ['H264', 'H264'],
  );
});

test('what MPEG-TS cannot carry is left out and named once', () => {
  const alaw: Tracks = {
    video: H264,
    audio: { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 },
    metadata: null,
  };
  const { segmenter, story, leftOut, opened } = cutter(1000);
  segmenter.setTracks(alaw);
  segmenter.setTracks({ ...alaw });
  for (const frame of av(0, 2000, 1000, false)) {
    segmenter.write(frame);
    segmenter.write({ kind: 'audio', codec: 'PCMA', dts: frame.dts, pts: frame.dts, data: Buffer.alloc(160) });
    segmenter.write({ kind: 'data', dts: frame.dts, pts: frame.dts, data: Buffer.alloc(10) });
  }
  segmenter.end();
  assert.deepEqual([story(), leftOut], [['1000', '1000'], ['PCMA']]);
  assert.equal(opened(), 2);
  // nothing that can be carried: no segment at all
  const nothing = cutter(1000);
  nothing.segmenter.setTracks({ ...alaw, video: null });
  for (let dts = 0; dts < 5000; dts += 20) {
    nothing.segmenter.write({ kind: 'audio', codec: 'PCMA', dts, pts: dts, data: Buffer.alloc(160) });
  }
  nothing.segmenter.end();
  assert.deepEqual([nothing.opened(), nothing.ends()], [0, 1]);
});

test('a segment that is not wanted is passed over, and those after it are whole', () => {
  const { segmenter, story, segments, opened } = cutter(1000, (index) => index !== 1);
  segmenter.setTracks(AV);
  for (const frame of av(0, 3000, 1000)) segmenter.write(frame);
  segmenter.end();
  assert.deepEqual(story(), ['1000', '1005']);
  assert.equal(opened(), 3);
  const last = framesOf(segments[1]?.bytes ?? Buffer.alloc(0));
  assert.equal(last.frames.length, 50);
});

test('a segment that grows too large is cut wherever it is', () => {
  const big = Buffer.alloc(20 * 1024 * 1024, 0xab);
  big[0] = 0x41;
  const frames = [video(0, true), ...Array.from({ length: 5 }, (_, i) => video(40 * (i + 1), false, [big]))];
  const { segments } = cut(3000, VIDEO_ONLY, frames);
  assert.equal(segments.length, 2);
  for (const { bytes } of segments) assert.ok(bytes.length < 90 * 1024 * 1024);
});

test('a publisher who comes back goes on with the same continuity counters', () => {
  const muxer = tsFormat.createMuxer(NO_TRACKS);
  const all: Buffer[] = [];
  for (const from of [0, 2000]) {
    const { segmenter, segments } = cutter(1000, () => true, muxer);
    segmenter.setTracks(NO_TRACKS);
    segmenter.setTracks(AV);
    for (const frame of av(from, from + 2000, 500)) segmenter.write(frame);
    segmenter.end();
    all.push(...segments.map(({ bytes }) => bytes));
  }
  assert.equal(all.length, 4);
  // the demuxer tells of each gap in the counters
  assert.equal(framesOf(Buffer.concat(all)).frames.length, 200);
});

const MEDIA = {
  'H264 with B-frames and AAC': ['h264', 'aac'],
  'H265 with B-frames and AAC': ['h265', 'aac'],
  'H264 and Opus': ['h264', 'opus'],
  'AAC alone': [null, 'aac'],
} as const;

for (const [what, [videoCodec, audioCodec]] of Object.entries(MEDIA)) {
  test(`${what}: each segment decodes alone, and all together are what went in`, withFfmpeg, () => {
    const source = encode(videoCodec, audioCodec, 'mpegts');
    const { tracks, frames } = framesOf(source);
    const { segments, story } = cut(1000, tracks, frames);
    assert.ok(segments.length >= 3, story().join());
    const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
    try {
      const write = (name: string, bytes: Buffer): string => {
        writeFileSync(join(folder, name), bytes);
        return join(folder, name);
      };
      for (const [i, { bytes }] of segments.entries()) {
        // what is left over at the end may be too little for ffmpeg to know it for what it is
        if (i > 0 && i === segments.length - 1) continue;
        const file = write(`${i}.ts`, bytes);
        assertDecodes(file);
        assert.equal(probe(file).length, (videoCodec === null ? 0 : 1) + (audioCodec === null ? 0 : 1));
      }
      const whole = write('whole.ts', Buffer.concat(segments.map(({ bytes }) => bytes)));
      const original = write('source.ts', source);
      if (hasTshark) assert.equal(continuityErrors(whole), '');
      if (videoCodec !== null) assert.equal(decodedHash(whole, 'v'), decodedHash(original, 'v'));
      assert.equal(decodedHash(whole, 'a'), decodedHash(original, 'a'));
      const total = segments.reduce((sum, { durationMs }) => sum + durationMs, 0);
      assert.ok(Math.abs(total - 3000) <= 150, story().join());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test('pictures so far apart that the clock is written between them: PAT and PMT come first', () => {
  const frames = Array.from({ length: 40 }, (_, i) => video(i * 500, i % 8 === 0));
  const { segments, story } = cut(3000, VIDEO_ONLY, frames);
  assert.deepEqual(story(), ['4000', '4000', '4000', '4000', '4000']);
  for (const { bytes } of segments) assert.deepEqual(pids(bytes), [0, 0x1000]);
  assert.equal(framesOf(Buffer.concat(segments.map(({ bytes }) => bytes))).frames.length, 40);
});

test('an access unit without a NAL unit makes no segment', () => {
  const empty: Frame = { ...video(0, true), data: joinNalUnits([]) };
  assert.equal(cut(1000, { ...AV, audio: AAC }, [empty]).opened(), 0);
});
