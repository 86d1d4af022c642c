/** Program specific information (ISO 13818-1 2.4.4): the PAT and PMT, written and read. */
import { crc32Mpeg2 } from './crc32.ts';
import { PACKET_BYTES, SYNC_BYTE } from './packet.ts';

export const PAT_PID = 0x0000;
/** The PCR_PID of a program without a PCR, and the PID of null packets. */
export const NULL_PID = 0x1fff;
const PAT_TABLE_ID = 0x00;
const PMT_TABLE_ID = 0x02;
const TRANSPORT_STREAM_ID = 1;
const PROGRAM_NUMBER = 1;
/** table_id up to section_length. */
export const SECTION_START_BYTES = 3;
/** section_length of a PAT or PMT at most (2.4.4.4, 2.4.4.9). */
export const MAX_SECTION_LENGTH = 1021;
/** From table_id up to last_section_number. */
const TABLE_HEADER_BYTES = 8;
const CRC_BYTES = 4;

/** stream_type, table 2-34. */
export const STREAM_TYPE = {
  MPEG1_AUDIO: 0x03,
  MPEG2_AUDIO: 0x04,
  PRIVATE: 0x06,
  AAC: 0x0f,
  H264: 0x1b,
  H265: 0x24,
} as const;

const REGISTRATION_TAG = 0x05;
const DVB_EXTENSION_TAG = 0x7f;
const OPUS_EXTENSION = 0x80;
/** The format_identifier of Opus in registration descriptors. */
const OPUS_FORMAT = 'Opus';

/** One entry of a PMT. */
export interface ElementaryStream {
  readonly streamType: number;
  readonly pid: number;
  /** Its descriptors, tag and length included. */
  readonly descriptors: Buffer;
}

export interface ProgramMap {
  readonly version: number;
  readonly pcrPid: number;
  readonly streams: readonly ElementaryStream[];
}

/** Why a section was not taken. */
export type PsiProblem = 'section CRC is wrong' | 'section is cut short' | 'section is too long';

/** The packet of a PAT that names one program. */
export function serializePat(pmtPid: number): Buffer {
  const program = Buffer.alloc(4);
  program.writeUInt16BE(PROGRAM_NUMBER, 0);
  program.writeUInt16BE(0xe000 | pmtPid, 2);
  return sectionPacket(PAT_PID, PAT_TABLE_ID, TRANSPORT_STREAM_ID, 0, program);
}

/** The packet of a PMT; `version` counts modulo 32. */
export function serializePmt(pmtPid: number, map: ProgramMap): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(0xe000 | map.pcrPid, 0);
  head.writeUInt16BE(0xf000, 2); // no program descriptors
  const parts: Buffer[] = [head];
  for (const { streamType, pid, descriptors } of map.streams) {
    const entry = Buffer.alloc(5);
    entry.writeUInt8(streamType, 0);
    entry.writeUInt16BE(0xe000 | pid, 1);
    entry.writeUInt16BE(0xf000 | descriptors.length, 3);
    parts.push(entry, descriptors);
  }
  return sectionPacket(pmtPid, PMT_TABLE_ID, PROGRAM_NUMBER, map.version, Buffer.concat(parts));
}

/** One section that fits into one packet, continuity counter 0. */
function sectionPacket(pid: number, tableId: number, extension: number, version: number, body: Buffer): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES, 0xff);
  packet.writeUInt8(SYNC_BYTE, 0);
  packet.writeUInt16BE(0x4000 | pid, 1);
  packet.writeUInt8(0x10, 3);
  packet.writeUInt8(0, 4); // pointer_field
  const start = 5;
  const end = start + TABLE_HEADER_BYTES + body.length;
  packet.writeUInt8(tableId, start);
  packet.writeUInt16BE(0xb000 | (end + CRC_BYTES - start - SECTION_START_BYTES), start + 1);
  packet.writeUInt16BE(extension, start + 3);
  packet.writeUInt8(0xc1 | (version << 1), start + 5); // current_next_indicator
  packet.writeUInt16BE(0, start + 6); // section 0 of 0
  body.copy(packet, start + TABLE_HEADER_BYTES);
  packet.writeUInt32BE(crc32Mpeg2(packet, start, end), end);
  return packet;
}

