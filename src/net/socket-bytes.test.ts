/** What a socket sent, also where it ended with an error while a write had been seen to wait. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { countBytes } from './socket-bytes.ts';

/** As much of a socket as is looked at. */
class FakeSocket {
  bytesRead = 0;
  bytesWritten = 0;
  errored: Error | null = null;
  _bytesDispatched = 0;
  _handle: { writeQueueSize: number } | null = { writeQueueSize: 0 };

  /** The peer resets the connection. */
  fail(): void {
    this._handle = null;
    this.errored = new Error('ECONNRESET');
  }
}

function setUp() {
  const socket = new FakeSocket();
  return { socket, bytes: countBytes(socket as unknown as Socket) };
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
