/** NAL units: behind lengths, behind start codes, emulation prevention, types. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CodecError, ExcessError } from './codec-error.ts';
import {
  annexBToNalUnits,
  checkNalUnits,
  isH264Idr,
  isH264ParameterSet,
  isH265Irap,
  isH265ParameterSet,
  joinNalUnits,
  MAX_NAL_UNITS,
  removeEmulationPrevention,
  splitNalUnits,
  widenNalLengths,
} from './nal.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const unit = fc.uint8Array({ minLength: 1, maxLength: 50 }).map((bytes) => Buffer.from(bytes));

describe('NAL units', () => {
  it('split gives back what was joined, as views', () => {
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        const joined = joinNalUnits(units);
        const split = splitNalUnits(joined);
        assert.deepEqual(split, units);
        assert.ok(split.every((view) => view.buffer === joined.buffer));
      }),
    );
  });

  it('reads lengths of every size and leaves empty units out', () => {
    assert.deepEqual(splitNalUnits(hex('02 6588 00 01 41'), 1), [hex('6588'), hex('41')]);
    assert.deepEqual(splitNalUnits(hex('0002 6588'), 2), [hex('6588')]);
    assert.deepEqual(splitNalUnits(hex('000002 6588'), 3), [hex('6588')]);
  });

  it('widens lengths as splitting and joining does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(unit, fc.constant(Buffer.alloc(0)))),
        fc.integer({ min: 1, max: 4 }),
        (units, size) => {
          const parts = units.flatMap((nal) => {
            const length = Buffer.alloc(size);
            length.writeUIntBE(nal.length, 0, size);
            return [length, nal];
          });
          const data = Buffer.concat(parts);
          assert.deepEqual(widenNalLengths(data, size), joinNalUnits(splitNalUnits(data, size)));
        },
      ),
    );
    assert.throws(() => widenNalLengths(hex('0003 6588'), 2), { name: 'CodecError', value: 3, limit: 2 });
  });

  it('names value and limit where a length runs past the end', () => {
    assert.throws(() => splitNalUnits(hex('00000003 6588')), { name: 'CodecError', value: 3, limit: 2 });
    assert.throws(() => splitNalUnits(hex('ffffffff 65')), { name: 'CodecError', value: 0xffffffff, limit: 1 });
    assert.throws(() => splitNalUnits(hex('00000001 65 0000')), { name: 'CodecError', value: 2, limit: 4 });
    assert.throws(() => splitNalUnits(hex('65'), 5), { name: 'CodecError', value: 5, limit: 4 });
    assert.equal(checkNalUnits(hex('00000001 65')), null);
    assert.ok(checkNalUnits(hex('00000002 65')) instanceof CodecError);
  });

  it('bounds the NAL units of an access unit, empty ones too: so many are taken, and one more is not', () => {
    const tooMany = { name: 'CodecError', value: MAX_NAL_UNITS + 1, limit: MAX_NAL_UNITS };
    for (const [size, one] of [
      [4, '00000001 41'],
      [1, '01 41'],
      [4, '00000000'],
    ] as const) {
      const most = Buffer.alloc((MAX_NAL_UNITS * one.replace(' ', '').length) / 2, hex(one));
      const more = Buffer.concat([most, hex(one)]);
      assert.equal(checkNalUnits(most, size), null);
      assert.equal(splitNalUnits(most, size).length, one === '00000000' ? 0 : MAX_NAL_UNITS);
      assert.ok(checkNalUnits(more, size) instanceof ExcessError);
      assert.throws(() => splitNalUnits(more, size), tooMany);
      assert.throws(() => widenNalLengths(more, size), tooMany);
    }
    for (const one of ['000001 41', '00000001 41', '000001']) {
      const most = Buffer.alloc((MAX_NAL_UNITS * one.replace(' ', '').length) / 2, hex(one));
      assert.equal(annexBToNalUnits(most, MAX_NAL_UNITS).length, one === '000001' ? 0 : MAX_NAL_UNITS);
      assert.throws(() => annexBToNalUnits(Buffer.concat([most, hex(one)]), MAX_NAL_UNITS), tooMany);
    }
    // a file of many access units
    assert.equal(annexBToNalUnits(Buffer.alloc(200_000, hex('000001 41'))).length, 50_000);
  });

  it('finds units behind start codes of 3 and 4 bytes and drops the zeros around them', () => {
    const stream = hex('0000 00000001 67640001 0000 000001 68ee 00000001 65 88010001 000001 000001');
    assert.deepEqual(annexBToNalUnits(stream), [hex('67640001'), hex('68ee'), hex('6588010001')]);
    assert.deepEqual(annexBToNalUnits(hex('67640001')), []);
    assert.deepEqual(annexBToNalUnits(hex('000001 01 0001 01 000001 02')), [hex('01000101'), hex('02')]);
    assert.deepEqual(annexBToNalUnits(Buffer.alloc(0)), []);
  });

  it('annexB gives back units that hold no start code and end in no zero', () => {
    const escaped = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes) => Buffer.from([...bytes.map((byte) => byte | 4), 1]));
    fc.assert(
      fc.property(fc.array(escaped), (units) => {
        const stream = Buffer.concat(units.flatMap((nal) => [hex('00000001'), nal]));
        assert.deepEqual(annexBToNalUnits(stream), units);
      }),
    );
  });

  it('removes emulation prevention, and copies nothing where there is none', () => {
    assert.deepEqual(removeEmulationPrevention(hex('67 000003 01 000003 000003')), hex('67 0000 01 0000 0000'));
    assert.deepEqual(removeEmulationPrevention(hex('67 00000303')), hex('67 000003'));
    const plain = hex('67 0003 000103');
    assert.equal(removeEmulationPrevention(plain), plain);
  });

  it('knows the types that matter', () => {
    assert.ok(isH264Idr(hex('65')) && isH264Idr(hex('25')) && !isH264Idr(hex('41')));
    assert.ok(isH264ParameterSet(hex('67')) && isH264ParameterSet(hex('68')) && !isH264ParameterSet(hex('06')));
    for (let type = 0; type < 64; type++) {
      const nal = Buffer.from([type << 1, 1]);
      assert.equal(isH265Irap(nal), type >= 16 && type <= 23);
      assert.equal(isH265ParameterSet(nal), type >= 32 && type <= 34);
    }
    const empty = Buffer.alloc(0);
    assert.ok(!isH264Idr(empty) && !isH264ParameterSet(empty) && !isH265Irap(empty) && !isH265ParameterSet(empty));
  });
});