/**
 * The descriptors by which players know Opus in private data: its registration, and the DVB extension with
 * channel_config_code (ETSI TS 101 154, Opus).
 * @param channels 1 to 8
 */
export function opusDescriptors(channels: number): Buffer {
  return Buffer.from([
    REGISTRATION_TAG,
    OPUS_FORMAT.length,
    ...Buffer.from(OPUS_FORMAT, 'latin1'),
    DVB_EXTENSION_TAG,
    2,
    OPUS_EXTENSION,
    channels,
  ]);
}

/** The channels that Opus descriptors tell of; null where the stream is not Opus. Two where they tell nothing usable. */
export function opusChannels(descriptors: Buffer): number | null {
  let isOpus = false;
  let channels = 2;
  for (let at = 0; at + 2 <= descriptors.length; ) {
    const tag = descriptors.readUInt8(at);
    const body = descriptors.subarray(at + 2, at + 2 + descriptors.readUInt8(at + 1));
    if (tag === REGISTRATION_TAG && body.toString('latin1', 0, 4) === OPUS_FORMAT) isOpus = true;
    if (tag === DVB_EXTENSION_TAG && body[0] === OPUS_EXTENSION) {
      const code = body[1] ?? 0;
      if (code >= 1 && code <= 8) channels = code;
    }
    at += 2 + descriptors.readUInt8(at + 1);
  }
  return isOpus ? channels : null;
}

/** What is wrong with a whole section; null where it has a header and is what its CRC says. */
export function checkSection(section: Buffer): PsiProblem | null {
  if (section.length < TABLE_HEADER_BYTES + CRC_BYTES) return 'section is cut short';
  return crc32Mpeg2(section) === 0 ? null : 'section CRC is wrong';
}

/** The PMT's PID of the first program in a checked section; null where it names none, or is not a PAT that is in force. */
export function parsePat(section: Buffer): number | null {
  if (!inForce(section, PAT_TABLE_ID)) return null;
  const end = section.length - CRC_BYTES;
  for (let at = TABLE_HEADER_BYTES; at + 4 <= end; at += 4) {
    if (section.readUInt16BE(at) !== 0) return section.readUInt16BE(at + 2) & 0x1fff;
  }
  return null;
}

/** The program map in a checked section; null where it is not a PMT that is in force, or its lengths do not fit. */
export function parsePmt(section: Buffer): ProgramMap | null {
  const end = section.length - CRC_BYTES;
  if (!inForce(section, PMT_TABLE_ID) || TABLE_HEADER_BYTES + 4 > end) return null;
  const streams: ElementaryStream[] = [];
  let at = TABLE_HEADER_BYTES + 4 + (section.readUInt16BE(TABLE_HEADER_BYTES + 2) & 0x0fff);
  while (at + 5 <= end) {
    const descriptorsEnd = at + 5 + (section.readUInt16BE(at + 3) & 0x0fff);
    if (descriptorsEnd > end) return null;
    streams.push({
      streamType: section.readUInt8(at),
      pid: section.readUInt16BE(at + 1) & 0x1fff,
      descriptors: Buffer.from(section.subarray(at + 5, descriptorsEnd)),
    });
    at = descriptorsEnd;
  }
  if (at !== end) return null;
  return {
    version: (section.readUInt8(5) >> 1) & 0x1f,
    pcrPid: section.readUInt16BE(TABLE_HEADER_BYTES) & 0x1fff,
    streams,
  };
}

/** current_next_indicator is set and the table is the one that was looked for. */
function inForce(section: Buffer, tableId: number): boolean {
  return section[0] === tableId && ((section[5] ?? 0) & 1) === 1;
}
