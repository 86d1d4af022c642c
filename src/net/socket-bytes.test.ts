/** What a socket sent, also where it ended with an error while a write had been seen to wait. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { countBytes, lookAtBytes } from './socket-bytes.ts';

/** As much of a socket as is looked at. */
class FakeSocket {
  bytesRead = 0;
  bytesWritten = 0;
  errored: Error | null = null;
  _bytesDispatched = 0;
  _handle: { writeQueueSize: number; _parent?: { writeQueueSize: number } } | null = { writeQueueSize: 0 };

  /** The peer resets the connection, or it is cut off here. */
  fail(code = 'ECONNRESET'): void {
    this._handle = null;
    this.errored = Object.assign(new Error(code), { code });
  }
}

function setUp() {
  const socket = new FakeSocket();
  const counted = socket as unknown as Socket;
  return { socket, bytes: countBytes(counted), look: () => lookAtBytes(counted) };
}

test('what waits in this process is not sent, and stays so where the socket fails', () => {
  const { socket, bytes } = setUp();
  socket._bytesDispatched = 1000;
  socket._handle = { writeQueueSize: 400 };
  assert.equal(bytes.wrote(), 600);
  socket.fail();
  assert.equal(bytes.wrote(), 600);
});

test('what waited has gone out where more was written after it', () => {
  const { socket, bytes } = setUp();
  socket._bytesDispatched = 129;
  // TLS encrypts at once and writes in the next turn, so that at first everything waits, and is more than was written
  socket._handle = { writeQueueSize: 151 };
  assert.equal(bytes.wrote(), 0);
  socket._bytesDispatched = 50_000;
  socket.fail();
  assert.equal(bytes.wrote(), 50_000);
});

test('what was sent before another look, and failed after it, is as it was seen last', () => {
  const { socket, bytes } = setUp();
  socket._bytesDispatched = 500;
  socket._handle = { writeQueueSize: 500 };
  assert.equal(bytes.wrote(), 0);
  socket._handle = { writeQueueSize: 0 };
  assert.equal(bytes.wrote(), 500);
  socket.fail();
  assert.equal(bytes.wrote(), 500);
});

test('where a write is cut off here, what it had taken up is not sent; a look before says how far it was', () => {
  for (const [isLookedAt, sent] of [
    [false, 1000],
    [true, 3000],
  ] as const) {
    const { socket, bytes, look } = setUp();
    socket._bytesDispatched = 1000;
    socket._handle = { writeQueueSize: 400 };
    assert.equal(bytes.wrote(), 600);
    // the first write is over, and the whole backlog is in the next one
    socket._bytesDispatched = 30_000;
    socket._handle = { writeQueueSize: 27_000 };
    if (isLookedAt) look();
    socket.fail('ECANCELED');
    assert.equal(bytes.wrote(), sent);
  }
});

test('over TLS what waits is what waits below, as long as anything does', () => {
  const { socket, bytes } = setUp();
  socket._bytesDispatched = 8_000_000;
  socket._handle = { writeQueueSize: 8_000_500, _parent: { writeQueueSize: 5_000_000 } };
  assert.equal(bytes.wrote(), 3_000_000);
  // what is encrypted is written in the next turn
  socket._handle = { writeQueueSize: 8_000_500, _parent: { writeQueueSize: 0 } };
  assert.equal(bytes.wrote(), 0);
});
