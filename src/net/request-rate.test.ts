import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../streams/hub.fixture.ts';
import { Refusals } from './refusals.ts';
import { RequestRate } from './request-rate.ts';

/** Two threads of one server. */
function setUp(maxPerSec: number) {
  const silent = (): void => {};
  const lines: [fields: object, message: string][] = [];
  const warn = (fields: object, message: string): void => void lines.push([fields, message]);
  const clock = new FakeClock();
  const refusals = new Refusals(Refusals.memory(), {
    clock,
    log: { debug: silent, info: silent, warn, error: silent },
  });
  const memory = RequestRate.memory();
  const bound = { maxPerSec };
  const create = (): RequestRate => new RequestRate(memory, () => bound.maxPerSec, refusals, clock);
  const refused = (): number => new Map(refusals.counts()).get('max_requests_per_sec_per_address') ?? 0;
  return { first: create(), second: create(), clock, bound, refused, lines };
}

/** How many of so many requests are answered. */
function ask(rate: RequestRate, address: string, times: number): number {
  return Array.from({ length: times }, () => rate.count(address)).filter((reason) => reason === null).length;
}

test('an address is answered so many times a second, over all threads; others are not touched', () => {
  const { first, second, clock, refused, lines } = setUp(100);
  assert.equal(ask(first, '192.0.2.1', 60), 60);
  assert.equal(ask(second, '::ffff:192.0.2.1', 60), 40);
  assert.equal(second.count('192.0.2.1'), 'more than 100 requests a second come from this address');
  assert.equal(ask(second, '192.0.2.2', 100), 100);
  assert.equal(refused(), 21);
  clock.now += 999;
  assert.equal(ask(first, '192.0.2.1', 1), 0);
  clock.now += 1;
  assert.equal(ask(first, '192.0.2.1', 200) + ask(second, '192.0.2.1', 200), 100);
  const limit = 'max_requests_per_sec_per_address';
  const sentence = 'more than 100 requests a second come from this address';
  assert.deepEqual(lines, [[{ limit, peer: '::ffff:192.0.2.1', times: 1 }, sentence]]);
});

test('of IPv6 the first 64 bits count', () => {
  const { first } = setUp(10);
  assert.equal(ask(first, '2001:db8::1', 6) + ask(first, '2001:db8::2', 6), 10);
  assert.equal(ask(first, '2001:db8:0:1::1', 10), 10);
});

test('a clock that is set back or far ahead begins another second, no more', () => {
  const { first, second, clock } = setUp(10);
  for (const now of [5_000_000_000_000, 1000, 0, 999_999_999_999_999]) {
    clock.now = now;
    assert.equal(ask(first, '192.0.2.1', 20) + ask(second, '192.0.2.1', 20), 10);
  }
});

test('without a bound all are answered, and a bound counts from the next request on', () => {
  const { first, bound, refused } = setUp(0);
  assert.equal(ask(first, '192.0.2.1', 10_000), 10_000);
  bound.maxPerSec = 1;
  assert.equal(ask(first, '192.0.2.1', 3), 1);
  assert.equal(refused(), 2);
});

test('of 20,000 addresses that ask a little in the same second hardly any is refused for others', () => {
  const { first } = setUp(5);
  let answered = 0;
  for (let i = 0; i < 20_000; i++) answered += ask(first, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 3);
  assert.ok(answered > 59_000, `${answered} of 60,000`);
});
