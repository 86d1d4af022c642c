/** The CRC against its published check value. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { crc32Mpeg2 } from './crc32.ts';

it('gives the check value of CRC-32/MPEG-2', () => {
  assert.equal(crc32Mpeg2(Buffer.from('123456789')), 0x0376e6e7);
  assert.equal(crc32Mpeg2(Buffer.from('x123456789y'), 1, 10), 0x0376e6e7);
});

it('is 0 over bytes with their CRC behind them', () => {
  const bytes = Buffer.concat([Buffer.from('123456789'), Buffer.from('0376e6e7', 'hex')]);
  assert.equal(crc32Mpeg2(bytes), 0);
});
