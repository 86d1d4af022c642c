/** H264: parameter sets that x264 wrote, and configuration records. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { h264Track, parseAvcConfig, parseAvcSps, serializeAvcConfig } from './avc.ts';
import { CodecError } from './codec-error.ts';
import { spsProblem } from './sps-problem.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Made by ffmpeg 5.1 and libx264; the sizes are those that the encoder was told. */
const CASES: readonly { name: string; sps: string; size: string; format: string }[] = [
  {
    name: 'Baseline, cropped',
    sps: '6742c00dda0507faac0440000003004000000c83c50aa8',
    size: '318x238',
    format: '66 1 8 8',
  },
  {
    name: 'High, 1080 of 1088 rows',
    sps: '67640028acd940780227e5c044000003000400000300c83c60c658',
    size: '1920x1080',
    format: '100 1 8 8',
  },
  {
    name: 'High, interlaced',
    sps: '67640028acd94078044fde0220000003002000000643e2c5b2c0',
    size: '1920x1080',
    format: '100 1 8 8',
  },
  {
    name: 'High 4:2:2, 10 bit, odd height',
    sps: '677a000db6cd94141feab011000003000100000300320f142996',
    size: '318x239',
    format: '122 2 10 10',
  },
  {
    name: 'High 4:4:4 with scaling lists, odd size',
    sps: '67f4000d919b28283fc95808800000030080000019078a14cb',
    size: '317x239',
    format: '244 3 8 8',
  },
  {
    name: 'High, monochrome',
    sps: '6764000df3650507fef016c80000030008000003019078a14cb0',
    size: '320x238',
    format: '100 0 8 8',
  },
];
const PPS = hex('68ebe3cb22c0');

