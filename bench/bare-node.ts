/**
 * The least that a server in Node.js can spend: sends an FLV file's tags at their due times to every connection, with nothing
 * else done. usage: bare-node.ts FILE PORT EACH, where EACH is `picture` (one write when a video tag is due, audio rides along)
 * or `tag` (one write a tag).
 */
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

/** As in `native/floor.c`. Milliseconds. */
const TURN_MS = 3;
/** An FLV file's header and its first PreviousTagSize. */
const FLV_HEADER_BYTES = 13;
/** A tag's header, and the PreviousTagSize after it. */
const TAG_OVERHEAD_BYTES = 15;
const TAG_VIDEO = 9;
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n';

/** What is written at once. */
interface Batch {
  readonly dueMs: number;
  readonly bytes: Buffer;
}

const [file = '', port = '', each = ''] = process.argv.slice(2);
const flv = readFileSync(file);
const batches = batchesOf(flv, each === 'tag');
const players = new Set<Socket>();

createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => players.delete(socket));
  socket.resume();
  socket.write(ANSWER);
  socket.write(flv.subarray(0, FLV_HEADER_BYTES));
  players.add(socket);
}).listen(Number(port), '127.0.0.1');

let startedAt = performance.now();
let next = 0;
setInterval(() => {
  const now = performance.now() - startedAt;
  for (let batch = batches[next]; batch !== undefined && batch.dueMs <= now; batch = batches[next]) {
    for (const player of players) player.write(batch.bytes);
    next++;
  }
  if (next === batches.length) {
    next = 0;
    startedAt = performance.now();
  }
}, TURN_MS);

function batchesOf(flv: Buffer, isPerTag: boolean): Batch[] {
  const batches: Batch[] = [];
  let from = FLV_HEADER_BYTES;
  for (let at = from; at + TAG_OVERHEAD_BYTES <= flv.length; ) {
    const end = at + TAG_OVERHEAD_BYTES + flv.readUIntBE(at + 1, 3);
    if (isPerTag || flv[at] === TAG_VIDEO || end >= flv.length) {
      batches.push({ dueMs: flv.readUIntBE(at + 4, 3), bytes: flv.subarray(from, end) });
      from = end;
    }
    at = end;
  }
  return batches;
}
