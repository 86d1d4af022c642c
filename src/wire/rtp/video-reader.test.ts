/** H264 out of packets: every kind of payload by RFC 6184, where access units end, and what a loss takes with it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_NAL_UNITS } from '../../media/index.ts';
import { MAX_ACCESS_UNIT_BYTES } from './access-unit.ts';
import type { RtpMedia } from './media.ts';
import { base64, H264, H264_IN_BAND, hex, PPS, read, SPS, type Step } from './video-reader.fixture.ts';

/** An IDR slice that begins its picture, one that does not, and such of other pictures. */
const IDR = '65888421';
const IDR_REST = '65078421';
const P = '41e02215';
const P_REST = '41072215';

describe('H264', () => {
  const cases: readonly { name: string; media?: RtpMedia; steps: Step[]; frames: string[]; dropped?: number }[] = [
    {
      name: 'single NAL units',
      steps: [
        { p: IDR, m: true },
        { p: P, t: 1, m: true },
      ],
      frames: [`K0 ${IDR}`, `1 ${P}`],
    },
    {
      name: 'a STAP-A with parameter sets, SEI and delimiter',
      media: H264_IN_BAND,
      steps: [{ p: `18 0002 09f0 0017 ${SPS} 0004 ${PPS} 0003 060102 0004 ${IDR}`, m: true }],
      frames: [`K0 060102 ${IDR}`],
    },
    {
      name: 'a FU-A in three',
      steps: [{ p: '7c85 8884' }, { p: '7c05 2122' }, { p: '7c45 23', m: true }],
      frames: ['K0 658884212223'],
    },
    { name: 'a FU-A that is both begin and end', steps: [{ p: '7cc5 888421', m: true }], frames: [`K0 ${IDR}`] },
    { name: 'several slices', steps: [{ p: IDR }, { p: IDR_REST, m: true }], frames: [`K0 ${IDR} ${IDR_REST}`] },
    {
      name: 'no marker at all',
      steps: [{ p: IDR }, { p: P, t: 1 }, { p: P, t: 2 }],
      frames: [`K0 ${IDR}`, `1 ${P}`],
    },
    {
      name: 'parameter sets with a marker and a time of their own',
      media: H264_IN_BAND,
      steps: [
        { p: SPS, m: true },
        { p: PPS, m: true },
        { p: IDR, t: 1, m: true },
      ],
      frames: [`K1 ${IDR}`],
    },
    {
      name: 'a delimiter between access units of one timestamp',
      steps: [{ p: IDR }, { p: '09f0' }, { p: P }, { p: P, t: 1, m: true }],
      frames: [`K0 ${IDR}`, `0.025 ${P}`, `1 ${P}`],
    },
    { name: 'empty payloads', steps: [{ p: '' }, { p: IDR }, { p: '', m: true }], frames: [`K0 ${IDR}`] },
    {
      name: 'nothing before the first key frame',
      steps: [
        { p: P, m: true },
        { p: IDR, t: 1, m: true },
      ],
      frames: [`K1 ${IDR}`],
    },
    { name: 'nothing without parameter sets', media: H264_IN_BAND, steps: [{ p: IDR, m: true }], frames: [] },
    {
      name: 'after a loss, nothing up to the next key frame',
      steps: [
        { p: IDR, m: true },
        { p: P, t: 2, m: true, lost: 1 },
        { p: P, t: 3, m: true },
        { p: IDR, t: 4, m: true },
      ],
      frames: [`K0 ${IDR}`, `K4 ${IDR}`],
      dropped: 2,
    },
    {
      name: 'a loss within a fragmented NAL unit',
      steps: [
        { p: IDR, m: true },
        { p: '7c81 e022', t: 1 },
        { p: '7c41 23', m: true, lost: 1 },
        { p: P, t: 2, m: true },
      ],
      frames: [`K0 ${IDR}`],
      dropped: 2,
    },
    {
      name: 'a loss of the first slice of a key frame',
      steps: [
        { p: IDR, m: true },
        { p: IDR_REST, t: 1, m: true, lost: 1 },
        { p: IDR, t: 2, m: true },
      ],
      frames: [`K0 ${IDR}`, `K2 ${IDR}`],
      dropped: 1,
    },
    {
      name: 'a loss of the last slice of a key frame',
      steps: [
        { p: IDR, m: true },
        { p: IDR, t: 1 },
        { p: P, t: 2, m: true, lost: 1 },
        { p: IDR, t: 3, m: true },
      ],
      frames: [`K0 ${IDR}`, `K3 ${IDR}`],
      dropped: 2,
    },
    {
      name: 'a loss right before a key frame that is whole',
      steps: [
        { p: IDR, m: true },
        { p: IDR, t: 1, lost: 1 },
        { p: IDR_REST, m: true },
      ],
      frames: [`K0 ${IDR}`, `K1 ${IDR} ${IDR_REST}`],
    },
    {
      name: 'a sender that begins anew',
      steps: [
        { p: IDR, m: true },
        { p: P, t: 1, m: true, restarted: true },
        { p: IDR, t: 2, m: true },
      ],
      frames: [`K0 ${IDR}`, `K2 ${IDR}`],
      dropped: 1,
    },
  ];
  for (const { name, media, steps, frames, dropped } of cases) {
    it(name, () => {
      const result = read(media ?? H264, steps);
      assert.deepEqual(result.frames, frames);
      assert.deepEqual(result.problems, []);
      assert.equal(result.dropped, dropped ?? 0);
    });
  }

  const refused: readonly { name: string; p: string; problem: RegExp }[] = [
    { name: 'STAP-B', p: `19 0001 0004 ${P}`, problem: /type 25 \(STAP-B\), which belongs to the interleaved mode/ },
    { name: 'MTAP16', p: '1a 0000', problem: /MTAP16/ },
    { name: 'MTAP24', p: '1b 0000', problem: /MTAP24/ },
    { name: 'FU-B', p: '7d81 0000', problem: /FU-B/ },
    { name: 'a reserved type', p: '1e 00', problem: /reserved type 30/ },
    {
      name: 'a STAP-A whose unit is longer than it',
      p: `18 0005 ${P}`,
      problem: /5 bytes in a STAP-A that has 4 left/,
    },
    { name: 'a STAP-A that ends in a size', p: `18 0004 ${P} 00`, problem: /1 byte where the size/ },
    { name: 'a FU-A of two bytes', p: '7c81', problem: /FU-A of 2 bytes, at least 3/ },
    { name: 'a fragment without a beginning', p: '7c01 aa', problem: /whose beginning did not come/ },
  ];
  for (const { name, p, problem } of refused) {
    it(`refuses ${name}, and goes on at the next key frame`, () => {
      const result = read(H264, [
        { p: IDR, m: true },
        { p, t: 1, m: true },
        { p: P, t: 2, m: true },
        { p: IDR, t: 3, m: true },
      ]);
      assert.deepEqual(result.frames, [`K0 ${IDR}`, `K3 ${IDR}`]);
      assert.equal(result.problems.length, 1);
      assert.match(result.problems[0] ?? '', problem);
    });
  }

  it('refuses fragments that are not ended', () => {
    for (const [next, problem] of [
      [{ p: P, m: true }, /type 1 before the end of a fragmented NAL unit/],
      [{ p: '7c81 e022' }, /begins before the end of another/],
      [{ p: P, t: 2, m: true }, /access unit ends before the end/],
    ] as const) {
      const result = read(H264, [{ p: IDR, m: true }, { p: '7c81 e022', t: 1 }, next, { p: IDR, t: 3, m: true }]);
      assert.deepEqual(result.frames, [`K0 ${IDR}`, `K3 ${IDR}`]);
      assert.match(result.problems.join(), problem);
    }
  });

  it('finds out senders that set the marker on every slice', () => {
    const picture = (t: number, first: string, rest: string): Step[] => [
      { p: first, t, m: true },
      { p: rest, m: true },
    ];
    const result = read(H264, [
      ...picture(0, IDR, IDR_REST),
      ...picture(1, P, P_REST),
      ...picture(2, IDR, IDR_REST),
      ...picture(3, P, P_REST),
      ...picture(4, P, P_REST),
    ]);
    assert.deepEqual(result.frames, [`K0 ${IDR}`, `K2 ${IDR} ${IDR_REST}`, `3 ${P} ${P_REST}`]);
    assert.equal(result.problems.length, 1);
    assert.match(result.problems[0] ?? '', /marker is set within access units/);
  });

  it('tells the track of the session description, then those in band, where they are others', () => {
    const other = '6764000df3650507fef016c80000030008000003019078a14cb0';
    const result = read(H264, [
      { p: `18 0017 ${SPS} 0004 ${PPS} 0004 ${IDR}`, m: true },
      { p: `18 001a ${other} 0004 ${PPS} 0004 ${IDR}`, t: 1, m: true },
    ]);
    assert.deepEqual(
      result.tracks.map((track) => track.kind === 'video' && `${track.width}x${track.height}`),
      ['318x238', '320x238'],
    );
    assert.deepEqual(result.frames, [`K0 ${IDR}`, `K1 ${IDR}`]);
  });

  it('bounds an access unit', () => {
    const piece = Buffer.alloc(60_000, 0xaa);
    const start = Buffer.concat([hex('7c8588'), piece]);
    const middle = Buffer.concat([hex('7c05'), piece]);
    const steps: Step[] = [
      { p: IDR, m: true },
      { p: start, t: 1 },
    ];
    for (let bytes = 0; bytes <= MAX_ACCESS_UNIT_BYTES; bytes += piece.length) steps.push({ p: middle });
    steps.push({ p: '7c45 00', m: true }, { p: P, t: 2, m: true }, { p: IDR, t: 3, m: true });
    const result = read(H264, steps);
    assert.deepEqual(result.frames, [`K0 ${IDR}`, `K3 ${IDR}`]);
    assert.deepEqual(result.excesses, ['video: an access unit of more than 8388608 bytes']);
    assert.equal(result.dropped, 2);
  });

  it('bounds the NAL units of an access unit: so many are taken, and one more is not, however they are packed', () => {
    /** Of one byte, without a picture's beginning, in aggregates of at most 1000. */
    const rest = (count: number): Step[] =>
      Array.from({ length: Math.ceil(count / 1000) }, (_, i) => ({
        p: Buffer.concat([hex('18'), Buffer.alloc(3 * Math.min(1000, count - 1000 * i), hex('000141'))]),
        t: 1,
      }));
    const single = (count: number): Step[] => Array.from({ length: count }, () => ({ p: '41', t: 1 }));
    for (const units of [rest, single]) {
      const steps = (count: number): Step[] => [
        { p: IDR, m: true },
        { p: P, t: 1 },
        ...units(count - 1),
        { p: P, t: 2, m: true },
        { p: IDR, t: 3, m: true },
      ];
      const most = read(H264, steps(MAX_NAL_UNITS));
      assert.equal(most.frames.length, 4);
      assert.equal(most.frames[1]?.split(' ').length, 1 + MAX_NAL_UNITS);
      assert.deepEqual(most.excesses, []);
      const more = read(H264, steps(MAX_NAL_UNITS + 1));
      assert.deepEqual(more.frames, [`K0 ${IDR}`, `K3 ${IDR}`]);
      assert.deepEqual(more.excesses, ['video: an access unit of more than 8192 NAL units']);
      assert.deepEqual(more.problems, []);
      assert.equal(more.dropped, 2);
    }
  });

  it('bounds the parameter sets of an access unit, by their bytes and by their number', () => {
    const large = Buffer.concat([hex('67'), Buffer.alloc(60_000)]);
    // in a STAP-A, each of one byte
    const small = Buffer.concat([hex('18'), ...Array.from({ length: 20_000 }, () => hex('000167'))]);
    for (const [sets, times, what] of [
      [large, MAX_ACCESS_UNIT_BYTES / 60_000 + 1, '8388608 bytes'],
      [small, 1, '8192 NAL units'],
    ] as const) {
      const steps: Step[] = [{ p: IDR, m: true }];
      for (let i = 0; i < times; i++) steps.push({ p: sets, t: 1 });
      steps.push({ p: P, t: 2, m: true }, { p: IDR, t: 3, m: true });
      const result = read(H264, steps);
      assert.deepEqual(result.frames, [`K0 ${IDR}`, `K3 ${IDR}`]);
      assert.deepEqual(result.excesses, [`video: an access unit of more than ${what}`]);
    }
  });

  it('has decoding times that go up, of pictures in any order', () => {
    const pts = [0, 3, 1, 2, 6, 4, 5];
    const withBFrames = '6764000dacec141fb011000003000100000300320f142938';
    const media: RtpMedia = { ...H264, fmtp: { 'sprop-parameter-sets': `${base64(withBFrames)},${base64(PPS)}` } };
    const { all } = read(
      media,
      pts.map((t) => ({ p: t === 0 ? IDR : P, t, m: true })),
    );
    assert.deepEqual(
      all.map((frame) => [frame.dts / 40, frame.pts / 40]),
      [
        [-1, 0],
        [0, 3],
        [1, 1],
        [2, 2],
        [3, 6],
        [4, 4],
        [5, 5],
      ],
    );
  });
});
