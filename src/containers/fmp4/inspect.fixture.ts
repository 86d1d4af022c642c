/** Test helper: reads fragmented MP4 back, box by box, and says what ffmpeg thinks of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

export interface Box {
  readonly type: string;
  readonly content: Buffer;
}

/** The boxes side by side in these bytes, which they must fill. */
export function boxes(bytes: Buffer): Box[] {
  const found: Box[] = [];
  let at = 0;
  while (at < bytes.length) {
    const size = bytes.readUInt32BE(at);
    assert.ok(size >= 8 && at + size <= bytes.length, `a box of ${size} bytes at ${at} of ${bytes.length}`);
    found.push({ type: bytes.toString('latin1', at + 4, at + 8), content: bytes.subarray(at + 8, at + size) });
    at += size;
  }
  return found;
}

/** The only box of this type, found from the outermost to the innermost, e.g. `moov`, `mvex`. */
export function find(bytes: Buffer, ...path: readonly string[]): Buffer {
  let content = bytes;
  for (const type of path) {
    const matches = boxes(content).filter((candidate) => candidate.type === type);
    assert.equal(matches.length, 1, `one ${type} of ${path.join('/')}`);
    content = matches[0]?.content ?? content;
  }
  return content;
}

export interface ReadSample {
  readonly trackId: number;
  /** Ticks. */
  readonly time: number;
  readonly duration: number;
  readonly offset: number;
  readonly sync: boolean;
  readonly data: Buffer;
}

/** All samples of fragments in their order, each read where its trun says that it is. */
export function samplesOf(fragments: Buffer): ReadSample[] {
  const samples: ReadSample[] = [];
  let at = 0;
  while (at < fragments.length) {
    const moofBytes = fragments.readUInt32BE(at);
    const mdatBytes = fragments.readUInt32BE(at + moofBytes);
    const pair = fragments.subarray(at, at + moofBytes + mdatBytes);
    assert.deepEqual(
      boxes(pair).map((found) => found.type),
      ['moof', 'mdat'],
    );
    for (const traf of boxes(find(pair, 'moof')).filter((found) => found.type === 'traf')) {
      readTraf(traf.content, pair, samples);
    }
    at += pair.length;
  }
  return samples;
}

function readTraf(traf: Buffer, pair: Buffer, samples: ReadSample[]): void {
  const trackId = find(traf, 'tfhd').readUInt32BE(4);
  let time = Number(find(traf, 'tfdt').readBigUInt64BE(4));
  const trun = find(traf, 'trun');
  const hasFlags = (trun.readUInt32BE(0) & 0x400) !== 0;
  const hasOffset = (trun.readUInt32BE(0) & 0x800) !== 0;
  let dataAt = trun.readInt32BE(8);
  let at = 12;
  for (let left = trun.readUInt32BE(4); left > 0; left--) {
    const duration = trun.readUInt32BE(at);
    const size = trun.readUInt32BE(at + 4);
    at += 8;
    const sync = !hasFlags || (trun.readUInt32BE(at) & 0x10000) === 0;
    at += hasFlags ? 4 : 0;
    const offset = hasOffset ? trun.readInt32BE(at) : 0;
    at += hasOffset ? 4 : 0;
    samples.push({ trackId, time, duration, offset, sync, data: pair.subarray(dataAt, dataAt + size) });
    time += duration;
    dataAt += size;
  }
  assert.equal(at, trun.length);
}

/** Where a track's neighbouring samples do not join, in words; empty: nowhere. */
export function seams(samples: readonly ReadSample[]): string[] {
  const found: string[] = [];
  const ends = new Map<number, number>();
  for (const { trackId, time, duration } of samples) {
    const end = ends.get(trackId) ?? time;
    if (end !== time) found.push(`track ${trackId}: a sample ends at ${end}, the next begins at ${time}`);
    ends.set(trackId, time + duration);
  }
  return found;
}

/** Two seconds of H264 as low-latency encoders make it, in a transport stream. */
export function encodePlainH264(): Buffer {
  const input = ['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=30000/1001:duration=2'];
  const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '30', '-pix_fmt', 'yuv420p'];
  const { stdout, status } = spawnSync('ffmpeg', ['-v', 'error', ...input, ...codec, '-f', 'mpegts', 'pipe:1']);
  assert.equal(status, 0);
  return stdout;
}

/** Decodes all of the file; whatever ffmpeg has to say fails the test. */
export function assertDecodesStrictly(file: string): void {
  const output = ['-fps_mode', 'passthrough', '-enc_time_base:v', '1:90000', '-f', 'null', '-'];
  assert.equal(run('ffmpeg', ['-v', 'warning', '-xerror', '-err_detect', 'explode', '-i', file, ...output]).stderr, '');
}

/** A line for each entry that ffprobe shows, as `-of csv=p=0` has them. */
export function probeLines(file: string, entries: string): string[] {
  const { stdout, stderr } = run('ffprobe', ['-v', 'warning', '-show_entries', entries, '-of', 'csv=p=0', file]);
  assert.equal(stderr, '');
  return stdout.split('\n').filter((line) => line !== '');
}

function run(command: string, args: readonly string[]): { stdout: string; stderr: string } {
  const { stdout, stderr, status, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  assert.ifError(error);
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return { stdout, stderr };
}
