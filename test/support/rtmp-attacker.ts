/** An RTMP client that publishes what its test makes up, and the bytes of chunks that no client would send. */
import { TestClient } from '../../src/protocols/rtmp/client.fixture.ts';
import type { Scope } from './temp-dir.ts';
import { withPatience } from './wait-for.ts';

/** A connection whose handshake is done; the scope's end closes it. */
export async function openRtmp(scope: Scope, port: number): Promise<TestClient> {
  const client = await withPatience(TestClient.open(port), () => 'no RTMP handshake');
  scope.after(() => void client.socket.destroy());
  return client;
}

/** Publishes; resolves when it is let in. */
export async function publishRtmp(scope: Scope, port: number, name: string, app = 'live'): Promise<TestClient> {
  const client = await openRtmp(scope, port);
  await client.connectApp(app);
  client.call('publish', 3, name, 'live');
  await withPatience(client.status('NetStream.Publish.Start'), () => `${name} is not published`);
  return client;
}

/** Resolves when the server has ended the connection. */
export async function cutOff(client: TestClient): Promise<void> {
  await withPatience(client.untilClosed(), () => 'the server did not end the connection');
}

/** What a chunk of type 0 says of its message. */
export interface ChunkHead {
  readonly csid: number;
  readonly length: number;
  readonly typeId: number;
  readonly timestamp?: number;
}

/** A chunk of type 0 (RTMP 5.3.1.2), with the payload that is given, whatever its head says. */
export function chunk({ csid, length, typeId, timestamp = 0 }: ChunkHead, payload: Buffer = Buffer.alloc(0)): Buffer {
  const basic =
    csid < 64 ? [csid] : csid < 320 ? [0, csid - 64] : [1, (csid - 64) & 0xff, Math.floor((csid - 64) / 256)];
  const head = Buffer.alloc(11);
  const isExtended = timestamp >= 0xffffff;
  head.writeUIntBE(isExtended ? 0xffffff : timestamp, 0, 3);
  head.writeUIntBE(length, 3, 3);
  head[6] = typeId;
  head.writeUInt32LE(1, 7);
  const extended = Buffer.alloc(isExtended ? 4 : 0);
  if (isExtended) extended.writeUInt32BE(timestamp, 0);
  return Buffer.concat([Buffer.from(basic), head, extended, payload]);
}

/** A whole message in one chunk, for messages shorter than the chunk size. */
export function message(typeId: number, payload: Buffer, csid = 3, timestamp = 0): Buffer {
  return chunk({ csid, length: payload.length, typeId, timestamp }, payload);
}

/** Set Chunk Size (RTMP 5.4.1). */
export function setChunkSize(size: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(size, 0);
  return message(1, payload, 2);
}

/** AMF0: a string, and a number. */
export function amfString(text: string): Buffer {
  const length = Buffer.alloc(3);
  length[0] = 2;
  length.writeUInt16BE(Buffer.byteLength(text), 1);
  return Buffer.concat([length, Buffer.from(text)]);
}

export function amfNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

export const AMF_NULL = Buffer.from([5]);

/** Objects, each in the one before; none of them ends. */
export function nestedObjects(depth: number): Buffer {
  return Buffer.concat(Array.from({ length: depth }, () => Buffer.from([3, 0, 1, 0x61])));
}
