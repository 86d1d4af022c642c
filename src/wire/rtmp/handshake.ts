/** The RTMP handshake, both sides (RTMP 1.0 5.2), with the digests that Flash Player 9 and later want. */
import { randomBytes } from 'node:crypto';
import { ByteQueue } from '../../media/index.ts';
import {
  computeDigest,
  DIGEST_SIZE,
  digestOffset,
  findDigest,
  HANDSHAKE_SIZE,
  hmac,
  PLAYER_KEY,
  SERVER_KEY,
  SERVER_KEY_LONG,
} from './digest.ts';
import { RtmpError } from './error.ts';

const VERSION = 3;
/** What S1 claims to be when it carries a digest (Flash Media Server 3.5.1.1); zero would say that it carries none. */
const SERVER_VERSION = Buffer.from([3, 5, 1, 1]);
const NONE: Buffer = Buffer.alloc(0);

/** What came of a push. */
export interface HandshakeStep {
  /** To be sent to the peer now; null: nothing. */
  readonly send: Buffer | null;
  /** The handshake is complete: the peer's bytes from here on are chunks. */
  readonly done: boolean;
  /** Once done: the bytes of this push that follow the handshake. Empty before. */
  readonly rest: Buffer;
}

type Random = (size: number) => Buffer;

/** The server's side: waits for C0 and C1, answers S0, S1 and S2 in one go, waits for C2. */
export class ServerHandshake {
  readonly #queue = new ByteQueue();
  readonly #random: Random;
  #state: 'c0' | 'c1' | 'c2' | 'done' = 'c0';

  constructor(random: Random = randomBytes) {
    this.#random = random;
  }

  /** @throws RtmpError where the first byte is not RTMP version 3; it names what the peer seems to speak */
  push(bytes: Buffer): HandshakeStep {
    this.#queue.push(bytes);
    let send: Buffer | null = null;
    if (this.#state === 'c0' && this.#queue.length >= 1) {
      checkVersion(this.#queue.byteAt(0), 'client');
      this.#queue.skip(1);
      this.#state = 'c1';
    }
    if (this.#state === 'c1' && this.#queue.length >= HANDSHAKE_SIZE) {
      send = answer(this.#queue.consume(HANDSHAKE_SIZE), this.#random);
      this.#state = 'c2';
    }
    // C2 is not looked into: it says nothing that is needed, and peers in use fill it with anything.
    if (this.#state === 'c2' && this.#queue.length >= HANDSHAKE_SIZE) {
      this.#queue.skip(HANDSHAKE_SIZE);
      this.#state = 'done';
    }
    return stepFor(send, this.#state === 'done', this.#queue);
  }
}

/** The client's side: sends C0 and C1 (version zero: the simple handshake), then C2 once S1 is there, waits for S2. */
export class ClientHandshake {
  readonly #queue = new ByteQueue();
  readonly #random: Random;
  #state: 's0' | 's1' | 's2' | 'done' = 's0';

  constructor(random: Random = randomBytes) {
    this.#random = random;
  }

  /** C0 and C1, which open the connection. */
  start(): Buffer {
    const out = Buffer.alloc(1 + HANDSHAKE_SIZE);
    out[0] = VERSION;
    this.#random(HANDSHAKE_SIZE - 8).copy(out, 9);
    return out;
  }

  /** @throws RtmpError where the first byte is not RTMP version 3 */
  push(bytes: Buffer): HandshakeStep {
    this.#queue.push(bytes);
    let send: Buffer | null = null;
    if (this.#state === 's0' && this.#queue.length >= 1) {
      checkVersion(this.#queue.byteAt(0), 'server');
      this.#queue.skip(1);
      this.#state = 's1';
    }
    if (this.#state === 's1' && this.#queue.length >= HANDSHAKE_SIZE) {
      // A copy: what was pushed belongs to the socket, what is sent may wait in it.
      send = Buffer.from(this.#queue.consume(HANDSHAKE_SIZE));
      this.#state = 's2';
    }
    // S2 should be C1 again; servers that send a digest instead are in use, and nothing hangs on it.
    if (this.#state === 's2' && this.#queue.length >= HANDSHAKE_SIZE) {
      this.#queue.skip(HANDSHAKE_SIZE);
      this.#state = 'done';
    }
    return stepFor(send, this.#state === 'done', this.#queue);
  }
}

function stepFor(send: Buffer | null, done: boolean, queue: ByteQueue): HandshakeStep {
  return { send, done, rest: done ? queue.consume(queue.length) : NONE };
}

/** S0, S1 and S2 for a C1: with digests where it carries a valid one, the plain echo otherwise. */
function answer(c1: Buffer, random: Random): Buffer {
  const out = Buffer.alloc(1 + 2 * HANDSHAKE_SIZE);
  out[0] = VERSION;
  const s1 = out.subarray(1, 1 + HANDSHAKE_SIZE);
  const s2 = out.subarray(1 + HANDSHAKE_SIZE);
  random(HANDSHAKE_SIZE - 8).copy(s1, 8);
  // Bytes 4 to 7 are the player's version where there is a digest, and zero in the simple handshake.
  const found = c1.readUInt32BE(4) === 0 ? null : findDigest(c1, PLAYER_KEY);
  if (found === null) {
    c1.copy(s2);
    return out;
  }
  SERVER_VERSION.copy(s1, 4);
  const offset = digestOffset(s1, found.scheme);
  computeDigest(s1, offset, SERVER_KEY).copy(s1, offset);
  random(HANDSHAKE_SIZE - DIGEST_SIZE).copy(s2);
  const key = hmac(SERVER_KEY_LONG, found.digest);
  hmac(key, s2.subarray(0, HANDSHAKE_SIZE - DIGEST_SIZE)).copy(s2, HANDSHAKE_SIZE - DIGEST_SIZE);
  return out;
}

function checkVersion(version: number, peer: 'client' | 'server'): void {
  if (version === VERSION) return;
  if (version === 6 || version === 8 || version === 9) {
    throw new RtmpError(
      'encrypted',
      `the ${peer} asks for RTMPE (version ${version}), which is not supported; use RTMPS`,
    );
  }
  const hint = otherProtocol(version);
  throw new RtmpError('not-rtmp', `the ${peer} opened with version ${version}, only ${VERSION} is RTMP${hint}`);
}

function otherProtocol(firstByte: number): string {
  if (firstByte === 0x16) return ': this is a TLS handshake; RTMPS has a port of its own';
  if (firstByte >= 0x41 && firstByte <= 0x5a) {
    return `: "${String.fromCharCode(firstByte)}" looks like a request of HTTP or RTSP`;
  }
  return '';
}
