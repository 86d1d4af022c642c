/** The numbers of a receiver report. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RtpPacket } from './packet.ts';
import { Reception } from './reception.ts';

function packet(sequence: number, timestamp = 0, ssrc = 1): RtpPacket {
  return { marker: false, payloadType: 0, sequence: sequence & 0xffff, timestamp, ssrc, payload: Buffer.alloc(0) };
}

describe('a receiver report', () => {
  it('counts what is lost, over the wrap, since the last report and in all', () => {
    const reception = new Reception(8000);
    assert.equal(reception.takeBlock(0), null);
    for (const sequence of [65_530, 65_531, 65_533, 65_534, 1, 0]) reception.push(packet(sequence), 0);
    // 8 expected, 6 came
    const block = reception.takeBlock(0);
    assert.deepEqual([block?.fractionLost, block?.cumulativeLost, block?.highestSequence], [64, 2, 65_537]);
    for (const sequence of [2, 3, 4, 5]) reception.push(packet(sequence), 0);
    const next = reception.takeBlock(0);
    assert.deepEqual([next?.fractionLost, next?.cumulativeLost, next?.highestSequence], [0, 2, 65_541]);
    reception.push(packet(5), 0);
    assert.equal(reception.takeBlock(0)?.cumulativeLost, 1);
  });

  it('has the jitter of RFC 3550 A.8', () => {
    const reception = new Reception(8000);
    reception.push(packet(1, 2 ** 32 - 160), 1000);
    reception.push(packet(2, 0), 1020);
    assert.equal(reception.takeBlock(0)?.jitter, 0);
    // 10 ms late: 80 ticks, of which a 16th counts
    reception.push(packet(3, 160), 1050);
    assert.equal(reception.takeBlock(0)?.jitter, 5);
  });

  it('says when the last sender report came', () => {
    const reception = new Reception(8000);
    reception.push(packet(1), 0);
    assert.deepEqual([reception.takeBlock(0)?.lastSenderReport, reception.takeBlock(0)?.delaySinceLast], [0, 0]);
    reception.pushReport(0xabcd1234, 1000);
    const block = reception.takeBlock(1500);
    assert.deepEqual([block?.lastSenderReport, block?.delaySinceLast], [0xabcd1234, 32_768]);
  });

  it('begins anew with another sender', () => {
    const reception = new Reception(8000);
    for (const sequence of [1, 5]) reception.push(packet(sequence), 0);
    for (const sequence of [9, 10]) reception.push(packet(sequence, 0, 2), 0);
    const block = reception.takeBlock(0);
    assert.deepEqual([block?.ssrc, block?.cumulativeLost, block?.highestSequence], [2, 0, 10]);
  });
});
