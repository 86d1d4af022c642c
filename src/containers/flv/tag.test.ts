/** FLV's framing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlvHeader, serializeFlvHeader, TAG_TYPE, writeTag } from './tag.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('FLV tags', () => {
  it('writes the 13 bytes that open a file', () => {
    assert.deepEqual(serializeFlvHeader(5), hex('464c56 01 05 00000009 00000000'));
    assert.deepEqual(parseFlvHeader(serializeFlvHeader(4)), { flags: 4, length: 9 });
  });

  it('writes a tag with its timestamp modulo 2^32', () => {
    assert.deepEqual(
      writeTag(TAG_TYPE.audio, 0x01020304, hex('af01'), hex('21')),
      hex('08 000003 020304 01 000000 af0121 0000000e'),
    );
    const timestamp = (ms: number): string => writeTag(TAG_TYPE.video, ms).toString('hex', 4, 8);
    assert.equal(timestamp(0), '00000000');
    assert.equal(timestamp(39.5), '00002800');
    assert.equal(timestamp(-1), 'ffffffff');
    assert.equal(timestamp(2 ** 32 + 5), '00000500');
    assert.equal(timestamp(2 ** 31), '00000080');
    assert.equal(timestamp(2 ** 32 - 0.5), '00000000');
  });

  it('refuses a body that no tag can hold, and headers that are not FLV', () => {
    const half = Buffer.alloc(0x800000);
    assert.throws(() => writeTag(TAG_TYPE.video, 0, half, half), {
      name: 'FlvError',
      value: 0x1000000,
      limit: 0xffffff,
    });
    assert.throws(() => parseFlvHeader(hex('464c57 01 05 00000009')), { name: 'FlvError' });
    assert.throws(() => parseFlvHeader(hex('464c56 01 05 00000008')), { name: 'FlvError', value: 8 });
    assert.throws(() => parseFlvHeader(hex('464c56 01 05 00000401')), { name: 'FlvError', value: 1025, limit: 1024 });
  });
});
