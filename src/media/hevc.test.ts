/** H265: parameter sets that x265 wrote, and configuration records. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BitWriter } from './bits.ts';
import { CodecError } from './codec-error.ts';
import { h265Track, parseHevcConfig, parseHevcSps, serializeHevcConfig } from './hevc.ts';
import { spsProblem } from './sps-problem.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Made by ffmpeg 5.1 and libx265; the sizes are those that the encoder was told. */
const CASES: readonly { name: string; sps: string; size: string; format: string }[] = [
  {
    name: 'Main, 1080 of 1088 rows',
    sps: '420101016000000300900000030000030078a003c0801107cb965654a4c2f0168080000003008000000c84',
    size: '1920x1080',
    format: '1 8 8 1 120',
  },
  {
    name: '4:2:2, 10 bit, odd height',
    sps: '4201010408000003009d0800000300003cb00a080f1d536595952930bc05a02000000300200000030321',
    size: '318x239',
    format: '2 10 10 1 60',
  },
  {
    name: '4:4:4, odd size',
    sps: '4201010408000003009e0800000300003c90014101e392b2caca94985e02d0100000030010000003019080',
    size: '317x239',
    format: '3 8 8 1 60',
  },
  {
    name: 'two temporal layers',
    sps: '42010201600000030090000003000003003c0000a00a080f1f5965652b2a5261780b4040000003004000000642',
    size: '320x238',
    format: '1 8 8 2 60',
  },
];
const VPS = hex('40010c01ffff0408000003009e0800000300003c959809');
const PPS = hex('4401c172860c4624');
/** The record that ffmpeg 5.1 wrote for 320x240 4:4:4, without its SEI. */
const RECORD = hex(
  '01 0408000000 9e0800000000 3c f000 fc ff f8 f8 0000 0f 03' +
    'a0 0001 0017 40010c01ffff0408000003009e0800000300003c959809' +
    'a1 0001 002b 4201010408000003009e0800000300003c90014101e2cb2b349265780b7020200040000003004000000642' +
    'a2 0001 0008 4401c172860c4624',
);

describe('H265', () => {
  for (const { name, sps, size, format } of CASES) {
    it(`reads the SPS: ${name}`, () => {
      const { chromaFormat, bitDepthLuma, bitDepthChroma, subLayers, level, width, height } = parseHevcSps(hex(sps));
      assert.equal(`${width}x${height}`, size);
      assert.equal([chromaFormat, bitDepthLuma, bitDepthChroma, subLayers, level].join(' '), format);
    });
  }

  it('knows no picture that is larger than those of the highest level, or has no side', () => {
    const sps = (width: number, height: number): Buffer => {
      const writer = new BitWriter();
      const ue = (value: number): void => {
        const bits = Math.floor(Math.log2(value + 1));
        writer.bits(0, bits);
        writer.bits(value + 1, bits + 1);
      };
      for (const value of [0, 1, width, height]) ue(value);
      writer.bits(0, 1);
      ue(0);
      ue(0);
      return Buffer.concat([hex('420101 0160000000900000000000 5d'), writer.toBuffer()]);
    };
    for (const [width, height] of [
      [33_776, 4222],
      [4222, 33_776],
      [11_941, 11_941],
    ] as const) {
      const track = h265Track([VPS], [sps(width, height)], [PPS]);
      assert.deepEqual([track.width, track.height, spsProblem(track)], [width, height, null]);
    }
    for (const [width, height, value, limit] of [
      [33_777, 16, 33_777, 33_776],
      [33_776, 4224, 33_776 * 4224, 142_606_336],
      [11_942, 11_942, 11_942 ** 2, 142_606_336],
      [0, 1080, null, null],
    ] as const) {
      assert.throws(() => parseHevcSps(sps(width, height)), { name: 'CodecError', value, limit });
      const track = h265Track([VPS], [sps(width, height)], [PPS]);
      assert.deepEqual([track.width, track.height], [0, 0]);
      assert.equal(spsProblem(track)?.value, value);
    }
  });

  it('gives back the track from the record it wrote', () => {
    for (const { sps } of CASES) {
      const track = h265Track([VPS], [hex(sps)], [PPS, hex('4401c073c189')]);
      assert.deepEqual(parseHevcConfig(serializeHevcConfig(track)), { track, nalLengthSize: 4 });
    }
  });

  it('writes the record that ffmpeg writes', () => {
    const { track, nalLengthSize } = parseHevcConfig(RECORD);
    assert.equal(nalLengthSize, 4);
    assert.deepEqual([track.width, track.height], [320, 240]);
    assert.deepEqual(serializeHevcConfig(track), RECORD);
  });

  it('leaves SEI out, takes version 0, and an SPS that it cannot read as 0x0', () => {
    const head = '00 0160000000 900000000000 5d f000 fc fd f8 f8 0000 0d 02';
    const { track, nalLengthSize } = parseHevcConfig(hex(`${head} 27 0001 0003 4e0105 21 0001 0004 42010101`));
    assert.equal(nalLengthSize, 2);
    assert.deepEqual(track, h265Track([], [hex('42010101')], []));
    assert.deepEqual([track.width, track.height], [0, 0]);
    assert.deepEqual(parseHevcConfig(serializeHevcConfig(track)).track, track);
  });

  it('refuses records that are cut, of another version, or without an SPS', () => {
    for (let length = 0; length < RECORD.length; length++) {
      assert.throws(() => parseHevcConfig(RECORD.subarray(0, length)), CodecError, `cut to ${length} bytes`);
    }
    assert.throws(() => parseHevcConfig(Buffer.concat([Buffer.from([2]), RECORD])), { value: 2, limit: 1 });
    const empty = Buffer.from(RECORD.subarray(0, 23));
    empty[22] = 0;
    assert.throws(() => parseHevcConfig(empty), { message: /no SPS/ });
    assert.throws(() => serializeHevcConfig(h265Track([VPS], [], [PPS])), CodecError);
  });

  it('refuses records of more NAL units than can be of use, before it reads them', () => {
    const record = (count: number): Buffer =>
      Buffer.concat([
        ...[RECORD.subarray(0, 22), hex('02 21 0001 0004 42010101 22'), Buffer.from([count >> 8, count & 0xff])],
        Buffer.alloc(3 * count, hex('000144')),
      ]);
    const { track } = parseHevcConfig(record(255));
    assert.equal(track.pps.length, 255);
    assert.throws(() => parseHevcConfig(record(256)), { name: 'CodecError', value: 257, limit: 256 });
  });

  it('ends in a result or a CodecError, whatever the bytes', () => {
    const orCodecError = (run: () => unknown): void => {
      try {
        run();
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
      }
    };
    const sps = hex(CASES[3]?.sps ?? '');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(sps.length), (bytes, cut) => {
        const garbage = Buffer.from(bytes);
        orCodecError(() => parseHevcSps(garbage));
        orCodecError(() => parseHevcSps(Buffer.concat([sps.subarray(0, cut), garbage])));
        orCodecError(() => parseHevcConfig(Buffer.concat([RECORD.subarray(0, 22), garbage])));
      }),
    );
  });
});
