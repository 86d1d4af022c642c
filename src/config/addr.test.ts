/** Tests of addresses: what is read, what is refused, and which of them stand in each other's way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressesCollide, parseAddress, sameAddress } from './addr.ts';

function address(text: string) {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
}

test('reads host and port, a port alone, and IPv6 in brackets', () => {
  assert.deepEqual(parseAddress(':1935'), { text: ':1935', port: 1935 });
  assert.deepEqual(parseAddress('127.0.0.1:0'), { text: '127.0.0.1:0', host: '127.0.0.1', port: 0 });
  assert.deepEqual(parseAddress('live.example.com:65535'), {
    text: 'live.example.com:65535',
    host: 'live.example.com',
    port: 65_535,
  });
  assert.deepEqual(parseAddress('[::1]:8080'), { text: '[::1]:8080', host: '::1', port: 8080 });
});

test('refuses what names no port, too high a port, or a host that is none', () => {
  for (const text of [
    '',
    '1935',
    ':',
    ':x',
    ':65536',
    ':-1',
    'host',
    'a b:1',
    '::1:80',
    '[]:80',
    '[1.2.3.4]:80',
    'a:1:2',
    ':1 ',
  ]) {
    assert.equal(parseAddress(text), null, text);
  }
});

test('any text is read or refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const parsed = parseAddress(text);
      if (parsed !== null) assert.equal(parsed.text, text);
    }),
  );
});

test('addresses collide where one socket keeps the other from being bound', () => {
  const cases: readonly [string, string, boolean][] = [
    [':80', ':80', true],
    [':80', ':81', false],
    [':0', ':0', false],
    [':80', '127.0.0.1:80', true],
    ['127.0.0.1:80', '127.0.0.2:80', false],
    ['0.0.0.0:80', '127.0.0.1:80', true],
    ['0.0.0.0:80', ':80', true],
    ['0.0.0.0:80', '[::]:80', true],
    ['0.0.0.0:80', '[::1]:80', false],
    ['[::]:80', '127.0.0.1:80', true],
    ['[::1]:80', '127.0.0.1:80', false],
  ];
  for (const [a, b, expected] of cases) {
    assert.equal(addressesCollide(address(a), address(b)), expected, `${a} ${b}`);
    assert.equal(addressesCollide(address(b), address(a)), expected, `${b} ${a}`);
  }
});

test('the same address is the same host and port', () => {
  assert.ok(sameAddress(address(':0'), address(':0')));
  assert.ok(!sameAddress(address(':80'), address('0.0.0.0:80')));
});
