/** Test helper: a second reading of transport packets, straight from the clauses of ISO 13818-1, that shares no code with the muxer. */
import assert from 'node:assert/strict';

export interface Packet {
  pid: number;
  starts: boolean;
  counter: number;
  /** 27 MHz, divided by 300; null: none. */
  pcr: number | null;
  randomAccess: boolean;
  discontinuity: boolean;
  hasPayload: boolean;
  payload: Buffer;
}

export interface Pes {
  pid: number;
  streamId: number;
  length: number;
  aligned: boolean;
  pts: number;
  dts: number | null;
  payload: Buffer;
  first: Packet;
}

/** Reads the packets one by one and wants each to be well formed. */
export function packetsOf(bytes: Buffer): Packet[] {
  assert.equal(bytes.length % 188, 0);
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.length; at += 188) {
    const packet = bytes.subarray(at, at + 188);
    assert.equal(packet[0], 0x47);
    assert.equal((packet[1] ?? 0) & 0x80, 0, 'transport_error_indicator');
    assert.equal((packet[3] ?? 0) & 0xc0, 0, 'scrambling');
    const hasField = ((packet[3] ?? 0) & 0x20) !== 0;
    const hasPayload = ((packet[3] ?? 0) & 0x10) !== 0;
    const fieldLength = hasField ? (packet[4] ?? 0) : -1;
    const payload = packet.subarray(5 + fieldLength);
    if (hasField) assert.ok(hasPayload ? fieldLength <= 182 : fieldLength === 183, `field of ${fieldLength}`);
    const flags = fieldLength > 0 ? (packet[5] ?? 0) : 0;
    assert.equal(flags & ~0xd0, 0, 'only the flags discontinuity, random access, PCR');
    const stuffingStart = fieldLength > 0 ? 6 + ((flags & 0x10) !== 0 ? 6 : 0) : 5;
    for (let i = stuffingStart; i < 5 + fieldLength; i++) assert.equal(packet[i], 0xff, 'stuffing');
    let pcr: number | null = null;
    if ((flags & 0x10) !== 0) {
      pcr = packet.readUInt32BE(6) * 2 + ((packet[10] ?? 0) >> 7);
      assert.equal((packet[10] ?? 0) & 0x7f, 0x7e);
      assert.equal(packet[11], 0);
    }
    packets.push({
      pid: packet.readUInt16BE(1) & 0x1fff,
      starts: ((packet[1] ?? 0) & 0x40) !== 0,
      counter: (packet[3] ?? 0) & 0x0f,
      pcr,
      randomAccess: (flags & 0x40) !== 0,
      discontinuity: (flags & 0x80) !== 0,
      hasPayload,
      payload,
    });
  }
  return packets;
}

/** Wants every PID's counters to go up by one at each payload, and to stand still without. */
export function assertContinuity(packets: readonly Packet[]): void {
  const last = new Map<number, number>();
  packets.forEach(({ pid, counter, hasPayload }, i) => {
    const before = last.get(pid);
    if (before !== undefined) {
      assert.equal(counter, hasPayload ? (before + 1) % 16 : before, `packet ${i} of PID ${pid}`);
    }
    last.set(pid, counter);
  });
}

/** The PES packets of a PID, each with the packet that it begins in. */
export function pesOf(packets: readonly Packet[], pid: number): Pes[] {
  const groups: Packet[][] = [];
  for (const packet of packets) {
    if (packet.pid !== pid || !packet.hasPayload) continue;
    if (packet.starts) groups.push([]);
    groups.at(-1)?.push(packet);
  }
  return groups.map((group) => {
    const bytes = Buffer.concat(group.map(({ payload }) => payload));
    assert.equal(bytes.readUIntBE(0, 3), 1);
    const flags = bytes.readUInt8(7);
    assert.ok(flags === 0x80 || flags === 0xc0, `PES flags ${flags}`);
    const first = group[0];
    assert.ok(first !== undefined);
    const length = bytes.readUInt16BE(4);
    if (length > 0) assert.equal(length, bytes.length - 6, 'PES_packet_length');
    assert.equal(bytes.readUInt8(8), flags === 0xc0 ? 10 : 5);
    return {
      pid,
      streamId: bytes.readUInt8(3),
      length,
      aligned: bytes.readUInt8(6) === 0x84,
      pts: timestamp(bytes, 9, flags === 0xc0 ? 3 : 2),
      dts: flags === 0xc0 ? timestamp(bytes, 14, 1) : null,
      payload: bytes.subarray(9 + bytes.readUInt8(8)),
      first,
    };
  });
}

function timestamp(bytes: Buffer, at: number, prefix: number): number {
  const bits = BigInt(`0x${bytes.toString('hex', at, at + 5)}`);
  assert.equal(Number(bits >> 36n), prefix);
  assert.equal(bits & 0x0100010001n, 0x0100010001n, 'marker bits');
  return Number((((bits >> 33n) & 7n) << 30n) | (((bits >> 17n) & 0x7fffn) << 15n) | ((bits >> 1n) & 0x7fffn));
}
