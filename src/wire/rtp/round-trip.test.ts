/** From our muxer to our receiver over networks that lose, repeat and mix up packets, with numbers about to wrap around. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type AudioTrack,
  aacTrack,
  type Frame,
  h264Track,
  h265Track,
  joinNalUnits,
  opusTrack,
  type Tracks,
  type VideoTrack,
} from '../../media/index.ts';
import { describeTracks } from './describe.ts';
import { splitInterleaved } from './interleaved.ts';
import { RtpMuxer } from './muxer.ts';
import { RtpReceiver } from './receiver.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const VIDEO: readonly VideoTrack[] = [
  h264Track([hex('6764000dacb60a0fd808800000030080000019078a1570')], [hex('68ce0fc8')]),
  h265Track(
    [hex('40010c01')],
    [hex('42010101600000030090000003000003003ca00a080f16592a4932bc05a02000000300200000030321')],
    [hex('4401c172')],
  ),
];
const AUDIO: readonly AudioTrack[] = [
  aacTrack(hex('1190')),
  opusTrack(2),
  { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 },
  { kind: 'audio', codec: 'PCMU', sampleRate: 16_000, channels: 2 },
];
const VIDEO_STEP_MS = 40;
const AUDIO_STEP_MS = 20;

/** NAL units of these sizes; the first slice begins the picture. */
function picture(track: VideoTrack, index: number, sizes: readonly number[], key: boolean): Frame {
  const h265 = track.codec === 'H265';
  const header = h265 ? [key ? 0x26 : 0x02, 0x01] : [key ? 0x65 : 0x41];
  const units = sizes.map((size, i) => {
    const unit = Buffer.alloc(header.length + 1 + size, index + 1);
    unit.set([...header, i === 0 ? 0x80 : 0x01]);
    return unit;
  });
  const dts = index * VIDEO_STEP_MS;
  return { kind: 'video', codec: track.codec, dts, pts: dts, key, data: joinNalUnits(units) };
}

function sound(track: AudioTrack, index: number, size: number): Frame {
  const dts = index * AUDIO_STEP_MS;
  // whole samples of both channels
  const data = Buffer.alloc(track.codec === 'PCMU' ? size * 2 : size, index);
  return { kind: 'audio', codec: track.codec, dts, pts: dts, data };
}

/** One video frame, two audio frames, and so on, a key frame at each fifth. */
function film(video: VideoTrack, audio: AudioTrack, pictures: readonly number[][], sounds: readonly number[]): Frame[] {
  const frames: Frame[] = [];
  for (const [i, sizes] of pictures.entries()) {
    frames.push(picture(video, i, sizes, i % 5 === 0));
    for (const j of [2 * i, 2 * i + 1]) frames.push(sound(audio, j, sounds[j % sounds.length] ?? 1));
  }
  return frames;
}

interface Sent {
  readonly channel: number;
  readonly bytes: Buffer;
}

function send(tracks: Tracks, frames: readonly Frame[], start: { sequence: number; timestamp: number }): Sent[] {
  const clock = { unixMs: () => 1_800_000_000_000 };
  const muxer = new RtpMuxer({ video: 0, audio: 2 }, tracks, clock, {
    cname: 'x',
    video: { ssrc: 1, ...start },
    audio: { ssrc: 2, ...start },
  });
  return frames.flatMap((frame) => {
    const sent: Sent[] = [];
    const batch = muxer.write(frame);
    let last = 0;
    splitInterleaved(batch, (channel, from, end) => {
      sent.push({ channel, bytes: batch.subarray(from, end) });
      last = end;
    });
    assert.equal(last, batch.length, 'the muxer fills its buffer to the byte');
    return sent;
  });
}

function receive(tracks: Tracks, packets: readonly Sent[], isOrdered: boolean) {
  const receiver = new RtpReceiver({ media: describeTracks(tracks), isOrdered });
  const frames: Frame[] = [];
  const problems: string[] = [];
  let seen: Tracks | null = null;
  for (const { channel, bytes } of packets) {
    if (channel % 2 === 0) receiver.pushRtp(channel / 2, bytes, 0);
    else receiver.pushRtcp((channel - 1) / 2, bytes, 0);
  }
  receiver.end();
  for (let event = receiver.next(); event !== null; event = receiver.next()) {
    if (event.kind === 'tracks') seen = event.tracks;
    else if (event.kind === 'frame') frames.push(event.frame);
    else if (event.kind === 'problem') problems.push(event.message);
  }
  return { frames, problems, seen, stats: receiver.stats };
}

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 60 }),
  fc.integer({ min: 1380, max: 1420 }),
  fc.integer({ min: 2700, max: 2900 }),
);
const pictures = fc.array(fc.array(sizes, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 15 });
const sounds = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1390, max: 1400 })), {
  minLength: 1,
  maxLength: 8,
});
const start = fc.record({
  sequence: fc.oneof(fc.constant(65_530), fc.nat(65_535)),
  timestamp: fc.oneof(fc.constant(2 ** 32 - 100), fc.constant(0), fc.nat(0xffffffff)),
});

