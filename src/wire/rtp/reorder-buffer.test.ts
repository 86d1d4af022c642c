/** Reordering: gaps, duplicates, wrap-around, senders that begin anew. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RtpPacket } from './packet.ts';
import { ReorderBuffer } from './reorder-buffer.ts';

function packet(sequence: number, ssrc = 1): RtpPacket {
  return { marker: false, payloadType: 96, sequence: sequence & 0xffff, timestamp: 0, ssrc, payload: Buffer.alloc(0) };
}

/** `sequence`, `-lost` before it, `!` where the sender began anew. */
function take(buffer: ReorderBuffer): string {
  const out: string[] = [];
  for (let next = buffer.next(); next !== null; next = buffer.next()) {
    out.push(`${next.restarted ? '!' : ''}${next.lost > 0 ? `(${next.lost})` : ''}${next.packet.sequence}`);
  }
  return out.join(' ');
}

function run(buffer: ReorderBuffer, sequences: readonly number[], atMs = 0): string {
  for (const sequence of sequences) buffer.push(packet(sequence), atMs);
  return take(buffer);
}

const UDP = { maxPackets: 16, maxWaitMs: 100 };
const TCP = { maxPackets: 0, maxWaitMs: 100 };

describe('reordering', () => {
  const cases: readonly { name: string; sequences: number[]; out: string; counts: [number, number, number] }[] = [
    { name: 'in order', sequences: [1, 2, 3], out: '1 2 3', counts: [0, 0, 0] },
    { name: 'swapped', sequences: [1, 3, 2, 4], out: '1 2 3 4', counts: [0, 1, 0] },
    { name: 'backwards', sequences: [1, 5, 4, 3, 2], out: '1 2 3 4 5', counts: [0, 3, 0] },
    { name: 'twice', sequences: [1, 2, 2, 4, 4, 3, 3], out: '1 2 3 4', counts: [0, 1, 3] },
    { name: 'over the wrap', sequences: [65_534, 0, 65_535, 1], out: '65534 65535 0 1', counts: [0, 1, 0] },
    { name: 'before the first', sequences: [5, 4, 6], out: '5 6', counts: [0, 0, 1] },
  ];
  for (const { name, sequences, out, counts } of cases) {
    it(name, () => {
      const buffer = new ReorderBuffer(UDP);
      assert.equal(run(buffer, sequences), out);
      assert.deepEqual([buffer.lost, buffer.reordered, buffer.duplicate], counts);
      assert.equal(buffer.waiting, 0);
    });
  }

  it('waits for what is missing, and gives it up after the time', () => {
    const buffer = new ReorderBuffer(UDP);
    assert.equal(run(buffer, [1, 3], 0), '1');
    assert.equal(run(buffer, [6], 60), '');
    buffer.tick(99);
    assert.equal(take(buffer), '');
    buffer.tick(100);
    assert.equal(take(buffer), '(1)3');
    buffer.tick(160);
    assert.equal(take(buffer), '(2)6');
    assert.equal(buffer.lost, 3);
    // what comes after all is of no use any more
    assert.equal(run(buffer, [2], 170), '');
    assert.equal(buffer.duplicate, 1);
  });

  it('gives up the gap when more wait than may', () => {
    const buffer = new ReorderBuffer(UDP);
    const after = Array.from({ length: 17 }, (_, i) => 3 + i);
    assert.equal(run(buffer, [1, ...after]), `1 (1)${after.join(' ')}`);
    assert.ok(buffer.waiting <= 16);
  });

  it('lets go of all at the end', () => {
    const buffer = new ReorderBuffer(UDP);
    run(buffer, [1, 3, 6]);
    buffer.flush();
    assert.equal(take(buffer), '(1)3 (2)6');
  });

  it('of TCP waits for nothing and still counts', () => {
    const buffer = new ReorderBuffer(TCP);
    assert.equal(run(buffer, [1, 2, 5, 6]), '1 2 (2)5 6');
    assert.equal(buffer.lost, 2);
  });

  it('takes two packets in a row from nowhere as a new beginning, one as nothing', () => {
    const buffer = new ReorderBuffer(UDP);
    assert.equal(run(buffer, [1, 2, 30_000, 3]), '1 2 3');
    assert.equal(run(buffer, [30_000, 30_001, 30_002]), '!30000 30001 30002');
    buffer.push(packet(30_003, 2), 0);
    assert.equal(take(buffer), '');
    buffer.push(packet(30_004, 2), 0);
    assert.equal(take(buffer), '!30003 30004');
    assert.equal(buffer.restarts, 2);
    assert.equal(buffer.lost, 0);
  });

  it('gives each packet once and in order, whatever the network does', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.array(fc.record({ drop: fc.integer({ min: 0, max: 9 }), twice: fc.boolean(), late: fc.nat(12) }), {
          minLength: 1,
          maxLength: 300,
        }),
        (start, fates) => {
          const sent = fates.flatMap(({ drop, twice, late }, i) => {
            if (i > 0 && drop < 2) return [];
            // the first begins the sequence and cannot be told from a late one
            const at = i === 0 ? -1 : i + late;
            return twice
              ? [
                  { i, at },
                  { i, at: at + 1 },
                ]
              : [{ i, at }];
          });
          sent.sort((a, b) => a.at - b.at);
          const buffer = new ReorderBuffer({ maxPackets: 64, maxWaitMs: 1000 });
          for (const { i } of sent) buffer.push(packet(start + i), 0);
          buffer.flush();
          const got: number[] = [];
          let told = 0;
          for (let next = buffer.next(); next !== null; next = buffer.next()) {
            got.push((next.packet.sequence - start) & 0xffff);
            told += next.lost;
          }
          const distinct = [...new Set(sent.map(({ i }) => i))].sort((a, b) => a - b);
          assert.deepEqual(got, distinct);
          assert.equal(told, (distinct.at(-1) ?? 0) + 1 - distinct.length);
          assert.equal(buffer.lost, told);
          assert.equal(buffer.duplicate, sent.length - distinct.length);
        },
      ),
    );
  });
});
