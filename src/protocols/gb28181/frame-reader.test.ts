import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rfc4571 } from '../../../test/support/ps.ts';
import { everySplit } from '../../media/every-split.fixture.ts';
import { FrameReader } from './frame-reader.ts';

test('packets come out as they were framed, however the bytes are cut; empty ones are none', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }), (bodies) => {
      const packets = bodies.map((body) => Buffer.from(body));
      const found = everySplit(Buffer.concat(packets.map(rfc4571)), (pieces) => {
        const reader = new FrameReader();
        return pieces.flatMap((piece) => reader.push(piece));
      });
      assert.deepEqual(
        found,
        packets.filter(({ length }) => length > 0),
      );
    }),
    { numRuns: 20 },
  );
});

test('the longest that a length can say', () => {
  const longest = Buffer.alloc(65_535, 7);
  assert.deepEqual(new FrameReader().push(rfc4571(longest)), [longest]);
});
