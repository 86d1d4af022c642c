/** The control header before each Opus packet in a transport stream (ETSI TS 101 154, opus_control_header), written and read. */

/** control_header_prefix 0x3ff in the upper 11 bits; no trimming, no extension. */
const PREFIX = 0x7fe0;
const PREFIX_MASK = 0xffe0;
const FLAG_START_TRIM = 0x10;
const FLAG_END_TRIM = 0x08;
const FLAG_EXTENSION = 0x04;

/** The bytes of the header before a packet of `packetBytes`. */
export function opusHeaderBytes(packetBytes: number): number {
  return 2 + Math.floor(packetBytes / 255) + 1;
}

/** Writes the header at `out[0]`, which must have room for `opusHeaderBytes`. */
export function writeOpusHeader(out: Buffer, packetBytes: number): void {
  out.writeUInt16BE(PREFIX, 0);
  let at = 2;
  let left = packetBytes;
  for (; left >= 255; left -= 255) out[at++] = 255;
  out[at] = left;
}

/** Where the packet lies in `bytes` whose control header begins at `at`; null where there is no whole one. */
export function parseOpusHeader(bytes: Buffer, at: number): { start: number; end: number } | null {
  if (at + 3 > bytes.length) return null;
  const word = bytes.readUInt16BE(at);
  if ((word & PREFIX_MASK) !== PREFIX) return null;
  let start = at + 2;
  let size = 0;
  let part = 255;
  while (part === 255) {
    const next = bytes[start++];
    if (next === undefined) return null;
    part = next;
    size += part;
  }
  if ((word & FLAG_START_TRIM) !== 0) start += 2;
  if ((word & FLAG_END_TRIM) !== 0) start += 2;
  if ((word & FLAG_EXTENSION) !== 0) start += 1 + (bytes[start] ?? 0);
  return start + size > bytes.length ? null : { start, end: start + size };
}
