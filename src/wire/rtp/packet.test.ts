/** RTP packets: bytes by RFC 3550 5.1, and what is refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRtpPacket, type RtpPacket, serializeRtpPacket } from './packet.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const HEADER = '80e0 1234 0000ffff deadbeef';
const PACKET: RtpPacket = {
  marker: true,
  payloadType: 96,
  sequence: 0x1234,
  timestamp: 0xffff,
  ssrc: 0xdeadbeef,
  payload: hex('0102'),
};

describe('RTP packets', () => {
  const read: readonly { name: string; bytes: string; packet: RtpPacket }[] = [
    { name: 'plain', bytes: `${HEADER} 0102`, packet: PACKET },
    { name: 'no payload', bytes: HEADER, packet: { ...PACKET, payload: Buffer.alloc(0) } },
    { name: 'no marker', bytes: `8008 ${HEADER.slice(4)} 0102`, packet: { ...PACKET, marker: false, payloadType: 8 } },
    { name: 'two CSRCs', bytes: `82${HEADER.slice(2)} 11111111 22222222 0102`, packet: PACKET },
    { name: 'an extension', bytes: `90${HEADER.slice(2)} bede 0001 aabbccdd 0102`, packet: PACKET },
    { name: 'an empty extension', bytes: `90${HEADER.slice(2)} bede 0000 0102`, packet: PACKET },
    { name: 'padding', bytes: `a0${HEADER.slice(2)} 0102 000003`, packet: PACKET },
    { name: 'all of it', bytes: `b1${HEADER.slice(2)} 11111111 bede 0001 aabbccdd 0102 01`, packet: PACKET },
    { name: 'padding alone', bytes: `a0${HEADER.slice(2)} 0002`, packet: { ...PACKET, payload: Buffer.alloc(0) } },
  ];
  for (const { name, bytes, packet } of read) {
    it(`reads: ${name}`, () => assert.deepEqual(parseRtpPacket(hex(bytes)), packet));
  }

  const refused: readonly { name: string; bytes: string; problem: RegExp }[] = [
    { name: 'nothing', bytes: '', problem: /of 0 bytes, its header alone has 12/ },
    { name: 'a cut header', bytes: HEADER.slice(0, -2), problem: /of 11 bytes/ },
    { name: 'version 1', bytes: `40${HEADER.slice(2)}`, problem: /version 1, 2 is known/ },
    {
      name: 'CSRCs that are not there',
      bytes: `8f${HEADER.slice(2)} 00`,
      problem: /header of 72 bytes in a packet of 13/,
    },
    { name: 'no extension header', bytes: `90${HEADER.slice(2)} bede`, problem: /begins at byte 12 of 14/ },
    {
      name: 'an extension beyond the end',
      bytes: `90${HEADER.slice(2)} bede ffff 00`,
      problem: /header of 262156 bytes/,
    },
    { name: 'padding of 0', bytes: `a0${HEADER.slice(2)} 0100`, problem: /0 bytes of padding, 1 to 2/ },
    { name: 'more padding than payload', bytes: `a0${HEADER.slice(2)} 0103`, problem: /3 bytes of padding, 1 to 2/ },
    { name: 'padding without a payload', bytes: `a0${HEADER.slice(2)}`, problem: /padding, 1 to 0/ },
  ];
  for (const { name, bytes, problem } of refused) {
    it(`refuses: ${name}`, () => {
      const result = parseRtpPacket(hex(bytes));
      assert.ok('problem' in result);
      assert.match(result.problem, problem);
    });
  }

  it('writes what it reads, and ends in a result whatever the bytes', () => {
    assert.deepEqual(serializeRtpPacket(PACKET), hex(`${HEADER} 0102`));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const parsed = parseRtpPacket(Buffer.concat([Buffer.from([0x80 | ((bytes[0] ?? 0) & 0x3f)]), bytes]));
        if (!('problem' in parsed)) assert.deepEqual(parseRtpPacket(serializeRtpPacket(parsed)), parsed);
      }),
    );
  });
});
