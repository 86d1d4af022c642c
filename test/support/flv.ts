/** Reads captured FLV as far as the tests look into it; written apart from src/containers/flv, which it checks. */
import assert from 'node:assert/strict';

export interface FlvTag {
  readonly type: 'audio' | 'video' | 'script';
  /** Milliseconds. */
  readonly timestamp: number;
  readonly isSequenceHeader: boolean;
  readonly isKey: boolean;
}

const TYPES = new Map<number, FlvTag['type']>([
  [8, 'audio'],
  [9, 'video'],
  [18, 'script'],
]);

/** Complete tags of an FLV file; what is cut off at its end is left out. Fails where its structure is broken. */
export function readFlv(bytes: Buffer): FlvTag[] {
  assert.equal(bytes.subarray(0, 3).toString('latin1'), 'FLV');
  assert.equal(bytes.readUInt32BE(5), 9);
  assert.equal(bytes.readUInt32BE(9), 0);
  const tags: FlvTag[] = [];
  let at = 13;
  while (at + 15 <= bytes.length) {
    const size = bytes.readUIntBE(at + 1, 3);
    const end = at + 11 + size;
    if (end + 4 > bytes.length) break;
    const type = TYPES.get(bytes.readUInt8(at));
    assert.ok(type, `tag type ${bytes[at]} at ${at}`);
    assert.equal(bytes.readUInt32BE(end), size + 11, `previous tag size at ${end}`);
    const timestamp = bytes.readUIntBE(at + 4, 3) + bytes.readUInt8(at + 7) * 0x1000000;
    const [first = 0, second = 0] = bytes.subarray(at + 11, at + 13);
    tags.push({
      type,
      timestamp,
      isSequenceHeader: type === 'video' ? second === 0 : type === 'audio' && first >> 4 === 10 && second === 0,
      isKey: type === 'video' && first >> 4 === 1 && second === 1,
    });
    at = end + 4;
  }
  return tags;
}

/** The tags with frames in them. */
export function mediaTags(tags: readonly FlvTag[]): FlvTag[] {
  return tags.filter(({ type, isSequenceHeader }) => type !== 'script' && !isSequenceHeader);
}

/** Fails where time goes back, or leaps by more than `gapMs`, within audio or within video. */
export function assertSteadyTime(tags: readonly FlvTag[], gapMs: number): void {
  for (const type of ['audio', 'video'] as const) {
    const times = mediaTags(tags).filter((tag) => tag.type === type);
    for (const [i, { timestamp }] of times.entries()) {
      const before = times[i - 1]?.timestamp ?? timestamp;
      const leap = timestamp - before;
      assert.ok(leap >= 0 && leap <= gapMs, `${type} time goes from ${before} to ${timestamp}`);
    }
  }
}
