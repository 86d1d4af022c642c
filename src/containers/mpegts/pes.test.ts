/** PES headers and the putting together of PES packets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_PES_HEADER_BYTES, parsePes, pesHeaderBytes, writePesHeader } from './pes.ts';
import { PesAssembler } from './pes-assembler.ts';
import { TICKS_MODULUS, unwrapTicks, wrapTicks } from './time.ts';

function pes(payload: Buffer, pts: number, dts: number, streamId = 0xe0): Buffer {
  const header = Buffer.alloc(MAX_PES_HEADER_BYTES);
  const size = writePesHeader(header, streamId, pts, dts, payload.length);
  assert.equal(size, pesHeaderBytes(pts !== dts));
  return Buffer.concat([header.subarray(0, size), payload]);
}

describe('headers', () => {
  it('come back as they were written', () => {
    const ticks = fc.oneof(fc.integer({ min: 0, max: 2 ** 33 - 1 }), fc.constantFrom(0, 2 ** 30, 2 ** 32, 2 ** 33 - 1));
    fc.assert(
      fc.property(ticks, ticks, fc.uint8Array(), (pts, dts, bytes) => {
        const payload = Buffer.from(bytes);
        assert.deepEqual(parsePes(pes(payload, pts, dts)), { streamId: 0xe0, pts, dts, payload });
      }),
    );
  });

  it('without times or with stuffing are read', () => {
    const parsed = parsePes(Buffer.from('000001e00000810002ffffaa', 'hex'));
    assert.deepEqual(parsed, { streamId: 0xe0, pts: null, dts: null, payload: Buffer.from('aa', 'hex') });
  });

  it('that are none are null', () => {
    for (const hex of ['', '000001e000008180', '000002e00000810000aa', '000001e00000018000', '000001e0000081c00a21'])
      assert.equal(parsePes(Buffer.from(hex, 'hex')), null, hex);
    // a flag for a pts that the header has no room for
    assert.equal(parsePes(Buffer.from('000001e00000818000', 'hex'))?.pts, null);
  });
});

describe('time', () => {
  it('unwraps to the nearest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 }),
        (at, step) => {
          assert.ok(wrapTicks(at) >= 0 && wrapTicks(at) < TICKS_MODULUS);
          assert.equal(unwrapTicks(wrapTicks(at + step), at), at + step);
        },
      ),
    );
  });
});

describe('PesAssembler', () => {
  const whole = pes(Buffer.alloc(100, 7), 90, 90);

  it('gives a packet as soon as it has its length, however it is cut', () => {
    for (let first = 1; first < whole.length; first++) {
      const assembler = new PesAssembler(1000);
      assert.deepEqual(assembler.push(whole.subarray(0, first), true), []);
      const [got] = assembler.push(whole.subarray(first), false);
      assert.deepEqual(got, parsePes(whole));
      assert.equal(assembler.end(), null);
    }
    const assembler = new PesAssembler(1000);
    const got = [...whole].flatMap((byte, i) => assembler.push(Buffer.from([byte]), i === 0));
    assert.deepEqual(got, [parsePes(whole)]);
  });

  it('gives a packet without a length at the next one or the end', () => {
    const open = Buffer.from(whole);
    open.writeUInt16BE(0, 4);
    const assembler = new PesAssembler(1000);
    assert.deepEqual(assembler.push(open, true), []);
    assert.deepEqual(assembler.push(open, true), [parsePes(open)]);
    assert.deepEqual(assembler.end(), parsePes(open));
    assert.equal(assembler.end(), null);
  });

  it('waits where it joins in the middle, and where nothing is there', () => {
    const assembler = new PesAssembler(1000);
    assert.deepEqual(assembler.push(whole, false), []);
    assert.deepEqual(assembler.push(Buffer.alloc(0), true), []);
    assert.equal(assembler.end(), null);
  });

  it('tells of packets that are too large, cut short, or none', () => {
    const assembler = new PesAssembler(150);
    const open = Buffer.from(whole);
    open.writeUInt16BE(0, 4);
    assembler.push(open, true);
    assert.deepEqual(assembler.push(open, false), [
      `a PES packet has ${2 * open.length} bytes and more, at most 150 are allowed`,
    ]);
    assert.deepEqual(assembler.push(open, false), []);
    assembler.push(whole.subarray(0, 50), true);
    assert.deepEqual(assembler.push(whole, true), [
      `a PES packet ended after 50 bytes of ${whole.length}`,
      parsePes(whole),
    ]);
    assert.deepEqual(assembler.push(Buffer.alloc(9), true), []);
    assert.equal(assembler.end(), 'no PES packet header at the start of 9 bytes');
  });
});
