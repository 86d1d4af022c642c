/** The frame of FLV: file header, tag header, previous tag size (Adobe, Video File Format 10.1, annex E.2 to E.4.1). */

export const TAG_TYPE = { audio: 8, video: 9, script: 18 } as const;
export type TagType = (typeof TAG_TYPE)[keyof typeof TAG_TYPE];

/** Bits of the file header's flags. */
export const FLV_HAS_VIDEO = 1;
export const FLV_HAS_AUDIO = 4;

export const FLV_HEADER_BYTES = 9;
export const TAG_HEADER_BYTES = 11;
export const PREVIOUS_TAG_SIZE_BYTES = 4;
/** DataSize has 24 bits. */
export const MAX_TAG_BODY_BYTES = 0xffffff;
/** DataOffset is 9 in version 1; more would be a header that grew. */
export const MAX_FLV_HEADER_BYTES = 1024;

/** Bytes that are not FLV. */
export class FlvError extends Error {
  override readonly name = 'FlvError';
  readonly value: number;
  readonly limit: number;

  constructor(message: string, value: number, limit: number) {
    super(message);
    this.value = value;
    this.limit = limit;
  }
}

/** What opens a file or connection, 13 bytes: the file header of version 1 and the first previous tag size, 0. */
export function serializeFlvHeader(flags: number): Buffer {
  return Buffer.from([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, FLV_HEADER_BYTES, 0, 0, 0, 0]);
}

/**
 * Reads the 9 bytes of a file header.
 * @returns the flags, and how many bytes the header has in all
 * @throws FlvError
 */
export function parseFlvHeader(bytes: Buffer): { flags: number; length: number } {
  const signature = bytes.readUIntBE(0, 3);
  if (signature !== 0x464c56) {
    throw new FlvError(`not FLV: it begins with 0x${signature.toString(16)}, not 0x464c56`, signature, 0x464c56);
  }
  const length = bytes.readUInt32BE(5);
  if (length < FLV_HEADER_BYTES || length > MAX_FLV_HEADER_BYTES) {
    const allowed = `${FLV_HEADER_BYTES} to ${MAX_FLV_HEADER_BYTES} are allowed`;
    throw new FlvError(`the FLV header says it has ${length} bytes, ${allowed}`, length, MAX_FLV_HEADER_BYTES);
  }
  return { flags: bytes.readUInt8(4), length };
}

/**
 * Writes the 11 bytes before a tag's body.
 * @param timestampMs of any size and sign, may be fractional: rounded, and taken modulo 2^32
 */
export function writeTagHeader(
  target: Buffer,
  offset: number,
  type: TagType,
  bodyLength: number,
  timestampMs: number,
): void {
  const timestamp = Math.round(timestampMs) >>> 0;
  target[offset] = type;
  target.writeUIntBE(bodyLength, offset + 1, 3);
  target.writeUIntBE(timestamp & 0xffffff, offset + 4, 3);
  target[offset + 7] = timestamp >>> 24; // TimestampExtended
  target.writeUIntBE(0, offset + 8, 3); // StreamID
}

/** Writes the 4 bytes after a tag's body. */
export function writePreviousTagSize(target: Buffer, offset: number, bodyLength: number): void {
  target.writeUInt32BE(TAG_HEADER_BYTES + bodyLength, offset);
}

/**
 * A whole tag with the previous tag size behind it.
 * @param timestampMs as in `writeTagHeader`
 * @param parts of the body, in turn
 * @throws FlvError where the body is longer than a tag can say
 */
export function writeTag(type: TagType, timestampMs: number, ...parts: readonly Buffer[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > MAX_TAG_BODY_BYTES) {
    const allowed = `at most ${MAX_TAG_BODY_BYTES} are allowed`;
    throw new FlvError(`an FLV tag body of ${length} bytes, ${allowed}`, length, MAX_TAG_BODY_BYTES);
  }
  const tag = Buffer.allocUnsafe(TAG_HEADER_BYTES + length + PREVIOUS_TAG_SIZE_BYTES);
  writeTagHeader(tag, 0, type, length, timestampMs);
  let at = TAG_HEADER_BYTES;
  for (const part of parts) at += part.copy(tag, at);
  writePreviousTagSize(tag, at, length);
  return tag;
}
