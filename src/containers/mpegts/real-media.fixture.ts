/** Test helper: real coded media by ffmpeg, and its and Wireshark's opinion of transport streams. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Frame, Tracks } from '../../media/index.ts';
import { NO_TRACKS } from '../../media/index.ts';
import { TsDemuxer } from './demuxer.ts';

const VIDEO = ['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25:duration=3'];
const AUDIO = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=3'];

/** Codec options by name; B-frames in both video codecs, a key frame a second. */
const CODEC = {
  h264: ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'],
  h265: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=25:bframes=2:pools=1'],
  aac: ['-c:a', 'aac', '-ac', '2'],
  opus: ['-c:a', 'libopus', '-ac', '2'],
  mp3: ['-c:a', 'libmp3lame', '-b:a', '128k', '-ac', '2'],
} as const;

function run(command: string, args: readonly string[]): { stdout: Buffer; stderr: string } {
  const { stdout, stderr, status, error } = spawnSync(command, args, { maxBuffer: 64 * 1024 * 1024 });
  assert.ifError(error);
  assert.equal(status, 0, `${command} ${args.join(' ')} exits ${status}: ${stderr}`);
  return { stdout, stderr: stderr.toString() };
}

/** Encodes three seconds of a test picture and a tone with ffmpeg. */
export function encode(
  video: 'h264' | 'h265' | null,
  audio: 'aac' | 'opus' | 'mp3' | null,
  format: 'mpegts' | 'mp3',
): Buffer {
  const inputs = [...(video === null ? [] : VIDEO), ...(audio === null ? [] : AUDIO)];
  const codecs = [...(video === null ? [] : CODEC[video]), ...(audio === null ? [] : CODEC[audio])];
  return run('ffmpeg', ['-v', 'error', '-nostdin', ...inputs, ...codecs, '-f', format, 'pipe:1']).stdout;
}

/** All frames of a transport stream and its last tracks; anything wrong with it fails the test. */
export function framesOf(ts: Buffer): { tracks: Tracks; frames: Frame[] } {
  const demuxer = new TsDemuxer();
  let tracks = NO_TRACKS;
  const frames: Frame[] = [];
  for (const event of [...demuxer.push(ts), ...demuxer.end()]) {
    if (event.type === 'tracks') tracks = event.tracks;
    else if (event.type === 'frame') frames.push(event.frame);
    else assert.fail(`the demuxer complains: ${JSON.stringify(event)}`);
  }
  return { tracks, frames };
}

/** Decodes all of the file with every check that ffmpeg has; it must say nothing. */
export function assertDecodes(file: string): void {
  const args = ['-v', 'warning', '-xerror', '-err_detect', 'explode', '-nostdin', '-i', file, '-f', 'null', '-'];
  assert.equal(run('ffmpeg', args).stderr, '');
}

/** `codec` or `codec,width,height` of each stream, as ffprobe finds them. */
export function probe(file: string): string[] {
  const args = ['-v', 'warning', '-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0', file];
  const { stdout, stderr } = run('ffprobe', args);
  assert.equal(stderr, '');
  return [...new Set(stdout.toString().split('\n'))].filter((line) => line !== '');
}

/** The MD5 of all decoded frames of a kind: the same for the same media in any container. */
export function decodedHash(file: string, kind: 'v' | 'a'): string {
  const args = ['-v', 'error', '-nostdin', '-i', file, '-map', `0:${kind}`, '-f', 'streamhash', '-hash', 'md5', '-'];
  const hash = run('ffmpeg', args).stdout.toString().trim();
  assert.match(hash, /MD5=[0-9a-f]{32}$/);
  return hash;
}

const TSHARK = 'tshark';
export const hasTshark: boolean = spawnSync(TSHARK, ['--version']).error === undefined;

/** Wireshark's list of continuity errors in the file. */
export function continuityErrors(file: string): string {
  const args = ['-r', file, '-Y', 'mp2t.cc.drop', '-T', 'fields', '-e', 'frame.number'];
  return run(TSHARK, args).stdout.toString();
}
