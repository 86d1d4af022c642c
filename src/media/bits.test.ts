/** BitReader and BitWriter: fields across bytes, Exp-Golomb codes, the end of the data. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BitReader, BitWriter } from './bits.ts';
import { CodecError } from './codec-error.ts';

describe('bits', () => {
  it('gives back what was written, whatever the widths', () => {
    const field = fc
      .integer({ min: 1, max: 32 })
      .chain((width) => fc.record({ width: fc.constant(width), value: fc.integer({ min: 0, max: 2 ** width - 1 }) }));
    fc.assert(
      fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
        const writer = new BitWriter();
        for (const { value, width } of fields) writer.bits(value, width);
        const reader = new BitReader(writer.toBuffer());
        for (const { value, width } of fields) assert.equal(reader.bits(width), value);
        assert.ok(reader.bitsLeft < 8);
      }),
    );
  });

  it('reads the Exp-Golomb codes of ITU-T H.264 table 9-2 and 9-3', () => {
    // 1 010 011 00100 00101 00110 00111 0001000, then zeros
    const data = Buffer.from('a642 98e2 0400'.replaceAll(' ', ''), 'hex');
    const unsigned = new BitReader(data);
    assert.deepEqual(
      Array.from({ length: 8 }, () => unsigned.ue()),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
    const signed = new BitReader(data);
    assert.deepEqual(
      Array.from({ length: 8 }, () => signed.se() + 0),
      [0, 1, -1, 2, -2, 3, -3, 4],
    );
  });

  it('throws a CodecError where the data run out, a code is too long or a value too large', () => {
    assert.throws(() => new BitReader(Buffer.from([1])).bits(9), CodecError);
    assert.throws(() => new BitReader(Buffer.from([1])).skip(9), CodecError);
    assert.throws(() => new BitReader(Buffer.alloc(3)).ue(), CodecError);
    assert.throws(() => new BitReader(Buffer.alloc(8)).ue(), { value: 32, limit: 31 });
    assert.throws(() => new BitReader(Buffer.from([0x20])).ueUpTo(2, 'x'), { value: 3, limit: 2, message: /x is 3/ });
  });
});
