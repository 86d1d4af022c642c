import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharesOf } from './descriptors.ts';

test('peers are given what others do not need, and UDP a fifth of it', () => {
  assert.deepEqual(sharesOf(1024), { connections: 676, udpSockets: 169 });
  assert.deepEqual(sharesOf(20_000), { connections: 15_098, udpSockets: 3774 });
  assert.deepEqual(sharesOf(100), { connections: 1, udpSockets: 1 });
  assert.deepEqual(sharesOf(null), { connections: 0, udpSockets: 0 });
});