for (const video of VIDEO) {
  for (const audio of AUDIO) {
    const tracks: Tracks = { video, audio, metadata: null };
    describe(`${video.codec} and ${audio.codec}`, () => {
      it('comes out as it went in, over TCP and over UDP', () => {
        fc.assert(
          fc.property(pictures, sounds, start, fc.boolean(), (shapes, lengths, first, isOrdered) => {
            const frames = film(video, audio, shapes, lengths);
            const got = receive(tracks, send(tracks, frames, first), isOrdered);
            assert.deepEqual(got.problems, []);
            assert.deepEqual(got.seen, tracks);
            // G711 is cut to packets: its samples are compared
            for (const kind of ['video', 'audio'] as const) {
              const isCut = kind === 'audio' && audio.codec.startsWith('PCM');
              const theirs = frames.filter((frame) => frame.kind === kind);
              const ours = got.frames.filter((frame) => frame.kind === kind);
              const bytes = (all: readonly Frame[]): Buffer => Buffer.concat(all.map(({ data }) => data));
              assert.ok(bytes(ours).equals(bytes(theirs)), `${kind}: other bytes`);
              if (isCut) continue;
              assert.equal(ours.length, theirs.length);
              const shift = 1000;
              for (const [i, frame] of ours.entries()) {
                const other = theirs[i];
                assert.ok(Math.abs(frame.pts - (other?.pts ?? 0) - shift) < 0.2, `${kind} ${i}: ${frame.pts}`);
                assert.equal(frame.dts, frame.pts);
                assert.deepEqual(frame.kind === 'video' && frame.key, other?.kind === 'video' && other.key);
              }
            }
            assert.deepEqual(
              { ...got.stats, packets: 0 },
              { packets: 0, lost: 0, reordered: 0, duplicate: 0, droppedFrames: 0 },
            );
          }),
          { numRuns: 25 },
        );
      });

      it('has no broken picture after losses, whatever else the network does', () => {
        const fates = fc.array(fc.record({ drop: fc.nat(99), twice: fc.nat(9), late: fc.nat(3) }), {
          minLength: 40,
          maxLength: 40,
        });
        fc.assert(
          fc.property(pictures, sounds, start, fates, fc.nat(30), (shapes, lengths, first, network, percent) => {
            const frames = film(video, audio, shapes, lengths);
            const sent = send(tracks, frames, first);
            const arriving = sent.flatMap((packet, i) => {
              const { drop, twice, late } = network[i % network.length] ?? { drop: 0, twice: 0, late: 0 };
              // the first packet of each medium tells where its sequence begins
              if (i > 4 && drop < percent) return [];
              const one = { packet, at: i <= 4 ? i - 100 : i + late };
              return twice === 0 ? [one, { packet, at: one.at + 2 }] : [one];
            });
            arriving.sort((a, b) => a.at - b.at);
            const got = receive(
              tracks,
              arriving.map(({ packet }) => packet),
              false,
            );
            let last: number | null = null;
            let shift: number | null = null;
            for (const frame of got.frames) {
              if (frame.kind === 'data' || frame.codec.startsWith('PCM')) continue;
              const filler = frame.data.at(-1) ?? 0;
              const index = frame.kind === 'video' ? filler - 1 : filler;
              const other = frames.filter(({ kind }) => kind === frame.kind)[index];
              assert.ok(other !== undefined && frame.data.equals(other.data), `${frame.kind} ${index} is broken`);
              // sound and pictures keep their distance, by the sender reports
              shift ??= frame.pts - other.pts;
              assert.ok(Math.abs(frame.pts - other.pts - shift) < 0.2, `${frame.kind} ${index} is at ${frame.pts}`);
              if (frame.kind !== 'video') continue;
              assert.ok(frame.key || last === index - 1, `picture ${index} comes after ${last}`);
              last = index;
            }
          }),
          { numRuns: 40 },
        );
      });
    });
  }
}
