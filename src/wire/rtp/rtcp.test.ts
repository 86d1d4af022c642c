/** RTCP: bytes by RFC 3550 6.4 to 6.6, and lengths that lie. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  parseRtcp,
  type ReportBlock,
  type RtcpPacket,
  serializeBye,
  serializeReceiverReport,
  serializeSenderReport,
} from './rtcp.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const BLOCK: ReportBlock = {
  ssrc: 0x11111111,
  fractionLost: 64,
  cumulativeLost: -2,
  highestSequence: 0x00010002,
  jitter: 7,
  lastSenderReport: 0xaaaabbbb,
  delaySinceLast: 65536,
};
const BLOCK_HEX = '11111111 40fffffe 00010002 00000007 aaaabbbb 00010000';
// 2026-11-25 00:00:00.500 UTC
const UNIX_MS = Date.UTC(2026, 10, 25) + 500;
const SR_HEX = '80c8 0006 deadbeef eeb0a380 80000000 00015f90 00000003 00000400';
const SDES_HEX = '81ca 0003 deadbeef 0103 616263 000000';

describe('RTCP', () => {
  const cases: readonly { name: string; bytes: string; packets: RtcpPacket[] }[] = [
    { name: 'nothing', bytes: '', packets: [] },
    {
      name: 'a sender report and SDES',
      bytes: SR_HEX + SDES_HEX,
      packets: [
        {
          type: 'sender-report',
          ssrc: 0xdeadbeef,
          unixMs: UNIX_MS,
          ntpMiddle: 0xa3808000,
          rtpTimestamp: 90_000,
          packets: 3,
          octets: 1024,
          blocks: [],
        },
        { type: 'other', packetType: 202 },
      ],
    },
    {
      name: 'a sender without a clock, with a block',
      bytes: `81c8 000c 00000001 00000000 00000000 00000002 00000000 00000000 ${BLOCK_HEX}`,
      packets: [
        {
          type: 'sender-report',
          ssrc: 1,
          unixMs: null,
          ntpMiddle: 0,
          rtpTimestamp: 2,
          packets: 0,
          octets: 0,
          blocks: [BLOCK],
        },
      ],
    },
    {
      name: 'a receiver report',
      bytes: `81c9 0007 00000009 ${BLOCK_HEX}`,
      packets: [{ type: 'receiver-report', ssrc: 9, blocks: [BLOCK] }],
    },
    {
      name: 'BYE with a reason',
      bytes: '82cb 0003 00000001 00000002 02 6f6b 00',
      packets: [{ type: 'bye', ssrcs: [1, 2] }],
    },
    { name: 'a type of later days', bytes: '80cf 0001 00000001', packets: [{ type: 'other', packetType: 207 }] },
  ];
  for (const { name, bytes, packets } of cases) {
    it(`reads: ${name}`, () => assert.deepEqual(parseRtcp(hex(bytes)), packets));
  }

  const refused: readonly { name: string; bytes: string; problem: RegExp }[] = [
    { name: 'a cut header', bytes: '80c8 00', problem: /3 bytes where an RTCP header of 4/ },
    { name: 'another version', bytes: '00c8 0000', problem: /version 0, 2 is known/ },
    { name: 'a length beyond the data', bytes: '80c9 ffff 00000001', problem: /says 262144 bytes, 8 are there/ },
    {
      name: 'a report shorter than its fields',
      bytes: '80c8 0001 00000001',
      problem: /sender report of 8 bytes, its fields need 28/,
    },
    {
      name: 'blocks that are not there',
      bytes: '9fc9 0001 00000001',
      problem: /receiver report of 8 bytes, its fields need 752/,
    },
    { name: 'sources that are not there', bytes: '9fcb 0001 00000001', problem: /BYE of 8 bytes, its fields need 128/ },
    { name: 'rubbish after a packet', bytes: `${SR_HEX} 00`, problem: /1 bytes where/ },
  ];
  for (const { name, bytes, problem } of refused) {
    it(`refuses: ${name}`, () => {
      const result = parseRtcp(hex(bytes));
      assert.ok('problem' in result);
      assert.match(result.problem, problem);
    });
  }

  it('writes reports with their CNAME, and BYE', () => {
    const info = { ssrc: 0xdeadbeef, unixMs: UNIX_MS, rtpTimestamp: 90_000, packets: 3, octets: 1024 };
    assert.deepEqual(serializeSenderReport(info, 'abc'), hex(SR_HEX + SDES_HEX));
    assert.deepEqual(
      serializeReceiverReport(0xdeadbeef, [BLOCK], 'abc'),
      hex(`81c9 0007 deadbeef ${BLOCK_HEX} ${SDES_HEX}`),
    );
    assert.deepEqual(serializeBye(0xdeadbeef, 'abc'), hex(`80c9 0001 deadbeef ${SDES_HEX} 81cb 0001 deadbeef`));
    for (const length of [0, 1, 2, 3, 4, 5, 255, 300]) {
      const packets = parseRtcp(serializeSenderReport(info, 'x'.repeat(length)));
      assert.ok(!('problem' in packets) && packets.length === 2, `a CNAME of ${length}`);
    }
  });

  it('ends in a result, whatever the bytes', () => {
    const good = hex(SR_HEX + SDES_HEX);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(good.length), (bytes, cut) => {
        parseRtcp(Buffer.from(bytes));
        parseRtcp(Buffer.concat([good.subarray(0, cut), bytes]));
      }),
    );
  });
});
