import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AudioFrame, aacTrack, h264Track, opusTrack, type Tracks, type VideoFrame } from '../../media/index.ts';
import { Fmp4FragmentMuxer } from './fragment-muxer.ts';
import { samplesOf, seams } from './inspect.fixture.ts';

const H264 = h264Track([Buffer.from('6742c01ed90280bfe5c05a808080a0000003002000000651e2c5d4', 'hex')], []);
const AV: Tracks = { video: H264, audio: aacTrack(Buffer.from('1190', 'hex')), metadata: null };

function picture(dts: number, key = false, pts = dts, size = 10): VideoFrame {
  return { kind: 'video', codec: 'H264', dts, pts, key, data: Buffer.alloc(size, key ? 1 : 2) };
}

function sound(dts: number): AudioFrame {
  return { kind: 'audio', codec: 'AAC', dts, pts: dts, data: Buffer.alloc(5, 3) };
}

describe('Fmp4FragmentMuxer', () => {
  it('gives a frame its duration when the next one of its track comes', () => {
    const muxer = new Fmp4FragmentMuxer(AV);
    muxer.write(picture(1000, true));
    assert.equal(muxer.cut(), null);
    muxer.write(sound(1000));
    assert.equal(muxer.cut(), null);
    muxer.write(picture(1040));
    const fragment = muxer.cut();
    assert.ok(fragment?.independent);
    assert.deepEqual(
      samplesOf(fragment.bytes).map(({ data: _, ...sample }) => sample),
      [{ trackId: 1, time: 90_000, duration: 3600, offset: 0, sync: true }],
    );
  });

  it('keeps what is decoded from a given time on', () => {
    const muxer = new Fmp4FragmentMuxer(AV);
    for (const dts of [0, 40, 80, 120]) muxer.write(picture(dts, dts === 80));
    assert.equal(samplesOf(muxer.cut(80)?.bytes ?? Buffer.alloc(0)).length, 2);
    assert.equal(muxer.waitingBytes, 2 * (10 + 256), 'a frame takes more than its media');
    const second = muxer.cut(120);
    assert.ok(second?.independent);
    assert.deepEqual(
      samplesOf(second.bytes).map((sample) => sample.sync),
      [true],
    );
    assert.equal(muxer.cut(120), null);
  });

  it('says that a fragment without a key frame is not independent, sound beside video neither', () => {
    const muxer = new Fmp4FragmentMuxer(AV);
    for (const dts of [0, 40]) muxer.write(picture(dts));
    assert.equal(muxer.cut()?.independent, false);
    for (const dts of [0, 21]) muxer.write(sound(dts));
    assert.equal(muxer.cut()?.independent, false);
    const audioOnly = new Fmp4FragmentMuxer({ ...AV, video: null });
    for (const dts of [0, 21]) audioOnly.write(sound(dts));
    assert.equal(audioOnly.cut()?.independent, true);
  });

  it('gives the last frames the usual duration when it is flushed', () => {
    const muxer = new Fmp4FragmentMuxer(AV);
    for (const dts of [0, 40]) muxer.write(picture(dts));
    muxer.write(sound(0));
    muxer.flush();
    const samples = samplesOf(muxer.cut()?.bytes ?? Buffer.alloc(0));
    assert.deepEqual(
      samples.map((sample) => [sample.trackId, sample.duration]),
      [
        [1, 3600],
        [1, 3600],
        [2, 1024],
      ],
    );
    assert.equal(muxer.waitingBytes, 0);
  });

  it('writes offsets of either sign', () => {
    const muxer = new Fmp4FragmentMuxer(AV);
    for (const [dts, pts] of [
      [0, 80],
      [40, 20],
      [80, 80],
    ] as const) {
      muxer.write(picture(dts, false, pts));
    }
    assert.deepEqual(
      samplesOf(muxer.cut()?.bytes ?? Buffer.alloc(0)).map((sample) => sample.offset),
      [7200, -1800],
    );
  });

  it('takes no frame of other codecs, and no empty one', () => {
    const muxer = new Fmp4FragmentMuxer(AV);
    assert.equal(muxer.write({ ...picture(0), codec: 'H265' }), false);
    assert.equal(muxer.write({ kind: 'audio', codec: 'OPUS', dts: 0, pts: 0, data: Buffer.alloc(4) }), false);
    assert.equal(muxer.write({ kind: 'data', dts: 0, pts: 0, data: Buffer.alloc(4) }), false);
    assert.equal(muxer.write({ ...sound(0), data: Buffer.alloc(0) }), false);
    assert.equal(new Fmp4FragmentMuxer({ ...AV, video: null }).write(picture(0)), false);
  });

  it('counts time beyond 32 bits', () => {
    const muxer = new Fmp4FragmentMuxer(AV);
    for (const dts of [2 ** 40, 2 ** 40 + 40]) muxer.write(picture(dts));
    assert.equal(samplesOf(muxer.cut()?.bytes ?? Buffer.alloc(0))[0]?.time, 2 ** 40 * 90);
  });

  it('takes packets that say nothing of their duration', () => {
    const muxer = new Fmp4FragmentMuxer({ video: null, audio: opusTrack(2), metadata: null });
    // code 3 without a frame count: no Opus
    for (const dts of [0, 20, 45]) muxer.write({ kind: 'audio', codec: 'OPUS', dts, pts: dts, data: Buffer.from([3]) });
    assert.deepEqual(
      samplesOf(muxer.cut()?.bytes ?? Buffer.alloc(0)).map((sample) => sample.duration),
      [960, 1200],
    );
  });

  it('goes on without a gap over times that stand still, step back or jump, wherever it is cut', () => {
    const step = fc.record({
      ms: fc.oneof(fc.constant(33), fc.integer({ min: -1000, max: 3000 }), fc.double({ min: 0, max: 50, noNaN: true })),
      video: fc.boolean(),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const muxer = new Fmp4FragmentMuxer(AV);
        const fragments: Buffer[] = [];
        let dts = 0;
        for (const { ms, video, cut } of steps) {
          dts += ms;
          muxer.write(video ? picture(dts) : sound(dts));
          const fragment = cut ? muxer.cut(dts) : null;
          if (fragment !== null) fragments.push(fragment.bytes);
        }
        muxer.flush();
        fragments.push(muxer.cut()?.bytes ?? Buffer.alloc(0));
        const samples = samplesOf(Buffer.concat(fragments));
        assert.equal(samples.length, steps.length);
        assert.deepEqual(seams(samples), []);
        assert.equal(muxer.waitingBytes, 0);
      }),
    );
  });
});
