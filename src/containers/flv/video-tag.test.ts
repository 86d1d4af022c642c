/** Video tag bodies: legacy and enhanced, both ways. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { VideoFrame } from '../../media/index.ts';
import { h264Track, h265Track, MAX_NAL_UNITS, serializeAvcConfig, serializeHevcConfig } from '../../media/index.ts';
import type { VideoTag } from './video-tag.ts';
import { VideoTagParser, videoConfigTagBody, videoTagBody, videoTagPrefix, videoTagPrefixSize } from './video-tag.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const AVC = h264Track([hex('6742c00dda0507faac0440000003004000000c83c50aa8')], [hex('68ce0fc8')]);
const HEVC = h265Track(
  [hex('40010c01ffff0408000003009e0800000300003c959809')],
  [hex('4201010408000003009e0800000300003c90014101e392b2caca94985e02d0100000030010000003019080')],
  [hex('4401c073c189')],
);
const AVCC = serializeAvcConfig(AVC).toString('hex');
const HVCC = serializeHevcConfig(HEVC).toString('hex');
const NAL = '00000003 658880';
const avc1 = '61766331';
const hvc1 = '68766331';

/** What the last of these bodies gives. */
function parse(...bodies: readonly string[]): VideoTag {
  const parser = new VideoTagParser();
  let tag: VideoTag = { kind: 'ignored', why: '' };
  for (const body of bodies) tag = parser.parse(hex(body));
  return tag;
}

const frame = (codec: 'H264' | 'H265', key: boolean, compositionTime: number): VideoTag => ({
  kind: 'frame',
  codec,
  key,
  compositionTime,
  data: hex(NAL),
});

describe('video tag, legacy', () => {
  const config = `17 00 000000 ${AVCC}`;

  it('reads sequence headers', () => {
    assert.deepEqual(parse(config), { kind: 'config', track: AVC });
    assert.deepEqual(parse(`1c 00 000000 ${HVCC}`), { kind: 'config', track: HEVC });
    assert.deepEqual(parse('17 00 000000'), { kind: 'ignored', why: 'empty video sequence header' });
  });

  it('reads frames, with composition times of either sign', () => {
    assert.deepEqual(parse(config, `17 01 000050 ${NAL}`), frame('H264', true, 80));
    assert.deepEqual(parse(config, `27 01 ffffd8 ${NAL}`), frame('H264', false, -40));
    assert.deepEqual(parse(config, `37 01 7fffff ${NAL}`), frame('H264', false, 0x7fffff));
    assert.deepEqual(parse(`1c 00 000000 ${HVCC}`, `1c 01 000000 ${NAL}`), frame('H265', true, 0));
  });

  it('copies nothing where lengths have 4 bytes, and rewrites others to 4', () => {
    const parser = new VideoTagParser();
    parser.parse(hex(config));
    const body = hex(`17 01 000000 ${NAL}`);
    const tag = parser.parse(body);
    assert.ok(tag.kind === 'frame' && tag.data.buffer === body.buffer && tag.data.byteOffset === body.byteOffset + 5);
    const short = config.replace('42c00dff', '42c00dfd');
    assert.notEqual(short, config);
    assert.deepEqual(parse(short, '17 01 000000 0003 658880 0001 41'), {
      ...frame('H264', true, 0),
      data: hex(`${NAL} 00000001 41`),
    });
    assert.equal(parse(short, '17 01 000000 0004 658880').kind, 'corrupt');
  });

  it('passes parameter sets in band on as they are', () => {
    const data = `00000002 6742 00000002 68ce ${NAL}`;
    assert.deepEqual(parse(config, `17 01 000000 ${data}`), { ...frame('H264', true, 0), data: hex(data) });
  });

  it('knows the end of the sequence, and what to leave out', () => {
    assert.deepEqual(parse('17 02 000000'), { kind: 'end-of-sequence' });
    for (const bodies of [
      [''],
      ['57 00'],
      [config, '27 01 000000'],
      [config, '27 03 000000'],
      [`17 01 000000 ${NAL}`],
    ]) {
      assert.equal(parse(...bodies).kind, 'ignored', bodies.join());
    }
    assert.deepEqual(parse(config, `1c 01 000000 ${NAL}`), { kind: 'ignored', why: 'H265 before its sequence header' });
    assert.deepEqual(parse('24 00'), { kind: 'unsupported', codecName: 'VP6' });
    assert.deepEqual(parse('29'), { kind: 'unsupported', codecName: 'FLV video codec 9' });
  });

  it('says what is corrupt', () => {
    for (const bodies of [['17'], ['17 00 0000'], ['17 00 000000 01'], [config, '17 01 000000 00000004 658880']]) {
      const tag = parse(...bodies);
      assert.ok(tag.kind === 'corrupt' && tag.why !== '', bodies.join());
    }
  });
});

