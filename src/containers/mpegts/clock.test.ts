/** The PCR and the times, as they are seen in the muxer's packets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Frame, Tracks } from '../../media/index.ts';
import { AUDIO_ONLY, AV, aac, VIDEO_ONLY, video } from './frames.fixture.ts';
import { TsMuxer } from './muxer.ts';
import { assertContinuity, type Packet, packetsOf, pesOf } from './packets.fixture.ts';

const VIDEO = 0x100;
const LEAD = 63_000;

function muxerOf(tracks: Tracks): TsMuxer {
  return new TsMuxer(tracks);
}

function writeAll(muxer: TsMuxer, frames: readonly Frame[]): Packet[] {
  return packetsOf(Buffer.concat(frames.map((frame) => muxer.write(frame))));
}

function pcrsOf(packets: readonly Packet[]): number[] {
  return packets.flatMap(({ pcr }) => (pcr === null ? [] : [pcr]));
}

describe('PCR', () => {
  it('is on every key frame with random access, and behind dts', () => {
    const packets = writeAll(muxerOf(AV), [video(0, true), video(40), video(40, true), video(60, true)]);
    const pes = pesOf(packets, VIDEO);
    assert.deepEqual(
      pes.map(({ first }) => [first.pcr, first.randomAccess]),
      [
        [0, true],
        [3600, false],
        [3600, true],
        [5400, true],
      ],
    );
    for (const { first, pts, dts } of pes) assert.ok((first.pcr ?? 0) < (dts ?? pts));
  });

  it('comes at least every 100 ms at low frame rates, with audio, and where video falls silent', () => {
    const slow = Array.from({ length: 12 }, (_, i) => video(i * 1000, i % 3 === 0));
    const sound = Array.from({ length: 500 }, (_, i) => aac(i * 21.333));
    const both = [...slow, ...sound].sort((a, b) => a.dts - b.dts);
    const silent = [video(0, true), ...sound];
    for (const frames of [slow, both, silent]) {
      const packets = writeAll(muxerOf(AV), frames);
      assertContinuity(packets);
      assert.ok(packets.every(({ pcr, pid }) => pcr === null || pid === VIDEO));
      const pcrs = pcrsOf(packets);
      const gaps = pcrs.slice(1).map((pcr, i) => pcr - (pcrs[i] ?? 0));
      assert.ok(
        gaps.every((gap) => gap >= 0 && gap <= 9000),
        `${gaps}`,
      );
      assert.ok((pcrs.at(-1) ?? 0) > 10_000 * 90);
    }
  });

  it('is on audio alone where there is no video, at any frame length', () => {
    for (const step of [2.5, 20, 21.333, 46.44, 64, 128]) {
      const muxer = muxerOf(AUDIO_ONLY);
      const packets = writeAll(
        muxer,
        Array.from({ length: 100 }, (_, i) => aac(i * step)),
      );
      const pcrs = pcrsOf(packets);
      assert.ok(
        pcrs.slice(1).every((pcr, i) => pcr - (pcrs[i] ?? 0) <= 9000),
        `frames of ${step} ms`,
      );
      assertContinuity(packets);
    }
  });

  it('says that a new time base begins where time jumps, and then only', () => {
    const muxer = muxerOf(VIDEO_ONLY);
    const flags = [0, 40, 20_000, 20_040, 20_020, 5000, 5040].map((dts) => {
      return writeAll(muxer, [video(dts)]).filter(({ discontinuity }) => discontinuity).length;
    });
    assert.deepEqual(flags, [0, 0, 1, 0, 0, 1, 0]);
  });

  it('and dts wrap at 33 bits, also of huge, fractional and negative times', () => {
    const wrapMs = 2 ** 33 / 90;
    for (const start of [wrapMs - 500, 1e6 * wrapMs - 750.5, 1.7e12, -300]) {
      const packets = writeAll(
        muxerOf(VIDEO_ONLY),
        Array.from({ length: 50 }, (_, i) => video(start + i * 40.04)),
      );
      const modulus = 2n ** 33n;
      pesOf(packets, VIDEO).forEach(({ pts, first }, i) => {
        const ticks = BigInt(Math.round((start + i * 40.04) * 90));
        assert.equal(pts, Number((((ticks + BigInt(LEAD)) % modulus) + modulus) % modulus));
        assert.equal(first.pcr, Number(((ticks % modulus) + modulus) % modulus));
      });
    }
  });
});
