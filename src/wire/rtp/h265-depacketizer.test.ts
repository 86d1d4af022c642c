/** H265 out of packets: every kind of payload by RFC 7798, and what a loss takes with it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RtpMedia } from './media.ts';
import { H265, H265_DON, PPS5, read, SPS5, type Step, VPS5 } from './video-reader.fixture.ts';

const IDR5 = '2601af12';
const CRA5 = '2a01af12';
const RASL5 = '1001d012';
const TRAIL5 = '0201d012';

describe('H265', () => {
  const cases: readonly { name: string; media?: RtpMedia; steps: Step[]; frames: string[]; dropped?: number }[] = [
    {
      name: 'single NAL units',
      steps: [
        { p: IDR5, m: true },
        { p: TRAIL5, t: 1, m: true },
      ],
      frames: [`K0 ${IDR5}`, `1 ${TRAIL5}`],
    },
    {
      name: 'an AP with parameter sets, delimiter and SEI',
      media: { ...H265, fmtp: {} },
      steps: [
        { p: `6001 0003 460150 0004 ${VPS5} 0029 ${SPS5} 0004 ${PPS5} 0003 4e0101`, t: 0 },
        { p: IDR5, m: true },
      ],
      frames: [`K0 4e0101 ${IDR5}`],
    },
    {
      name: 'an FU in three',
      steps: [{ p: '6201 93 af' }, { p: '6201 13 1213' }, { p: '6201 53 14', m: true }],
      frames: ['K0 2601af121314'],
    },
    {
      name: 'a single NAL unit with DONL',
      media: H265_DON,
      steps: [{ p: '2601 0007 af12', m: true }],
      frames: [`K0 ${IDR5}`],
    },
    {
      name: 'an AP with DONL and DOND',
      media: H265_DON,
      steps: [{ p: `6001 ffff 0004 ${IDR5} 00 0004 26012f12`, m: true }],
      frames: [`K0 ${IDR5} 26012f12`],
    },
    {
      name: 'an FU with DONL in its first fragment',
      media: H265_DON,
      steps: [{ p: '6201 93 0001 af' }, { p: '6201 53 12', m: true }],
      frames: [`K0 ${IDR5}`],
    },
    {
      name: 'RASL pictures after a CRA picture where decoding begins, and where it goes on',
      steps: [
        { p: CRA5, m: true, t: 4 },
        { p: RASL5, m: true, t: 3 },
        { p: TRAIL5, m: true, t: 5 },
        { p: CRA5, m: true, t: 8 },
        { p: TRAIL5, m: true, t: 9 },
      ],
      frames: [`K4 ${CRA5}`, `5 ${TRAIL5}`, `K8 ${CRA5}`, `9 ${TRAIL5}`],
      dropped: 1,
    },
    {
      name: 'after a loss, nothing up to the next random access point',
      steps: [
        { p: IDR5, m: true },
        { p: TRAIL5, t: 2, m: true, lost: 1 },
        { p: CRA5, t: 3, m: true },
        { p: TRAIL5, t: 4, m: true },
      ],
      frames: [`K0 ${IDR5}`, `K3 ${CRA5}`, `4 ${TRAIL5}`],
      dropped: 1,
    },
  ];
  for (const { name, media, steps, frames, dropped } of cases) {
    it(name, () => {
      const result = read(media ?? H265, steps);
      assert.deepEqual(result.problems, []);
      assert.deepEqual(result.frames, frames);
      assert.equal(result.dropped, dropped ?? 0);
    });
  }

  const refused: readonly { name: string; media?: RtpMedia; p: string; problem: RegExp }[] = [
    { name: 'PACI', p: '6401 0000 00', problem: /type 50, which is not read/ },
    { name: 'a payload of two bytes', p: '0201', problem: /payload of 2 bytes, its header has 2/ },
    {
      name: 'an AP whose unit is longer than it',
      p: `6001 0009 ${TRAIL5}`,
      problem: /9 bytes in an AP that has 4 left/,
    },
    { name: 'an AP that ends in a size', p: `6001 0004 ${TRAIL5} 00`, problem: /1 bytes where the size/ },
    { name: 'a fragment without a beginning', p: '6201 01 aa', problem: /whose beginning did not come/ },
    { name: 'a DONL that is cut', media: H265_DON, p: '0201 00', problem: /its DONL ends at 4/ },
    {
      name: 'another order',
      media: H265_DON,
      p: '0201 0006 d012',
      problem: /order number 6 after 7; units are read in decoding order only/,
    },
  ];
  for (const { name, media, p, problem } of refused) {
    it(`refuses ${name}, and goes on at the next key frame`, () => {
      const idr = media === undefined ? IDR5 : '2601 0007 af12';
      const result = read(media ?? H265, [
        { p: idr, m: true },
        { p, t: 1, m: true },
        { p: idr, t: 3, m: true },
      ]);
      assert.deepEqual(result.frames, [`K0 ${IDR5}`, `K3 ${IDR5}`]);
      assert.equal(result.problems.length, 1);
      assert.match(result.problems[0] ?? '', problem);
    });
  }
});
