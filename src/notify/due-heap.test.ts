/** Tests of the heap: what is due comes out in order, and nothing else does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DueHeap } from './due-heap.ts';

test('gives out what is due, earliest first', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100)), fc.nat(100), (dues, now) => {
      const heap = new DueHeap<number>();
      for (const due of dues) heap.push(due, due);
      const out: number[] = [];
      for (let value = heap.popDue(now); value !== undefined; value = heap.popDue(now)) out.push(value);
      const sorted = dues.toSorted((a, b) => a - b);
      assert.deepEqual(
        out,
        sorted.filter((due) => due <= now),
      );
      assert.equal(heap.size, dues.length - out.length);
      assert.equal(heap.nextMs, sorted[out.length] ?? null);
    }),
  );
});