describe('video tag, enhanced', () => {
  const avc = `90 ${avc1} ${AVCC}`;
  const hevc = `90 ${hvc1} ${HVCC}`;

  it('reads sequence start, coded frames and sequence end', () => {
    assert.deepEqual(parse(avc), { kind: 'config', track: AVC });
    assert.deepEqual(parse(hevc), { kind: 'config', track: HEVC });
    assert.deepEqual(parse(avc, `91 ${avc1} 000028 ${NAL}`), frame('H264', true, 40));
    assert.deepEqual(parse(hevc, `a1 ${hvc1} ffffff ${NAL}`), frame('H265', false, -1));
    assert.deepEqual(parse(hevc, `93 ${hvc1} ${NAL}`), frame('H265', true, 0));
    assert.deepEqual(parse(`92 ${hvc1}`), { kind: 'end-of-sequence' });
  });

  it('leaves metadata and commands out', () => {
    assert.equal(parse(`94 ${hvc1} 02 0009 636f6c6f72496e666f`).kind, 'ignored');
    assert.equal(parse(`d4 ${hvc1} 05`).kind, 'ignored');
    assert.deepEqual(parse('d1 00'), { kind: 'ignored', why: 'video command' });
    assert.equal(parse(`95 ${hvc1}`).kind, 'ignored');
  });

  it('skips ModEx of every size', () => {
    const nano = '02 0003e8';
    assert.deepEqual(parse(avc, `97 ${nano} 01 ${avc1} 000028 ${NAL}`), frame('H264', true, 40));
    assert.deepEqual(parse(avc, `97 ${nano} 07 00 aa 03 ${avc1} ${NAL}`), frame('H264', true, 0));
    const long = `ff 012b ${'00'.repeat(300)}`;
    assert.deepEqual(parse(avc, `97 ${long} 03 ${avc1} ${NAL}`), frame('H264', true, 0));
    for (const cut of ['97', '97 02', '97 02 0000', '97 02 000000', '97 ff 01', '97 00 00 01 617663']) {
      assert.equal(parse(cut).kind, 'corrupt', cut);
    }
  });

  it('takes track 0 of several', () => {
    assert.deepEqual(parse(avc, `96 01 ${avc1} 00 000028 ${NAL}`), frame('H264', true, 40));
    assert.equal(parse(avc, `96 01 ${avc1} 01 000028 ${NAL}`).kind, 'ignored');
    const many = `96 13 ${avc1} 01 000002 0000 00 000007 ${NAL}`;
    assert.deepEqual(parse(avc, many), frame('H264', true, 0));
    const codecs = `96 23 61763031 01 000001 ff ${hvc1} 00 000007 ${NAL} ${avc1} 02 000000`;
    assert.deepEqual(parse(hevc, codecs), frame('H265', true, 0));
    for (const cut of ['96', '96 33', `96 13 ${avc1}`.slice(0, -2), `96 13 ${avc1} 00 000009 00`, '96 13 617663']) {
      assert.equal(parse(cut).kind, 'corrupt', cut);
    }
  });

  it('names the codecs that it does not carry', () => {
    assert.deepEqual(parse('90 61763031 81'), { kind: 'unsupported', codecName: 'av01' });
    assert.deepEqual(parse('90 00010203'), { kind: 'unsupported', codecName: '0x00010203' });
  });

  it('says what is corrupt', () => {
    for (const bodies of [['90'], ['90 6176'], [`90 ${avc1} 01`], [avc, `91 ${avc1} 0000`], [avc, `93 ${avc1} 0001`]]) {
      assert.equal(parse(...bodies).kind, 'corrupt', bodies.join());
    }
  });
});

