/** A peer that is cut off because it takes too long: what it was sent is counted to the byte. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { closeGently } from './closing.ts';
import { countBytes } from './socket-bytes.ts';

/** More than the kernel holds for both sides together. */
const CHUNKS = 300;
const CHUNK_BYTES = 100_000;
/** The peer takes some of it, so that one write ends and the next one has all the rest. */
const TAKEN_BYTES = 3_000_000;

test('who reads on for a while, and too slowly, is told of by what it has got', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => peer.destroy());
  peer.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.on('error', () => {});
  const bytes = countBytes(socket);
  for (let i = 0; i < CHUNKS; i++) socket.write(Buffer.alloc(CHUNK_BYTES));
  assert.ok(bytes.wrote() < CHUNKS * CHUNK_BYTES, 'the kernel took all');
  const closed = once(socket, 'close');
  closeGently(socket);
  let received = 0;
  peer.on('data', (data: Buffer) => {
    received += data.length;
    if (received >= TAKEN_BYTES && !socket.destroyed) peer.pause();
  });
  await closed;
  assert.equal(socket.destroyed, true);
  peer.resume();
  await once(peer, 'close');
  assert.equal(bytes.wrote(), received);
});
