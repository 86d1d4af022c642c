/** Tests of what the list of allowed hosts lets through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostList, isHostEntry } from './host-list.ts';

test('names: the very one, whatever its letters, and one below a domain', () => {
  const list = new HostList(['Callbacks.Example.org', '*.cdn.example.com', 'bücher.example', 'only.example:8443']);
  for (const name of ['callbacks.example.org', 'CALLBACKS.example.org.', 'a.cdn.example.com', 'a.b.cdn.example.com']) {
    assert.ok(list.hasName(name, 1935), name);
  }
  assert.ok(list.hasName('xn--bcher-kva.example', 80));
  assert.ok(list.hasName('only.example', 8443));
  assert.ok(!list.hasName('only.example', 443));
  for (const name of [
    'callbacks.example.org#.evil.net',
    'callbacks.example.org/x',
    'callbacks.example.org\\x',
    'example.org',
    'x.callbacks.example.org',
    'cdn.example.com',
    'evilcdn.example.com',
    '10.0.0.1',
    '',
  ]) {
    assert.ok(!list.hasName(name, 80), name);
  }
  assert.ok(!list.hasAddresses(80));
});

test('addresses and ranges, with and without a port', () => {
  const list = new HostList(['192.0.2.7', '10.0.0.0/8:1935', '2001:db8::/32', '[::1]:443', '[fd00::/8]:80']);
  for (const [address, port] of [
    ['192.0.2.7', 1],
    ['10.255.0.1', 1935],
    ['2001:db8:1::5', 9],
    ['2001:0DB8:0001::5', 9],
    ['::1', 443],
    ['fd12::1%eth0', 80],
    // IPv4 within IPv6 is the same machine
    ['::ffff:192.0.2.7', 1],
    ['::ffff:c000:207', 1],
  ] as const) {
    assert.ok(list.hasAddress(address, port), address);
  }
  for (const [address, port] of [
    ['192.0.2.8', 1],
    ['10.0.0.1', 80],
    ['11.0.0.1', 1935],
    ['2001:db9::1', 9],
    ['::1', 80],
    ['0.0.0.0', 443],
    ['::ffff:10.0.0.1', 80],
  ] as const) {
    assert.ok(!list.hasAddress(address, port), address);
  }
  assert.ok(list.hasAddresses(4711));
  assert.ok(!new HostList(['10.0.0.0/8:1935']).hasAddresses(80));
});

test('what is no entry is refused by name', () => {
  const wrong = [
    '',
    '*',
    '*.',
    'a b',
    'http://h',
    'h/path',
    'h:0',
    'h:65536',
    'h:x',
    '10.0.0',
    '10.0.0.0/33',
    '::/129',
  ];
  for (const text of [
    ...wrong,
    '[::1',
    '[h]:80',
    '[10.0.0.1]',
    '::1:port',
    'a..b',
    '-a.b',
    `${'a'.repeat(64)}.b`,
    'h*',
    'a.*.b',
  ]) {
    assert.ok(!isHostEntry(text), text);
  }
  assert.throws(() => new HostList(['ok', 'not ok']), /found "not ok", allowed: a string HOST/);
  assert.ok(new HostList([]).isEmpty);
});
