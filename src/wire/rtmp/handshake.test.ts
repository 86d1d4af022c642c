/** Both sides of the handshake, the digests of both schemes, and peers who speak something else. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { everySplit } from '../../media/every-split.fixture.ts';
import { RtmpError } from './error.ts';
import type { HandshakeStep } from './handshake.ts';
import { ClientHandshake, ServerHandshake } from './handshake.ts';

const SIZE = 1536;
const TAIL = 'f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae';
const PLAYER = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER = Buffer.from('Genuine Adobe Flash Media Server 001');
const SERVER_LONG = Buffer.concat([SERVER, Buffer.from(TAIL, 'hex')]);
/** Bytes that repeat, so that runs can be compared. */
const pattern = (size: number): Buffer =>
  Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** Where the digest lies, written down once more from the description, apart from the code under test. */
function placeOf(packet: Buffer, half: 8 | 772): number {
  return half + 4 + ([...packet.subarray(half, half + 4)].reduce((sum, byte) => sum + byte, 0) % 728);
}

function without(packet: Buffer, at: number): Buffer {
  return Buffer.concat([packet.subarray(0, at), packet.subarray(at + 32)]);
}

function digestC1(half: 8 | 772, fill: number): Buffer {
  const c1 = Buffer.alloc(SIZE, fill);
  c1.writeUInt32BE(1234, 0);
  c1.writeUInt32BE(0x80000702, 4);
  const at = placeOf(c1, half);
  hmac(PLAYER, without(c1, at)).copy(c1, at);
  return c1;
}

interface Whole {
  sent: Buffer;
  done: boolean;
  rest: Buffer;
}

function run(handshake: { push(bytes: Buffer): HandshakeStep }, pieces: Buffer[]): Whole {
  const sent: Buffer[] = [];
  const rest: Buffer[] = [];
  let done = false;
  for (const piece of pieces) {
    if (done) {
      rest.push(piece);
      continue;
    }
    const step = handshake.push(piece);
    if (step.send !== null) sent.push(step.send);
    done = step.done;
    rest.push(step.rest);
  }
  return { sent: Buffer.concat(sent), done, rest: Buffer.concat(rest) };
}

test('simple handshake: S2 is C1 again, what follows C2 is handed on', () => {
  const c1 = Buffer.concat([Buffer.alloc(8), pattern(SIZE - 8)]);
  const input = Buffer.concat([Buffer.from([3]), c1, Buffer.alloc(SIZE, 9), Buffer.from('chunks')]);
  const whole = everySplit(input, (pieces) => run(new ServerHandshake(pattern), pieces));
  assert.equal(whole.done, true);
  assert.equal(whole.rest.toString(), 'chunks');
  assert.equal(whole.sent.length, 1 + 2 * SIZE);
  assert.equal(whole.sent[0], 3);
  assert.equal(whole.sent.readUInt32BE(5), 0, 'S1 says that it carries no digest');
  assert.deepEqual(whole.sent.subarray(1 + SIZE), c1);
});

test('a version without a valid digest is answered simply', () => {
  const c1 = Buffer.alloc(SIZE, 1);
  const { sent } = run(new ServerHandshake(), [Buffer.concat([Buffer.from([3]), c1])]);
  assert.deepEqual(sent.subarray(1 + SIZE), c1);
});

for (const [name, half] of [
  ['key first', 772],
  ['digest first', 8],
] as const) {
  for (const fill of [0, 0x55, 0xb6, 0xff]) {
    test(`digest handshake, ${name}, filled with ${fill}: S1 and S2 are signed`, () => {
      const c1 = digestC1(half, fill);
      const c1Digest = c1.subarray(placeOf(c1, half), placeOf(c1, half) + 32);
      const input = Buffer.concat([Buffer.from([3]), c1, Buffer.alloc(SIZE)]);
      const { sent, done } = everySplit(input, (pieces) => run(new ServerHandshake(pattern), pieces));
      assert.equal(done, true);
      const s1 = sent.subarray(1, 1 + SIZE);
      const s2 = sent.subarray(1 + SIZE);
      assert.notEqual(s1.readUInt32BE(4), 0);
      const at = placeOf(s1, half);
      assert.deepEqual(s1.subarray(at, at + 32), hmac(SERVER, without(s1, at)));
      assert.deepEqual(s2.subarray(SIZE - 32), hmac(hmac(SERVER_LONG, c1Digest), s2.subarray(0, SIZE - 32)));
    });
  }
}

test('one wrong bit in C1 makes the digest invalid', () => {
  const c1 = digestC1(8, 0x55);
  c1[1000] = 0x54;
  const { sent } = run(new ServerHandshake(), [Buffer.concat([Buffer.from([3]), c1])]);
  assert.deepEqual(sent.subarray(1 + SIZE), c1);
});

test('client and server shake hands, and both hand on what follows', () => {
  const client = new ClientHandshake();
  const server = new ServerHandshake();
  const start = client.start();
  assert.equal(start.length, 1 + SIZE);
  assert.equal(start.readUInt32BE(5), 0);
  const answer = server.push(start).send;
  assert.ok(answer !== null);
  const seen = everySplit(Buffer.concat([answer, Buffer.from('more')]), (pieces) => run(new ClientHandshake(), pieces));
  assert.deepEqual(seen.sent, answer.subarray(1, 1 + SIZE), 'C2 is S1 again');
  assert.equal(seen.rest.toString(), 'more');
  const last = server.push(Buffer.concat([seen.sent, Buffer.from('hello')]));
  assert.equal(last.done, true);
  assert.equal(last.rest.toString(), 'hello');
});

test('C2 is sent as soon as S1 is there', () => {
  const client = new ClientHandshake();
  assert.equal(client.push(Buffer.concat([Buffer.from([3]), Buffer.alloc(SIZE - 1)])).send, null);
  const step = client.push(Buffer.alloc(1));
  assert.equal(step.send?.length, SIZE);
  assert.equal(step.done, false);
});

for (const { bytes, reason, says } of [
  { bytes: Buffer.from([6, 1, 2]), reason: 'encrypted', says: /RTMPE \(version 6\).*RTMPS/ },
  { bytes: Buffer.from([0x16, 3, 1]), reason: 'not-rtmp', says: /TLS/ },
  { bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'), reason: 'not-rtmp', says: /"G".*HTTP/ },
  { bytes: Buffer.from('OPTIONS rtsp://h/ RTSP/1.0\r\n\r\n'), reason: 'not-rtmp', says: /RTSP/ },
  { bytes: Buffer.from([0]), reason: 'not-rtmp', says: /version 0, only 3/ },
  { bytes: Buffer.from([255]), reason: 'not-rtmp', says: /version 255, only 3/ },
]) {
  test(`a peer that opens with 0x${bytes.toString('hex', 0, 1)} is told what is wrong`, () => {
    for (const side of [new ServerHandshake(), new ClientHandshake()]) {
      assert.throws(
        () => side.push(bytes),
        (error) => error instanceof RtmpError && error.reason === reason && says.test(error.message),
      );
    }
  });
}
