import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf, Tally } from './tally.ts';

test('an address counts by itself, and IPv6 by its first 64 bits', () => {
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2');
  assert.equal(networkOf('2001:db8::1'), '2001:db8:0:0');
  assert.equal(networkOf('2001:db8:1:2::'), '2001:db8:1:2');
  assert.equal(networkOf('::1'), '0:0:0:0');
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0');
});

test('threads see what all of them have, and one that is gone has nothing', () => {
  const memory = Tally.memory(2);
  const [first, second] = [new Tally(memory, 0), new Tally(memory, 1)];
  first.add('192.0.2.1', 3);
  second.add('::ffff:192.0.2.1', 4);
  assert.equal(second.add('192.0.2.1', 0), 7);
  second.add('192.0.2.2', 1);
  for (const tally of [first, second]) {
    assert.deepEqual([tally.all, tally.of('192.0.2.1'), tally.of('192.0.2.2'), tally.of('192.0.2.3')], [8, 7, 1, 0]);
  }
  second.add('192.0.2.2', -1);
  assert.deepEqual([first.all, first.of('192.0.2.2')], [7, 0]);
  Tally.clear(memory, 1);
  assert.deepEqual([first.all, first.of('192.0.2.1')], [3, 3]);
});

test('of many addresses hardly any is counted with another', () => {
  const tally = new Tally(Tally.memory(1), 0);
  const addresses = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  for (const address of addresses) tally.add(address, 1);
  const counts = addresses.map((address) => tally.of(address));
  assert.ok(counts.every((count) => count >= 1));
  const wrong = counts.filter((count) => count > 1).length;
  assert.ok(wrong < 500, `${wrong} of 10,000`);
});
