/** Our transport streams before judges that no one here wrote: ffmpeg, ffprobe and Wireshark. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type AudioFrame, type Frame, parseMpegAudioHeader, type Tracks } from '../../media/index.ts';
import { tsFormat } from './format.ts';
import {
  assertDecodes,
  continuityErrors,
  decodedHash,
  encode,
  framesOf,
  hasTshark,
  probe,
} from './real-media.fixture.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-ts-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function save(name: string, bytes: Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

function mux(tracks: Tracks, frames: readonly Frame[]): Buffer {
  const muxer = tsFormat.createMuxer(tracks);
  return Buffer.concat([muxer.header(), ...frames.map((frame) => muxer.write(frame))]);
}

function assertSound(file: string): void {
  assertDecodes(file);
  if (hasTshark) assert.equal(continuityErrors(file), '');
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
    let source = Buffer.alloc(0);
    let media: { tracks: Tracks; frames: Frame[] };
    before(() => {
      source = Buffer.from(encode(video, audio, 'mpegts'));
      media = framesOf(source);
    });

    it('decodes without a word to the same pictures and sound', () => {
      const original = save('original.ts', source);
      const file = save('muxed.ts', mux(media.tracks, media.frames));
      assertSound(file);
      assert.deepEqual(probe(file).sort(), [...names].sort());
      if (video !== null) assert.equal(decodedHash(file, 'v'), decodedHash(original, 'v'));
      if (audio !== null) assert.equal(decodedHash(file, 'a'), decodedHash(original, 'a'));
    });

    it('comes out of our demuxer as it went in', () => {
      const again = framesOf(mux(media.tracks, media.frames));
      assert.deepEqual(again.tracks, media.tracks);
      const byKind = (frames: Frame[], kind: string): object[] =>
        frames
          .filter((frame) => frame.kind === kind)
          .map(({ dts, pts, ...rest }) => ({ ...rest, pts: Math.round(pts * 90), dts: Math.round(dts * 90) }));
      const later = (frames: object[]): object[] =>
        frames.map((frame) => {
          assert.ok('pts' in frame && 'dts' in frame && typeof frame.pts === 'number' && typeof frame.dts === 'number');
          return { ...frame, pts: frame.pts + 63_000, dts: frame.dts + 63_000 };
        });
      for (const kind of ['video', 'audio']) {
        assert.deepEqual(byKind(again.frames, kind), later(byKind(media.frames, kind)));
      }
    });

    it('can be joined at a key frame, or anywhere without video', () => {
      const muxer = tsFormat.createMuxer(media.tracks);
      const half = media.frames.length / 2;
      const joined: Buffer[] = [];
      media.frames.forEach((frame, i) => {
        const startsHere = frame.kind === 'video' ? frame.key : video === null && frame.kind === 'audio';
        if (joined.length === 0 && i > half && startsHere) joined.push(muxer.header());
        const bytes = muxer.write(frame);
        if (joined.length > 0) joined.push(bytes);
      });
      const file = save('joined.ts', Buffer.concat(joined));
      assertSound(file);
      assert.deepEqual(probe(file).sort(), [...names].sort());
    });
  });
}

/** The frames of a constant bit rate MP3 file (MPEG-1 layer III, 128 kbit/s, 48 kHz: 384 bytes each). */
function mp3Frames(file: Buffer): AudioFrame[] {
  const frames: AudioFrame[] = [];
  const at0 = file.indexOf(Buffer.from([0xff, 0xfb]));
  for (let at = at0; at + 384 <= file.length; at += 384) {
    const data = file.subarray(at, at + 384);
    const dts = frames.length * parseMpegAudioHeader(data).durationMs;
    frames.push({ kind: 'audio', codec: 'MP3', dts, pts: dts, data });
  }
  return frames;
}

describe('MP3', () => {
  it('is carried beside video and alone', () => {
    const frames = mp3Frames(encode(null, 'mp3', 'mp3'));
    assert.ok(frames.length > 100);
    const audio = { kind: 'audio', codec: 'MP3', sampleRate: 48000, channels: 2 } as const;
    const alone = save('mp3.ts', mux({ video: null, audio, metadata: null }, frames));
    assertSound(alone);
    assert.deepEqual(probe(alone), ['mp3']);
    const { tracks, frames: pictures } = framesOf(encode('h264', null, 'mpegts'));
    const first = pictures[0]?.dts ?? 0;
    const both = [
      ...pictures,
      ...frames.map((frame) => ({ ...frame, dts: frame.dts + first, pts: frame.pts + first })),
    ];
    both.sort((a, b) => a.dts - b.dts);
    const file = save('mp3-h264.ts', mux({ ...tracks, audio }, both));
    assertSound(file);
    assert.deepEqual(probe(file).sort(), ['h264,320,240', 'mp3']);
  });
});

describe('the judges', () => {
  it('notice a packet that is missing', { skip: hasTshark ? false : 'tshark is not installed' }, () => {
    const { tracks, frames } = framesOf(encode('h264', null, 'mpegts'));
    const bytes = mux(tracks, frames);
    const cut = Buffer.concat([bytes.subarray(0, 188 * 40), bytes.subarray(188 * 41)]);
    assert.notEqual(continuityErrors(save('cut.ts', cut)), '');
  });
});

describe('a change of codec in mid-stream', () => {
  it('is a new program map, keeps the continuity, and loses no frame', () => {
    const first = framesOf(encode('h264', 'aac', 'mpegts'));
    const second = framesOf(encode(null, 'opus', 'mpegts'));
    const muxer = tsFormat.createMuxer(first.tracks);
    const parts = [muxer.header(), ...first.frames.map((frame) => muxer.write(frame))];
    const end = Math.max(...first.frames.map((frame) => frame.dts)) + 40;
    parts.push(muxer.setTracks({ ...first.tracks, audio: second.tracks.audio }));
    const base = second.frames[0]?.dts ?? 0;
    for (const frame of second.frames) {
      parts.push(muxer.write({ ...frame, dts: frame.dts - base + end, pts: frame.pts - base + end }));
    }
    const bytes = Buffer.concat(parts);
    if (hasTshark) assert.equal(continuityErrors(save('change.ts', bytes)), '');
    const again = framesOf(bytes);
    assert.deepEqual(again.tracks, { ...first.tracks, audio: second.tracks.audio });
    assert.equal(again.frames.length, first.frames.length + second.frames.length);
  });
});
