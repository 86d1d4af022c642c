/** Test helper: runs ffmpeg and ffprobe, and takes any line that they complain in as a failure. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Whether tests with ffmpeg can run; node:test's `skip` takes it. */
export const withFfmpeg: { skip: string | false } = {
  skip: spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'ffmpeg is not installed',
};

/** Runs ffmpeg with these arguments and `input` on its standard input; gives what it wrote to `pipe:1`. */
export function ffmpeg(args: readonly string[], input: Buffer = Buffer.alloc(0)): Buffer {
  return run('ffmpeg', ['-v', 'warning', '-threads', '1', ...args], input);
}

/** The entries that ffprobe shows of `input`, one line each, as `-of csv=p=0` has them. */
export function ffprobe(entries: string, input: Buffer): string[] {
  const args = ['-v', 'warning', '-show_entries', entries, '-of', 'csv=p=0', '-i', 'pipe:0'];
  return run('ffprobe', args, input).toString().trim().split('\n');
}

/** One line a packet with times and a hash of its data: what a container must not change. */
export function packetHashes(input: Buffer): string {
  return ffmpeg(['-i', 'pipe:0', '-map', '0', '-c', 'copy', '-f', 'framemd5', 'pipe:1'], input).toString();
}

/** A short H264 and AAC stream with B-frames as ffmpeg writes it to a pipe. */
export function testFlv(size: string, seconds: number, ...more: readonly string[]): Buffer {
  const video = ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=25:duration=${seconds}`];
  const audio = ['-f', 'lavfi', '-i', `sine=duration=${seconds}:sample_rate=44100`];
  const codecs = ['-c:v', 'libx264', '-bf', '2', '-g', '12', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2'];
  return ffmpeg([...video, ...audio, ...codecs, ...more, '-flvflags', 'no_duration_filesize', '-f', 'flv', 'pipe:1']);
}

function run(program: string, args: readonly string[], input: Buffer): Buffer {
  const { status, stdout, stderr } = spawnSync(program, args, { input, maxBuffer: MAX_OUTPUT_BYTES });
  assert.equal(stderr.toString(), '', `${program} ${args.join(' ')}`);
  assert.equal(status, 0, `${program} ${args.join(' ')}`);
  return stdout;
}
