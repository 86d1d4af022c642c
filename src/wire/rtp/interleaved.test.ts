/** Batches of interleaved packets, taken apart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstRtp, splitInterleaved, writeInterleavedHeader } from './interleaved.ts';
import { serializeRtpPacket } from './packet.ts';

function framed(channel: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(4);
  writeInterleavedHeader(header, 0, channel, bytes.length);
  return Buffer.concat([header, bytes]);
}

function rtp(sequence: number, timestamp: number): Buffer {
  return serializeRtpPacket({
    marker: false,
    payloadType: 96,
    sequence,
    timestamp,
    ssrc: 1,
    payload: Buffer.from('x'),
  });
}

describe('interleaved batches', () => {
  const batch = Buffer.concat([
    framed(1, Buffer.alloc(8)),
    framed(2, rtp(7, 700)),
    framed(0, rtp(65_535, 2 ** 32 - 1)),
    framed(0, rtp(0, 0)),
  ]);

  it('are split into packets', () => {
    const found: [number, number, number][] = [];
    splitInterleaved(batch, (channel, start, end) => found.push([channel, start, end]));
    assert.deepEqual(found, [
      [1, 4, 12],
      [2, 16, 29],
      [0, 33, 46],
      [0, 50, 63],
    ]);
    assert.equal(batch.subarray(0, 4).toString('hex'), '24010008');
  });

  it('end where there is no more whole packet', () => {
    for (const bad of [batch.subarray(0, 20), Buffer.concat([batch.subarray(0, 12), Buffer.from('RTSP/1.0')])]) {
      const channels: number[] = [];
      splitInterleaved(bad, (channel) => channels.push(channel));
      assert.deepEqual(channels, [1]);
    }
  });

  it('tell the first RTP packet of a channel', () => {
    assert.deepEqual(firstRtp(batch, 0), { sequence: 65_535, rtptime: 2 ** 32 - 1 });
    assert.deepEqual(firstRtp(batch, 2), { sequence: 7, rtptime: 700 });
    assert.equal(firstRtp(batch, 4), null);
    assert.equal(firstRtp(Buffer.alloc(0), 0), null);
  });
});
