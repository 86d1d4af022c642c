import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../streams/hub.fixture.ts';
import { Refusals } from './refusals.ts';
import { SlowReaders } from './slow-readers.ts';

const silent = (): void => {};

/** As much of a socket as is looked at. */
class FakeSocket extends EventEmitter {
  writableLength = 0;
  destroyed = false;
  bytesRead = 0;
  bytesWritten = 0;
  _bytesDispatched = 0;
  _handle = { writeQueueSize: 0 };
  remoteAddress = '192.0.2.1';
  remotePort = 5;
  destroy(): void {
    this.destroyed = true;
  }
  /** Hands so many bytes to the kernel. */
  take(bytes: number): void {
    this._bytesDispatched += bytes;
  }
}

function setUp(t: TestContext, minBytesPerSec: number) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const refusals = new Refusals(Refusals.memory(), { log, clock: new FakeClock() });
  const readers = new SlowReaders(() => minBytesPerSec, refusals);
  const socket = new FakeSocket();
  const unwatch = readers.watch(socket as unknown as Socket);
  const refused = (): number => refusals.counts().find(([limit]) => limit === 'min_read_bytes_per_sec')?.[1] ?? 0;
  const pass = (seconds: number, bytesPerSec: number): void => {
    for (let i = 0; i < seconds; i++) {
      socket.take(bytesPerSec);
      t.mock.timers.tick(1000);
    }
  };
  return { socket, unwatch, refused, pass };
}

test('who takes a byte now and then is cut after half a minute, and counted', (t) => {
  const { socket, refused, pass } = setUp(t, 1000);
  socket.writableLength = 100_000;
  // at once, by the system: not by the peer
  pass(1, 3_000_000);
  pass(29, 1);
  assert.ok(!socket.destroyed);
  pass(1, 1);
  assert.ok(socket.destroyed);
  assert.equal(refused(), 1);
});

test('who takes enough on average goes on, in however large steps', (t) => {
  const { socket, pass } = setUp(t, 1000);
  socket.writableLength = 1_000_000;
  pass(1, 0);
  for (let i = 0; i < 10; i++) {
    pass(29, 0);
    pass(1, 30_000);
  }
  assert.ok(!socket.destroyed);
  pass(30, 999);
  assert.ok(socket.destroyed);
});

test('nobody is cut for whom nothing waits, without a bound, or who is not looked after any more', (t) => {
  const idle = setUp(t, 1000);
  idle.pass(100, 0);
  assert.ok(!idle.socket.destroyed);
  t.mock.timers.reset();
  const free = setUp(t, 0);
  free.socket.writableLength = 1;
  free.pass(100, 0);
  assert.ok(!free.socket.destroyed);
  t.mock.timers.reset();
  const gone = setUp(t, 1000);
  gone.socket.writableLength = 1;
  gone.unwatch();
  gone.pass(100, 0);
  assert.ok(!gone.socket.destroyed);
});