describe('video tag of too many NAL units', () => {
  const units = (count: number, one: string): Buffer => Buffer.alloc((count * one.length) / 2, one, 'hex');

  it('is left out with the reason, whatever the size of lengths; of as many as there may be it is read', () => {
    for (const [size, one] of [
      [4, '0000000141'],
      [2, '000141'],
    ] as const) {
      const parser = new VideoTagParser();
      const config = videoConfigTagBody(AVC);
      config[9] = 0xfc | (size - 1);
      assert.equal(parser.parse(config).kind, 'config');
      const most = parser.parse(Buffer.concat([hex('2701000000'), units(MAX_NAL_UNITS, one)]));
      assert.ok(most.kind === 'frame' && most.data.equals(units(MAX_NAL_UNITS, '0000000141')));
      const more = parser.parse(Buffer.concat([hex('2701000000'), units(MAX_NAL_UNITS + 1, one)]));
      const why = 'an access unit has 8193 NAL units and more, at most 8192 are allowed';
      assert.deepEqual(more, { kind: 'excessive', why });
    }
  });
});

describe('video tag, written', () => {
  it('gives back tracks and frames, however H265 is tagged', () => {
    const time = fc.double({ min: 0, max: 1e6, noNaN: true });
    const any = fc.record({ key: fc.boolean(), dts: time, delay: fc.integer({ min: -5000, max: 5000 }) });
    for (const track of [AVC, HEVC]) {
      for (const tagging of ['codec-id-12', 'enhanced'] as const) {
        const parser = new VideoTagParser();
        assert.deepEqual(parser.parse(videoConfigTagBody(track, tagging)), { kind: 'config', track });
        fc.assert(
          fc.property(any, ({ key, dts, delay }) => {
            const pts = dts + delay;
            const input: VideoFrame = { kind: 'video', codec: track.codec, dts, pts, key, data: hex(NAL) };
            const expected = frame(track.codec, key, Math.round(pts) - Math.round(dts));
            assert.deepEqual(parser.parse(videoTagBody(input, tagging)), expected);
          }),
        );
      }
    }
  });

  it('writes the bytes that players expect', () => {
    const input: VideoFrame = { kind: 'video', codec: 'H265', dts: 0, pts: 40, key: true, data: hex(NAL) };
    assert.deepEqual(videoTagBody(input), hex(`1c 01 000028 ${NAL}`));
    assert.deepEqual(videoTagBody(input, 'enhanced'), hex(`91 ${hvc1} 000028 ${NAL}`));
    assert.deepEqual(videoTagBody({ ...input, codec: 'H264', key: false }, 'enhanced'), hex(`27 01 000028 ${NAL}`));
  });

  it('writes the prefix in place and holds composition times within 24 bits', () => {
    const target = Buffer.alloc(20, 0xee);
    const input: VideoFrame = { kind: 'video', codec: 'H264', dts: 0, pts: 1e9, key: false, data: hex(NAL) };
    assert.equal(videoTagPrefix(input, target, 3), videoTagPrefixSize('H264'));
    assert.equal(target.toString('hex', 2, 9), 'ee27017fffffee');
    assert.equal(videoTagPrefix({ ...input, codec: 'H265', pts: -1e9 }, target, 3, 'enhanced'), 8);
    assert.equal(videoTagPrefixSize('H265', 'enhanced'), 8);
    assert.equal(target.toString('hex', 2, 12), `eea1${hvc1}800000ee`);
  });

  it('parse never throws, whatever the bytes', () => {
    const start = fc.constantFrom(
      '1700000000',
      '1701000000',
      '1c00000000',
      '90',
      '91',
      '93',
      '96',
      '97',
      `90${hvc1}`,
      '',
    );
    const parser = new VideoTagParser();
    parser.parse(videoConfigTagBody(AVC));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 60 }), (head, bytes) => {
        const tag = parser.parse(Buffer.concat([hex(head), bytes]));
        assert.ok(['config', 'frame', 'end-of-sequence', 'ignored', 'unsupported', 'corrupt'].includes(tag.kind));
      }),
      { numRuns: 1000 },
    );
  });
});
