/** Boxes of the ISO base media file format (ISO 14496-12 4.2), and the numbers that they are made of. */

export const BOX_HEADER_BYTES = 8;
/** Size and type, then version and flags. */
export const FULL_BOX_HEADER_BYTES = 12;

/** A box of this four-character type. */
export function box(type: string, ...content: readonly Buffer[]): Buffer {
  let size = BOX_HEADER_BYTES;
  for (const part of content) size += part.length;
  const bytes = Buffer.allocUnsafe(size);
  let at = writeBoxHeader(bytes, 0, size, type);
  for (const part of content) at += part.copy(bytes, at);
  return bytes;
}

/** A box with a version and 24 bits of flags. */
export function fullBox(type: string, version: number, flags: number, ...content: readonly Buffer[]): Buffer {
  return box(type, u32(version * 0x1000000 + flags), ...content);
}

/** @returns where the box's content begins */
export function writeBoxHeader(bytes: Buffer, at: number, size: number, type: string): number {
  bytes.writeUInt32BE(size, at);
  return at + 4 + bytes.write(type, at + 4, 4, 'latin1');
}

/** @returns where the box's content begins */
export function writeFullBoxHeader(
  bytes: Buffer,
  at: number,
  size: number,
  type: string,
  version: number,
  flags: number,
): number {
  return bytes.writeUInt32BE(version * 0x1000000 + flags, writeBoxHeader(bytes, at, size, type));
}

export function u8(...values: readonly number[]): Buffer {
  return Buffer.from(values);
}

export function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 2);
  values.forEach((value, i) => {
    bytes.writeUInt16BE(value, i * 2);
  });
  return bytes;
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, i * 4);
  });
  return bytes;
}

export function zeros(count: number): Buffer {
  return Buffer.alloc(count);
}
