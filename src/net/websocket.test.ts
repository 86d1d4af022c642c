import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binaryFrame } from './websocket.ts';

test('frame headers by length, RFC 6455 5.2', () => {
  const rows: [number, number[]][] = [
    [0, [0x82, 0]],
    [125, [0x82, 125]],
    [126, [0x82, 126, 0, 126]],
    [65535, [0x82, 126, 255, 255]],
    [65536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ];
  for (const [length, header] of rows) {
    const frame = binaryFrame(Buffer.alloc(length, 7));
    assert.deepEqual([...frame.subarray(0, header.length)], header);
    assert.deepEqual(frame.subarray(header.length), Buffer.alloc(length, 7));
  }
});
