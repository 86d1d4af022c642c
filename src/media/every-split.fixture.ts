/** Test helper: feeds one input to a parser in every way that matters of cutting it up, and wants one and the same result. */
import assert from 'node:assert/strict';

/**
 * Runs `parse` on `bytes` whole, byte by byte, cut in two at every place (inputs over 2,000 bytes: at every 17th), and in
 * runs of 2, 3, 5, 7, 64 and 1,000 bytes; each must give what the whole gave.
 * @param parse makes a fresh parser, pushes all pieces in order, and returns what came out
 */
export function everySplit<T>(bytes: Buffer, parse: (pieces: Buffer[]) => T): T {
  const whole = parse([bytes]);
  const check = (pieces: Buffer[], how: string): void => {
    assert.deepEqual(parse(pieces), whole, `a different result when cut ${how}`);
  };
  for (const size of [1, 2, 3, 5, 7, 64, 1000]) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    check(pieces, `into runs of ${size}`);
  }
  const step = bytes.length > 2000 ? 17 : 1;
  for (let at = 1; at < bytes.length; at += step) {
    check([bytes.subarray(0, at), bytes.subarray(at)], `in two at ${at}`);
  }
  return whole;
}
