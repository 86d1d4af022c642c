/** H264 out of RTP payloads (RFC 6184), the non-interleaved mode: single NAL units, STAP-A, FU-A. */
import type { AccessUnit } from './access-unit.ts';

export const STAP_A = 24;
export const FU_A = 28;
const LAST_SINGLE = 23;
/** What only the interleaved mode has, packetization-mode 2 (RFC 6184 5.4). */
const INTERLEAVED: ReadonlyMap<number, string> = new Map([
  [25, 'STAP-B'],
  [26, 'MTAP16'],
  [27, 'MTAP24'],
  [29, 'FU-B'],
]);

/** Takes payloads apart; keeps no state but the access unit's. */
export class H264Depacketizer {
  /** Adds the payload's NAL units, or its part of one. Null, or what is wrong; then the access unit is damaged. */
  push(payload: Buffer, unit: AccessUnit): string | null {
    const header = payload[0];
    if (header === undefined) return null; // some senders keep the path open so
    const type = header & 0x1f;
    if (type === FU_A) return pushFragment(payload, header, unit);
    if (unit.isOpen) return `a packet of type ${type} before the end of a fragmented NAL unit`;
    if (type >= 1 && type <= LAST_SINGLE) {
      unit.unit(payload, 0, payload.length);
      return null;
    }
    if (type === STAP_A) return pushAggregate(payload, unit);
    const interleaved = INTERLEAVED.get(type);
    if (interleaved === undefined) return `a payload of the reserved type ${type}`;
    return `a payload of type ${type} (${interleaved}), which belongs to the interleaved mode; modes 0 and 1 are read`;
  }
}

/** RFC 6184 5.7.1. */
function pushAggregate(payload: Buffer, unit: AccessUnit): string | null {
  let at = 1;
  while (at < payload.length) {
    const left = payload.length - at - 2;
    if (left < 0) return `${payload.length - at} byte where the size of a NAL unit in a STAP-A is due`;
    const size = payload.readUInt16BE(at);
    if (size > left) return `a NAL unit of ${size} bytes in a STAP-A that has ${left} left`;
    at += 2;
    unit.unit(payload, at, at + size);
    at += size;
  }
  return null;
}

/** RFC 6184 5.8. */
function pushFragment(payload: Buffer, indicator: number, unit: AccessUnit): string | null {
  const header = payload[1];
  if (header === undefined || payload.length < 3) return `a FU-A of ${payload.length} bytes, at least 3 are needed`;
  if ((header & 0x80) !== 0) {
    if (unit.isOpen) return 'a fragmented NAL unit begins before the end of another';
    unit.begin();
    unit.byte((indicator & 0xe0) | (header & 0x1f));
  } else if (!unit.isOpen) {
    return 'a fragment of a NAL unit whose beginning did not come';
  }
  unit.append(payload, 2, payload.length);
  if ((header & 0x40) !== 0) unit.end();
  return null;
}
