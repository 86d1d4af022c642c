/** AMF3: a table of values and bytes, references, limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AmfValue } from '../../containers/flv/index.ts';
import { amfEcmaArray, amfObject } from '../../containers/flv/index.ts';
import { Amf3Error, MAX_AMF3_WEIGHT, readAmf3 } from './amf3.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function read(text: string): AmfValue {
  const bytes = hex(`ffff ${text}`);
  const { value, offset } = readAmf3(bytes, 2, { weight: 0 });
  assert.equal(offset, bytes.length, 'all of it is read');
  return value;
}

for (const { name, bytes, value } of [
  { name: 'undefined', bytes: '00', value: undefined },
  { name: 'null', bytes: '01', value: null },
  { name: 'false', bytes: '02', value: false },
  { name: 'true', bytes: '03', value: true },
  { name: 'an integer of one byte', bytes: '04 7f', value: 127 },
  { name: 'an integer of two bytes', bytes: '04 8100', value: 128 },
  { name: 'an integer of three bytes', bytes: '04 ffff7f', value: 0x1fffff },
  { name: 'an integer of four bytes', bytes: '04 80c08000', value: 0x200000 },
  { name: 'the largest integer', bytes: '04 bfffffff', value: 0x0fffffff },
  { name: 'the smallest integer', bytes: '04 c0808000', value: -0x10000000 },
  { name: 'minus one', bytes: '04 ffffffff', value: -1 },
  { name: 'a double', bytes: '05 3ff8000000000000', value: 1.5 },
  { name: 'a string', bytes: '06 07 e4b8ad', value: '中' },
  { name: 'an empty string', bytes: '06 01', value: '' },
  { name: 'XML document', bytes: '07 09 3c612f3e', value: { type: 'xml', text: '<a/>' } },
  { name: 'XML', bytes: '0b 09 3c612f3e', value: { type: 'xml', text: '<a/>' } },
  { name: 'a date', bytes: '08 01 4059000000000000', value: { type: 'date', ms: 100, timeZone: 0 } },
  { name: 'a byte array', bytes: '0c 07 0102ff', value: [1, 2, 255] },
  { name: 'an array', bytes: '09 05 01 0401 0402', value: [1, 2] },
  { name: 'an array with names', bytes: '09 03 0361 03 01 0401', value: amfEcmaArray({ a: true, 0: 1 }) },
  {
    name: 'a string that refers to an earlier one',
    bytes: '09 07 01 06 03 61 06 03 62 06 02',
    value: ['a', 'b', 'b'],
  },
  { name: 'a dynamic object', bytes: '0a 0b 01 03 61 0401 01', value: amfObject({ a: 1 }) },
  {
    name: 'an object of a class, sealed and dynamic members',
    bytes: '0a 1b 03 43 03 61 0401 03 62 0402 01',
    value: { type: 'object', className: 'C', properties: new Map([...Object.entries({ a: 1, b: 2 })]) },
  },
  {
    name: 'objects that share traits',
    bytes: '09 05 01 0a 13 01 03 61 0401 0a 01 0402',
    value: [amfObject({ a: 1 }), amfObject({ a: 2 })],
  },
  {
    name: 'an object that refers to an earlier one',
    bytes: '09 05 01 0a 13 01 03 61 0401 0a 02',
    value: [amfObject({ a: 1 }), amfObject({ a: 1 })],
  },
]) {
  test(`reads ${name}`, () => {
    assert.deepEqual(read(bytes), value);
  });
}

for (const { name, bytes, reason } of [
  { name: 'nothing', bytes: '', reason: 'truncated' },
  { name: 'half a double', bytes: '05 00000000', reason: 'truncated' },
  { name: 'an integer that goes on', bytes: '04 80', reason: 'truncated' },
  { name: 'an array longer than its bytes', bytes: '09 ffffffff 01', reason: 'truncated' },
  { name: 'traits with more members than bytes', bytes: '0a fffffffb 01', reason: 'truncated' },
  { name: 'an object cut short', bytes: '0a 0b 01 03 61', reason: 'truncated' },
  { name: 'a string reference to nowhere', bytes: '06 02', reason: 'bad reference' },
  { name: 'an object reference to nowhere', bytes: '0a 02', reason: 'bad reference' },
  { name: 'a traits reference to nowhere', bytes: '0a 05', reason: 'bad reference' },
  { name: 'an array in itself', bytes: '09 03 01 09 00', reason: 'bad reference' },
  { name: 'a vector', bytes: '0d 03 00 00000001', reason: 'unsupported' },
  { name: 'a dictionary', bytes: '11 03 00', reason: 'unsupported' },
  { name: 'an externalizable class', bytes: '0a 07 03 43', reason: 'unsupported' },
  { name: 'a marker of no value', bytes: '12', reason: 'unknown marker' },
  { name: 'arrays in arrays', bytes: '09 03 01'.repeat(40), reason: 'too deep' },
]) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => readAmf3(hex(bytes), 0, { weight: 0 }),
      (error) => error instanceof Amf3Error && error.reason === reason,
    );
  });
}

test('references that multiply are counted for what they stand for', () => {
  // Each array holds the one before it twice: 28 levels in 200 bytes would be 2^28 values.
  const array = Buffer.concat([hex('09 39 01'), ...nest(28)]);
  assert.throws(
    () => readAmf3(array, 0, { weight: 0 }),
    (error) =>
      error instanceof Amf3Error && error.reason === 'too large' && error.message.includes(String(MAX_AMF3_WEIGHT)),
  );
});

/** Elements of an array: the first [null, null], each later one [the one before, the one before] by reference. */
function nest(count: number): Buffer[] {
  const elements = [hex('09 05 01 01 01')];
  for (let i = 1; i < count; i++) {
    // Entry 0 of the object table is the outer array.
    const reference = Buffer.from([0x09, i << 1]);
    elements.push(hex('09 05 01'), reference, reference);
  }
  return elements;
}
