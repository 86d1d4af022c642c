/** The reorder depth that encoders write, and what is read where they write none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { h264Track } from './avc.ts';
import { h265Track } from './hevc.ts';
import { reorderDepth } from './reorder-depth.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** Made by ffmpeg 5.1; the depths are those that ffprobe finds (has_b_frames). */
const H264: readonly { name: string; sps: string; depth: number | null }[] = [
  { name: 'no B-frames', sps: '6764000dacb60a0fd808800000030080000019078a1570', depth: 0 },
  { name: 'one B-frame', sps: '6764000dacec141fb011000003000100000300320f142938', depth: 1 },
  { name: 'three B-frames', sps: '6764000dacd30507ec0440000003004000000c83c50a4e', depth: 1 },
  { name: 'a pyramid of B-frames', sps: '6764000dacd90141fb011000000300100000030320f1429960', depth: 2 },
  {
    name: 'HRD, colours, chroma location and aspect ratio before it',
    sps: '67640014acd94141fbff000900046a0202036e00000300020000030064c08001e848003d09498600f1429960',
    depth: 2,
  },
  { name: 'Baseline', sps: '6742c00dda0507faac0440000003004000000c83c50aa8', depth: 0 },
  // Main, picture order count of type 0, 16x16, no VUI parameters
  { name: 'nothing said', sps: '674d000af4f2', depth: null },
  { name: 'an SPS that cannot be read', sps: '674d', depth: null },
];
const H265: readonly { name: string; sps: string; depth: number | null }[] = [
  {
    name: 'no B-frames',
    sps: '42010101600000030090000003000003003ca00a080f16592a4932bc05a02000000300200000030321',
    depth: 0,
  },
  {
    name: 'B-frames',
    sps: '42010101600000030090000003000003003ca00a080f16595924932bc05a020000030002000003003210',
    depth: 2,
  },
  { name: 'an SPS that cannot be read', sps: '4201', depth: null },
];

describe('the reorder depth', () => {
  for (const { name, sps, depth } of H264) {
    it(`H264, ${name}: ${depth}`, () => assert.equal(reorderDepth(h264Track([hex(sps)], [])), depth));
  }
  for (const { name, sps, depth } of H265) {
    it(`H265, ${name}: ${depth}`, () => assert.equal(reorderDepth(h265Track([], [hex(sps)], [])), depth));
  }

  it('is null without an SPS, and never an exception', () => {
    assert.equal(reorderDepth(h264Track([], [])), null);
    const known = hex(H264[4]?.sps ?? '');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(known.length), (bytes, cut) => {
        const sps = Buffer.concat([known.subarray(0, cut), bytes]);
        for (const depth of [reorderDepth(h264Track([sps], [])), reorderDepth(h265Track([], [sps], []))]) {
          assert.ok(depth === null || (depth >= 0 && depth <= 16));
        }
      }),
    );
  });
});
