/** The byte queue against the obvious model of it, one growing Buffer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteQueue } from './byte-queue.ts';

test('takes a view within one push and a copy across two', () => {
  const queue = new ByteQueue();
  const first = Buffer.from('abcd');
  queue.push(first);
  queue.push(Buffer.from('efgh'));
  const view = queue.consume(2);
  assert.equal(view.toString(), 'ab');
  assert.equal(view.buffer, first.buffer);
  assert.equal(view.byteOffset, first.byteOffset);
  assert.equal(queue.peek(4).toString(), 'cdef');
  assert.equal(queue.length, 6);
  assert.equal(queue.consume(4).toString(), 'cdef');
  assert.equal(queue.byteAt(1), 'h'.charCodeAt(0));
  assert.equal(queue.consumePiece(100).toString(), 'gh');
  assert.equal(queue.consumePiece(100).length, 0);
});

test('refuses to give what it does not hold', () => {
  const queue = new ByteQueue();
  queue.push(Buffer.from('ab'));
  assert.throws(() => queue.consume(3), RangeError);
  assert.throws(() => queue.peek(-1), RangeError);
  assert.throws(() => queue.peek(Number.NaN), RangeError);
  assert.throws(() => queue.skip(3), RangeError);
  assert.throws(() => queue.byteAt(2), RangeError);
  assert.equal(queue.length, 2);
});

test('behaves as one Buffer does, whatever is pushed and taken', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('push' as const), bytes: fc.uint8Array({ maxLength: 20 }) }),
    fc.record({ do: fc.constantFrom('consume' as const, 'peek' as const, 'skip' as const), part: fc.nat(30) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const queue = new ByteQueue();
      let model = Buffer.alloc(0);
      for (const one of steps) {
        if (one.do === 'push') {
          queue.push(Buffer.from(one.bytes));
          model = Buffer.concat([model, one.bytes]);
        } else {
          const n = Math.min(one.part, model.length);
          if (one.do === 'skip') queue.skip(n);
          else assert.deepEqual(one.do === 'peek' ? queue.peek(n) : queue.consume(n), model.subarray(0, n));
          if (one.do !== 'peek') model = model.subarray(n);
        }
        assert.equal(queue.length, model.length);
        if (model.length > 0) assert.equal(queue.byteAt(model.length - 1), model.at(-1));
      }
    }),
  );
});