describe('H264', () => {
  for (const { name, sps, size, format } of CASES) {
    it(`reads the SPS: ${name}`, () => {
      const { profile, chromaFormat, bitDepthLuma, bitDepthChroma, width, height } = parseAvcSps(hex(sps));
      assert.equal(`${width}x${height}`, size);
      assert.equal([profile, chromaFormat, bitDepthLuma, bitDepthChroma].join(' '), format);
    });
  }

  it('knows no picture that is larger than those of the highest level', () => {
    // made by hand, in macroblocks; interlaced ones count the rows of both fields
    for (const [sps, size] of [
      ['6742001eda00107c042640', '16880x2112'], // 1055x132
      ['6742001eda00840020fe40', '2112x16880'], // 132x1055
      ['6742001eda005d402eb9', '5968x5968'], // 373x373
      ['6742001eda0190010792', '1600x16864'], // 100x527, interlaced
    ] as const) {
      const { width, height } = h264Track([hex(sps)], [PPS]);
      assert.equal(`${width}x${height}`, size);
    }
    for (const [sps, value, limit] of [
      ['6742001eda00107c0083f9', 1055 * 1055, 139_264],
      ['6742001eda00107c042e40', 1055 * 133, 139_264],
      ['6742001eda005d802eb9', 374 * 373, 139_264],
      ['6742001eda0190010812', 2 * 528, 1055],
      ['6742001eda00108390', 1055, 1054],
    ] as const) {
      assert.throws(() => parseAvcSps(hex(sps)), { name: 'CodecError', value, limit });
      const track = h264Track([hex(sps)], [PPS]);
      assert.deepEqual([track.width, track.height], [0, 0]);
      assert.equal(spsProblem(track)?.value, value);
    }
    assert.equal(spsProblem(h264Track([hex(CASES[0]?.sps ?? '')], [PPS])), null);
    assert.equal(spsProblem(h264Track([], [])), null);
  });

  it('gives back the track from the record it wrote', () => {
    for (const { sps } of CASES) {
      const track = h264Track([hex(sps)], [PPS, hex('68ce0fc8')]);
      assert.deepEqual(parseAvcConfig(serializeAvcConfig(track)), { track, nalLengthSize: 4 });
    }
  });

  it('writes the record that ffmpeg writes', () => {
    const sps = '6764000dacd94141feab0110000003001000000303 20f1429960'.replaceAll(' ', '');
    const record = `0164000dffe1 001a ${sps} 01 0006 ${PPS.toString('hex')} fdf8f800`;
    assert.deepEqual(serializeAvcConfig(h264Track([hex(sps)], [PPS])), hex(record));
    const baseline = '6742c00dda0507faac0440000003004000000c83c50aa8';
    const plain = `0142c00dffe1 0017 ${baseline} 01 0006 ${PPS.toString('hex')}`;
    assert.deepEqual(serializeAvcConfig(h264Track([hex(baseline)], [PPS])), hex(plain));
  });

  it('reads other length sizes, and parameter sets that it cannot read, as 0x0', () => {
    const { track, nalLengthSize } = parseAvcConfig(hex('01 42c00d fd e1 0004 6742c00d 01 0002 68ce'));
    assert.equal(nalLengthSize, 2);
    assert.deepEqual(track, h264Track([hex('6742c00d')], [hex('68ce')]));
    assert.deepEqual([track.width, track.height], [0, 0]);
    assert.deepEqual([h264Track([], []).width, h264Track([], []).height], [0, 0]);
  });

  it('refuses records that are cut, of another version, or without an SPS', () => {
    const record = serializeAvcConfig(h264Track([hex(CASES[0]?.sps ?? '')], [PPS]));
    for (let length = 0; length < record.length; length++) {
      assert.throws(() => parseAvcConfig(record.subarray(0, length)), CodecError, `cut to ${length} bytes`);
    }
    assert.throws(() => parseAvcConfig(hex('02 42c00d ff e0 00')), { message: /version 2, 1 is known/ });
    assert.throws(() => parseAvcConfig(hex('01 42c00d ff e0 00')), { message: /no SPS/ });
    assert.throws(() => parseAvcConfig(hex('01 42c00d ff e1 0002 6742 00')), { value: 2, limit: 4 });
    assert.throws(() => serializeAvcConfig(h264Track([], [])), CodecError);
    const many = Array.from({ length: 32 }, () => hex('6742c00d'));
    assert.throws(() => serializeAvcConfig(h264Track(many, [])), { value: 32, limit: 31 });
    assert.throws(() => serializeAvcConfig(h264Track([Buffer.alloc(65_536)], [])), { value: 65_536, limit: 65_535 });
  });

  it('bounds size and cropping', () => {
    // Baseline, level 1; all ids 0, poc type 2, one reference frame, then width and height as ue(v)
    const build = (bits: string): Buffer => {
      const padded = `${bits}1`.padEnd(Math.ceil((bits.length + 1) / 8) * 8, '0');
      return Buffer.from([0x67, 66, 0, 10, ...(padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))]);
    };
    const start = '1' + '1' + '011' + '010' + '0';
    assert.equal(parseAvcSps(build(`${start}11100`)).width, 16);
    // pic_width_in_mbs_minus1 of 2047
    assert.throws(() => parseAvcSps(build(`${start}${'0'.repeat(11)}1${'0'.repeat(11)}1110`)), {
      value: 2047,
      limit: 1054,
    });
    // cropped by 4 + 4 pairs of columns of 16
    assert.throws(() => parseAvcSps(build(`${start}11101001010010111`)), { value: 16, limit: 15 });
  });

  it('ends in a result or a CodecError, whatever the bytes', () => {
    const orCodecError = (run: () => unknown): void => {
      try {
        run();
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
      }
    };
    const sps = hex(CASES[4]?.sps ?? '');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(sps.length), (bytes, cut) => {
        const garbage = Buffer.from(bytes);
        orCodecError(() => parseAvcSps(garbage));
        orCodecError(() => parseAvcSps(Buffer.concat([sps.subarray(0, cut), garbage])));
        orCodecError(() => parseAvcConfig(Buffer.concat([Buffer.from([1]), garbage])));
      }),
    );
  });
});
