/** What a recording must be that nothing has disturbed: every frame of its source, each one once, evenly in time, decodable. */
import assert from 'node:assert/strict';
import { decodeStrict, type SourceName, source } from './ffmpeg.ts';
import { type ProbedPacket, probePackets } from './rtsp.ts';
import type { Scope } from './temp-dir.ts';

/** The sources have 30 pictures a second, and 48,000 / 1024 audio frames. Longest step, with rounding. Milliseconds. */
const LONGEST_STEP = { video: 35, audio: 23 } as const;
/** So many sizes in a row are found in a source once. */
const SIGNATURE = 30;

/** Fails where a recording of a source that is published over and over lacks anything between its ends. */
export async function assertUndisturbed(scope: Scope, file: string, name: SourceName): Promise<void> {
  const [packets, original] = await Promise.all([probePackets(scope, file), probePackets(scope, source(name))]);
  for (const kind of ['video', 'audio'] as const) {
    const found = packets.filter((packet) => packet.kind === kind);
    assert.ok(found.length > 2 * SIGNATURE, `${file}: only ${found.length} ${kind} packets`);
    assertSteady(found, kind, file);
    assertSame(
      found,
      original.filter((packet) => packet.kind === kind),
      `${kind} of ${file}`,
    );
  }
  await decodeStrict(scope, file, 600);
}

function assertSteady(packets: readonly ProbedPacket[], kind: 'video' | 'audio', file: string): void {
  for (const [i, { dtsMs }] of packets.entries()) {
    const step = dtsMs - (packets[i - 1]?.dtsMs ?? dtsMs - 1);
    const isEven = step > 0 && step <= LONGEST_STEP[kind];
    if (!isEven) assert.fail(`${file}: ${kind} packet ${i} comes ${step} ms after the one before, at ${dtsMs} ms`);
  }
}

/** By their sizes, which are like a fingerprint. */
function assertSame(found: readonly ProbedPacket[], original: readonly ProbedPacket[], what: string): void {
  const { length } = original;
  const sizeAt = (i: number): number | undefined => original[i % length]?.size;
  const start = original.findIndex((_, i) => found.slice(0, SIGNATURE).every(({ size }, j) => sizeAt(i + j) === size));
  assert.notEqual(start, -1, `${what}: the beginning is not the source's`);
  for (const [i, { size }] of found.entries()) {
    assert.equal(size, sizeAt(start + i), `${what}: packet ${i} of ${found.length} is not the source's`);
  }
}
