import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../streams/hub.fixture.ts';
import { UNBOUNDED } from './peer-limits.fixture.ts';
import { type PeerLimitOptions, PeerLimits } from './peer-limits.ts';

function setUp(options: Partial<PeerLimitOptions>) {
  const lines: [fields: object, message: string][] = [];
  const silent = (): void => {};
  const warn = (fields: object, message: string): void => void lines.push([fields, message]);
  const clock = new FakeClock();
  const memory = PeerLimits.memory(2);
  const deps = { clock, log: { debug: silent, info: silent, warn, error: silent } };
  const create = (thread: number): PeerLimits => new PeerLimits({ ...UNBOUNDED, ...options }, memory, thread, deps);
  const counts = (limits: PeerLimits) => limits.refusals.counts().filter(([, count]) => count > 0);
  return { lines, clock, memory, first: create(0), second: create(1), counts };
}

test('no bound: all are let in', () => {
  const { first, counts } = setUp({});
  for (let i = 0; i < 1000; i++) assert.ok(first.connections.take('192.0.2.1').ok);
  assert.deepEqual(counts(first), []);
});

test('a bound holds over threads, and who leaves makes room once', () => {
  const { first, second, counts } = setUp({ connections: { all: 2, perAddress: 0 } });
  const taken = first.connections.take('192.0.2.1');
  assert.ok(taken.ok && second.connections.take('192.0.2.2').ok);
  const refused = first.connections.take('192.0.2.3');
  assert.deepEqual(refused, {
    ok: false,
    limit: 'max_connections',
    reason: '2 connections are open, and no more are allowed',
  });
  taken.release();
  taken.release();
  assert.ok(second.connections.take('192.0.2.3').ok);
  assert.ok(!second.connections.take('192.0.2.3').ok);
  assert.deepEqual(counts(first), [['max_connections', 2]]);
});

test('a bound of an address leaves the others alone', () => {
  const { first, second } = setUp({ connections: { all: 0, perAddress: 2 } });
  assert.ok(first.connections.take('2001:db8::1').ok && second.connections.take('2001:db8::2').ok);
  const refused = first.connections.take('2001:db8::3');
  assert.ok(!refused.ok && refused.limit === 'max_connections_per_address');
  assert.ok(first.connections.take('2001:db8:0:1::3').ok);
});

test('several at a time are had whole or not at all', () => {
  const { first } = setUp({ udpSockets: { all: 3, perAddress: 0 } });
  assert.ok(first.udpSockets.take('192.0.2.1', 2).ok);
  assert.ok(!first.udpSockets.take('192.0.2.1', 2).ok);
  assert.ok(first.udpSockets.take('192.0.2.1', 1).ok);
});

test('bounds are replaced while all goes on, and a thread that is gone has nothing open', () => {
  const { first, second, memory } = setUp({ connections: { all: 1, perAddress: 0 } });
  assert.ok(second.connections.take('192.0.2.1').ok);
  assert.ok(!first.connections.take('192.0.2.1').ok);
  first.update({ ...UNBOUNDED, connections: { all: 2, perAddress: 0 } });
  assert.ok(first.connections.take('192.0.2.1').ok);
  assert.ok(!first.connections.take('192.0.2.1').ok);
  PeerLimits.clear(memory, 1);
  assert.ok(first.connections.take('192.0.2.1').ok);
});

test('refusals are named once in a while, with how many there were', () => {
  const { first, lines, clock } = setUp({ connections: { all: 1, perAddress: 0 } });
  for (let i = 0; i < 100; i++) first.connections.take('192.0.2.1');
  assert.equal(lines.length, 1);
  clock.now += 10_000;
  first.connections.take('192.0.2.9');
  const fields = { limit: 'max_connections', peer: '192.0.2.9', times: 99 };
  assert.deepEqual(lines[1], [fields, '1 connections are open, and no more are allowed']);
  assert.equal(lines.length, 2);
});

test('requests of an address are bounded over threads, and the bound is replaced', () => {
  const { first, second } = setUp({ maxRequestsPerSec: 2 });
  const answered = [first, second, first].map((limits) => limits.requests.count('192.0.2.1') === null);
  assert.deepEqual(answered, [true, true, false]);
  second.update({ ...UNBOUNDED, maxRequestsPerSec: 0 });
  assert.equal(second.requests.count('192.0.2.1'), null);
});
