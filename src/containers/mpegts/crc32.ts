/** The CRC-32 of MPEG-2 sections: polynomial 0x04c11db7, not reflected, begun at all ones (ISO 13818-1 annex A). */

const POLYNOMIAL = 0x04c11db7;

const TABLE: Uint32Array = (() => {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
    table[byte] = crc;
  }
  return table;
})();

/** The CRC of `bytes[start, end)` as an unsigned 32-bit number; over a section with its own CRC at the end it is 0. */
export function crc32Mpeg2(bytes: Buffer, start = 0, end: number = bytes.length): number {
  let crc = 0xffffffff;
  for (let at = start; at < end; at++) {
    crc = (crc << 8) ^ (TABLE[((crc >>> 24) ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  }
  return crc >>> 0;
}
