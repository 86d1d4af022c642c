import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Blacklist } from './blacklist.ts';
import { asking } from './request.fixture.ts';

function blacklist() {
  const clock = { now: 0, monotonicMs: () => clock.now, unixMs: () => clock.now };
  const list = new Blacklist(clock);
  const isLetIn = async (remoteAddr: string): Promise<boolean> => (await list.decide(asking({ remoteAddr }))).ok;
  return { clock, list, isLetIn };
}

test('an address is refused for its time, and no other is', async () => {
  const { clock, list, isLetIn } = blacklist();
  list.block('192.0.2.7', 10);
  assert.deepEqual(await list.decide(asking()), { ok: false, reason: 'the address 192.0.2.7 is blocked' });
  assert.equal(await isLetIn('192.0.2.8:5000'), true);
  clock.now = 9999;
  assert.equal(await isLetIn('192.0.2.7:1'), false);
  clock.now = 10_000;
  assert.equal(await isLetIn('192.0.2.7:1'), true);
});

test('a new block counts from now; 0 seconds end it', async () => {
  const { clock, list, isLetIn } = blacklist();
  list.block('192.0.2.7', 10);
  clock.now = 5000;
  list.block('192.0.2.7', 10);
  clock.now = 14_000;
  assert.equal(await isLetIn('192.0.2.7:1'), false);
  list.block('192.0.2.7', 0);
  assert.equal(await isLetIn('192.0.2.7:1'), true);
});

test('an address is known in every form in which it may be written', async () => {
  for (const [written, remoteAddr] of [
    ['2001:DB8:0:0:0:0:0:1', '[2001:db8::1]:99'],
    ['[2001:db8::1]', '[2001:db8::1]:99'],
    ['::ffff:192.0.2.7', '192.0.2.7:99'],
    [' 192.0.2.7 ', '192.0.2.7:99'],
    ['[FE80:0::1%eth0]', '[fe80::1%eth0]:99'],
    // sockets name a zone of link-local addresses only
    ['2001:db8::1%eth0', '[2001:db8::1]:99'],
  ] as const) {
    const { list, isLetIn } = blacklist();
    assert.equal(list.block(written, 10)?.(remoteAddr), true, written);
    assert.equal(await isLetIn(remoteAddr), false, written);
  }
});

test('a link-local address is one host in its zone, and all of its name without one', async () => {
  const { list, isLetIn } = blacklist();
  const eth0 = '[fe80::1%eth0]:1';
  const eth1 = '[fe80::1%eth1]:1';
  const isMeant = list.block('fe80::1%eth0', 10);
  assert.deepEqual([isMeant?.(eth0), isMeant?.(eth1)], [true, false]);
  assert.deepEqual([await isLetIn(eth0), await isLetIn(eth1)], [false, true]);
  const areMeant = list.block('fe80::1', 20);
  assert.deepEqual([areMeant?.(eth0), areMeant?.(eth1)], [true, true]);
  assert.deepEqual([await isLetIn(eth0), await isLetIn(eth1)], [false, false]);
  assert.equal(await isLetIn('[fe80::2%eth0]:1'), true);
  list.block('fe80::1', 0);
  assert.deepEqual([await isLetIn(eth0), await isLetIn(eth1)], [false, true]);
});

test('what is no address is named so', () => {
  const { list } = blacklist();
  for (const ip of ['', 'example.org', '1.2.3', '1.2.3.4/8', '::g']) assert.equal(list.block(ip, 10), null, ip);
});

test('a list that is full gives up the block that would end first', async () => {
  const { list, isLetIn } = blacklist();
  const ip = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  list.block('192.0.2.7', 5);
  for (let i = 0; i < 100_000; i++) list.block(ip(i), 10);
  assert.equal(await isLetIn('192.0.2.7:1'), true);
  assert.equal(await isLetIn(`${ip(0)}:1`), false);
  assert.equal(await isLetIn(`${ip(99_999)}:1`), false);
});
