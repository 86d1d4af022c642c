/** What a recording must be that nothing has disturbed: every frame of its source, each one once, evenly in time, decodable. */
import assert from 'node:assert/strict';
import { decodeStrict, type SourceName, source } from './ffmpeg.ts';
import { type ProbedPacket, probePackets } from './rtsp.ts';
import type { Scope } from './temp-dir.ts';

/** The sources have 30 pictures a second, and 48,000 / 1024 audio frames. Longest step, with rounding. Milliseconds. */
const LONGEST_STEP = { video: 35, audio: 23 } as const;
/** So many sizes in a row are found in a source once. */
const SIGNATURE = 30;

/** Where the source begins anew its tracks are not equally long: in milliseconds, and in packets. */
const [SEAM_STEP_MS, SEAM_PACKETS] = [100, 3];

/** Fails where a recording of a source that is published over and over lacks anything between its ends. */
export async function assertUndisturbed(scope: Scope, file: string, name: SourceName): Promise<void> {
  const [packets, original] = await Promise.all([probePackets(scope, file), probePackets(scope, source(name))]);
  for (const kind of ['video', 'audio'] as const) {
    const found = packets.filter((packet) => packet.kind === kind);
    assert.ok(found.length > 2 * SIGNATURE, `${file}: only ${found.length} ${kind} packets`);
    assertSame(
      found,
      original.filter((packet) => packet.kind === kind),
      LONGEST_STEP[kind],
      `${kind} of ${file}`,
    );
  }
  await decodeStrict(scope, file, 600);
}

/** The source's packets one after the other, known by their sizes, which are like a fingerprint, and evenly in time. */
function assertSame(
  found: readonly ProbedPacket[],
  original: readonly ProbedPacket[],
  longestStepMs: number,
  what: string,
): void {
  const { length } = original;
  const isAt = (from: number, i: number): boolean =>
    found.slice(i, i + SIGNATURE).every(({ size }, j) => original[(from + j) % length]?.size === size);
  let at = original.findIndex((_, from) => isAt(from, 0));
  assert.notEqual(at, -1, `${what}: the beginning is not the source's`);
  for (const [i, { size, dtsMs }] of found.entries()) {
    const isSeam = at % length < SEAM_PACKETS;
    // what stands before the source's first picture is not sent again
    if (isSeam && !isAt(at, i)) at = [1, 2, 3].map((skipped) => at + skipped).find((from) => isAt(from, i)) ?? at;
    assert.equal(size, original[at % length]?.size, `${what}: packet ${i} of ${found.length} is not the source's`);
    at++;
    const before = found[i - 1];
    if (before === undefined) continue;
    const step = dtsMs - before.dtsMs;
    const isEven = step > 0 && step <= (isSeam ? SEAM_STEP_MS : longestStepMs);
    assert.ok(isEven, `${what}: packet ${i} comes ${step} ms after the one before, at ${dtsMs} ms`);
  }
}
