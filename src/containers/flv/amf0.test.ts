/** AMF0: one table of cases for parse and serialize, limits, and what breaks the rules. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AmfValue } from './amf-value.ts';
import {
  Amf0Error,
  amfEcmaArray,
  amfObject,
  amfProperty,
  MAX_AMF0_DEPTH,
  MAX_AMF0_STRING_BYTES,
  MAX_AMF0_VALUES,
} from './amf-value.ts';
import { Amf0Reader, parseAmf0, serializeAmf0 } from './amf0.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const LONG = 'é'.repeat(40_000);

const CASES: readonly { name: string; value: AmfValue; bytes: Buffer }[] = [
  { name: 'number', value: 1.5, bytes: hex('00 3ff8000000000000') },
  { name: 'minus zero', value: -0, bytes: hex('00 8000000000000000') },
  { name: 'not a number', value: Number.NaN, bytes: hex('00 7ff8000000000000') },
  { name: 'true', value: true, bytes: hex('01 01') },
  { name: 'false', value: false, bytes: hex('01 00') },
  { name: 'string', value: 'live', bytes: hex('02 0004 6c697665') },
  { name: 'empty string', value: '', bytes: hex('02 0000') },
  { name: 'Chinese', value: '流', bytes: hex('02 0003 e6b581') },
  { name: 'long string', value: LONG, bytes: Buffer.concat([hex('0c 00013880'), Buffer.from(LONG)]) },
  { name: 'null', value: null, bytes: hex('05') },
  { name: 'undefined', value: undefined, bytes: hex('06') },
  { name: 'reference', value: { type: 'reference', index: 258 }, bytes: hex('07 0102') },
  { name: 'date', value: { type: 'date', ms: 1000, timeZone: -60 }, bytes: hex('0b 408f400000000000 ffc4') },
  { name: 'XML', value: { type: 'xml', text: '<a/>' }, bytes: hex('0f 00000004 3c612f3e') },
  {
    name: 'object',
    value: amfObject({ a: 1.5, '': null }),
    bytes: hex('03 0001 61 00 3ff8000000000000 0000 05 0000 09'),
  },
  { name: 'empty object', value: amfObject({}), bytes: hex('03 0000 09') },
  {
    name: 'typed object',
    value: { type: 'object', className: 'C', properties: new Map([['a', true]]) },
    bytes: hex('10 0001 43 0001 61 01 01 0000 09'),
  },
  { name: 'ECMA array', value: amfEcmaArray({ a: 'b' }), bytes: hex('08 00000001 0001 61 02 0001 62 0000 09') },
  { name: 'strict array', value: [true, [null]], bytes: hex('0a 00000002 01 01 0a 00000001 05') },
];

const errorOf = (run: () => unknown): Amf0Error => {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Amf0Error, String(error));
    return error;
  }
  return assert.fail('no error');
};

describe('AMF0', () => {
  for (const { name, value, bytes } of CASES) {
    it(`reads and writes ${name}`, () => {
      assert.deepEqual(parseAmf0(bytes), [value]);
      assert.deepEqual(serializeAmf0(value), bytes);
    });
    it(`says that ${name} is cut`, () => {
      const step = Math.max(1, Math.floor(bytes.length / 50));
      for (let length = 1; length < bytes.length; length += step) {
        assert.equal(errorOf(() => parseAmf0(bytes.subarray(0, length))).reason, 'truncated');
      }
    });
  }

  it('gives back any values, in order', () => {
    const { value } = fc.letrec<{ value: AmfValue }>((tie) => {
      const properties = fc
        .array(fc.tuple(fc.oneof(fc.string(), fc.constant('__proto__')), tie('value')), { maxLength: 4 })
        .map((entries) => new Map(entries));
      return {
        value: fc.oneof(
          { maxDepth: 5 },
          fc.oneof(fc.double(), fc.boolean(), fc.string({ unit: 'grapheme' }), fc.constantFrom(null, undefined)),
          properties.map((map): AmfValue => ({ type: 'object', className: null, properties: map })),
          properties.map((map): AmfValue => ({ type: 'object', className: 'flex', properties: map })),
          properties.map((map): AmfValue => ({ type: 'ecma-array', properties: map })),
          fc.array(tie('value'), { maxLength: 4 }),
        ),
      };
    });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (values) => {
        const bytes = serializeAmf0(...values);
        assert.deepEqual(parseAmf0(bytes), values);
        assert.deepEqual(serializeAmf0(...parseAmf0(bytes)), bytes);
      }),
    );
  });

  it('ends in values or an Amf0Error, whatever the bytes', () => {
    const marker = fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17);
    const byte = fc.oneof(marker, fc.constant(0), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), (bytes) => {
        try {
          serializeAmf0(...parseAmf0(Buffer.from(bytes)));
        } catch (error) {
          assert.ok(error instanceof Amf0Error, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('ignores the count of an ECMA array, and takes "unsupported" for undefined', () => {
    assert.deepEqual(parseAmf0(hex('08 ffffffff 0001 61 05 0000 09')), [amfEcmaArray({ a: null })]);
    assert.deepEqual(parseAmf0(hex('0d')), [undefined]);
  });

  it('keeps a property called __proto__ to itself', () => {
    const [value] = parseAmf0(hex('03 0009 5f5f70726f746f5f5f 03 0001 61 01 01 0000 09 0000 09'));
    assert.deepEqual(amfProperty(amfProperty(value, '__proto__'), 'a'), true);
    assert.equal(Reflect.get({}, 'a'), undefined);
    assert.equal(amfProperty(value, 'toString'), undefined);
    for (const plain of ['text', 1, null, undefined, ['a']]) assert.equal(amfProperty(plain, 'a'), undefined);
  });

  it('bounds the depth, both ways', () => {
    const nested = (depth: number): Buffer => Buffer.concat([...Array(depth).fill(hex('0a00000001')), hex('05')]);
    assert.equal(parseAmf0(nested(MAX_AMF0_DEPTH)).length, 1);
    const { reason, value, limit } = errorOf(() => parseAmf0(nested(MAX_AMF0_DEPTH + 1)));
    assert.deepEqual([reason, value, limit], ['too deep', MAX_AMF0_DEPTH + 1, MAX_AMF0_DEPTH]);
    const objects = Buffer.concat(Array(100).fill(hex('03 0000')));
    assert.equal(errorOf(() => parseAmf0(objects)).reason, 'too deep');
    let deep: AmfValue = null;
    for (let i = 0; i <= MAX_AMF0_DEPTH; i++) deep = [deep];
    assert.equal(errorOf(() => serializeAmf0(deep)).reason, 'too deep');
  });

  it('bounds the number of values over the whole message, both ways', () => {
    const nulls = Buffer.alloc(MAX_AMF0_VALUES + 1, 5);
    const { reason, value, limit } = errorOf(() => parseAmf0(nulls));
    assert.deepEqual([reason, value, limit], ['too many values', MAX_AMF0_VALUES + 1, MAX_AMF0_VALUES]);
    assert.equal(parseAmf0(nulls.subarray(1)).length, MAX_AMF0_VALUES);
    assert.equal(errorOf(() => parseAmf0(hex('0a ffffffff 05'))).reason, 'too many values');
    assert.equal(errorOf(() => parseAmf0(hex('0a 0000ffff 05'))).reason, 'truncated');
    const many = Array<AmfValue>(MAX_AMF0_VALUES).fill(null);
    assert.equal(errorOf(() => serializeAmf0(many)).reason, 'too many values');
  });

  it('bounds strings, both ways', () => {
    const { reason, value, limit } = errorOf(() => parseAmf0(hex('0c ffffffff 61')));
    assert.deepEqual([reason, value, limit], ['string too long', 0xffffffff, MAX_AMF0_STRING_BYTES]);
    const huge = 'x'.repeat(MAX_AMF0_STRING_BYTES + 1);
    for (const value of [huge, { type: 'xml', text: huge } as const]) {
      assert.equal(errorOf(() => serializeAmf0(value)).reason, 'string too long');
    }
    assert.equal(errorOf(() => serializeAmf0(amfObject({ [LONG]: 1 }))).reason, 'string too long');
  });

  it('refuses numbers that do not fit, stray ends and unknown markers', () => {
    assert.equal(errorOf(() => serializeAmf0({ type: 'reference', index: 65_536 })).reason, 'number out of range');
    assert.equal(errorOf(() => serializeAmf0({ type: 'date', ms: 0, timeZone: 1e6 })).reason, 'number out of range');
    assert.equal(errorOf(() => parseAmf0(hex('09'))).reason, 'unexpected object end');
    for (const bytes of ['04', '0e', '12', 'ff']) {
      assert.equal(errorOf(() => parseAmf0(hex(bytes))).reason, 'unknown marker');
    }
  });

  it('hands over where AMF3 begins', () => {
    assert.equal(errorOf(() => parseAmf0(hex('11 01'))).reason, 'amf3');
    const bytes = hex('02 0001 61 11 0402 05');
    const values = parseAmf0(bytes, 0, (data, offset) => {
      assert.equal(data, bytes);
      assert.equal(offset, 5);
      return { value: data[offset + 1], offset: offset + 2 };
    });
    assert.deepEqual(values, ['a', 2, null]);
  });

  it('reads values one by one from anywhere', () => {
    const reader = new Amf0Reader(hex('ff 05 01 01'), 1);
    assert.equal(reader.read(), null);
    assert.equal(reader.read(), true);
    assert.ok(reader.done);
    assert.equal(errorOf(() => reader.read()).reason, 'truncated');
  });
});
