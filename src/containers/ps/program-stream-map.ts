/** The program stream map (ISO 13818-1 2.5.4): which stream_id carries what. */

/** program_stream_map_length at most. Bytes. */
export const MAX_MAP_LENGTH = 1018;
/** Start code and length. */
const HEAD_BYTES = 6;
const CRC_BYTES = 4;

/**
 * stream_type by stream_id; a sentence about what is wrong where the lengths do not fit. The CRC is not looked at: many
 * cameras write none.
 * @param map from its start code to its CRC
 */
export function parseProgramStreamMap(map: Buffer): Map<number, number> | string {
  const end = map.length - CRC_BYTES;
  const infoLength = HEAD_BYTES + 2;
  if (infoLength + 2 > end) return `a program stream map of ${map.length} bytes is cut short`;
  // behind the descriptors of the program
  const mapLength = infoLength + 2 + map.readUInt16BE(infoLength);
  if (mapLength + 2 > end) return `a program stream map of ${map.length} bytes has ${mapLength} and more`;
  const mapEnd = mapLength + 2 + map.readUInt16BE(mapLength);
  if (mapEnd > end) return `a program stream map of ${map.length} bytes has ${mapEnd + CRC_BYTES}`;
  const types = new Map<number, number>();
  for (let at = mapLength + 2; at + 4 <= mapEnd; ) {
    types.set(map.readUInt8(at + 1), map.readUInt8(at));
    at += 4 + map.readUInt16BE(at + 2);
  }
  return types;
}
