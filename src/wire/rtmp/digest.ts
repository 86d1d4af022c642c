/** The digests that Flash Player 9 and later put into the handshake (not in Adobe's specification, described by all servers). */
import { createHmac } from 'node:crypto';

const TEXT_OF_PLAYER = 'Genuine Adobe Flash Player 001';
const TEXT_OF_SERVER = 'Genuine Adobe Flash Media Server 001';
/** Follows both texts in the long form of the keys, with which the second digest is keyed. */
const COMMON_TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');

/** Keys C1. */
export const PLAYER_KEY: Buffer = Buffer.from(TEXT_OF_PLAYER, 'latin1');
/** Keys S1. */
export const SERVER_KEY: Buffer = Buffer.from(TEXT_OF_SERVER, 'latin1');
/** Keys the key of S2. */
export const SERVER_KEY_LONG: Buffer = Buffer.concat([SERVER_KEY, COMMON_TAIL]);

export const DIGEST_SIZE = 32;
/** Size of C1, S1, C2 and S2 (RTMP 5.2.3, 5.2.4). */
export const HANDSHAKE_SIZE = 1536;

/** Where the digest lies: behind the 764 bytes of the key, or before them. */
export type DigestScheme = 'key-first' | 'digest-first';

/** HMAC-SHA256. */
export function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** The digest's place in C1 or S1 (1536 bytes): the sum of four bytes says how far into its 764-byte half it lies. */
export function digestOffset(packet: Buffer, scheme: DigestScheme): number {
  const half = scheme === 'key-first' ? 8 + 764 : 8;
  const sum =
    packet.readUInt8(half) + packet.readUInt8(half + 1) + packet.readUInt8(half + 2) + packet.readUInt8(half + 3);
  return half + 4 + (sum % 728);
}

/** The digest of C1 or S1 under `key`: over all bytes but the digest's own. */
export function computeDigest(packet: Buffer, offset: number, key: Buffer): Buffer {
  return hmac(key, packet.subarray(0, offset), packet.subarray(offset + DIGEST_SIZE, HANDSHAKE_SIZE));
}

/** The scheme and digest of a C1 or S1 that carries a valid one under `key`; null for a simple handshake. */
export function findDigest(packet: Buffer, key: Buffer): { scheme: DigestScheme; digest: Buffer } | null {
  for (const scheme of ['key-first', 'digest-first'] as const) {
    const offset = digestOffset(packet, scheme);
    const digest = packet.subarray(offset, offset + DIGEST_SIZE);
    if (computeDigest(packet, offset, key).equals(digest)) return { scheme, digest };
  }
  return null;
}
