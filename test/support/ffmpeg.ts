/** ffmpeg as publisher, prober and strict player, and the source files that it publishes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, run, start } from './process.ts';
import type { Scope } from './temp-dir.ts';
import { withPatience } from './wait-for.ts';

/** Kept between runs, named by the recipe. */
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/millrace-fixtures');

const VIDEO_IN = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30:duration=60'];
const AUDIO_IN = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=60'];
/** 30 frames a second, a key frame every 2 s. */
const GOP = ['-g', '60', '-keyint_min', '60', '-pix_fmt', 'yuv420p', '-b:v', '1M'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0', ...GOP];
const AAC = ['-c:a', 'aac', '-b:a', '96k', '-ac', '2'];

/** What each source is made of. All: 60 s, so that no test meets the seam where a source begins anew. */
const RECIPES = {
  'h264-aac': [...VIDEO_IN, ...AUDIO_IN, ...H264, '-bf', '0', ...AAC],
  'h264-bframes-aac': [...VIDEO_IN, ...AUDIO_IN, ...H264, '-bf', '3', '-b_strategy', '0', ...AAC],
  'h264-only': [...VIDEO_IN, ...H264, '-bf', '0'],
  'aac-only': [...AUDIO_IN, ...AAC],
  'h264-mp3': [
    ...VIDEO_IN,
    '-f',
    'lavfi',
    '-i',
    'sine=sample_rate=44100:duration=60',
    ...H264,
    '-bf',
    '0',
    '-c:a',
    'mp3',
  ],
  'h264-640x360': [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30:duration=60', ...AUDIO_IN],
    ...[...H264, '-bf', '0', ...AAC],
  ],
} satisfies Record<string, readonly string[]>;
export type SourceName = keyof typeof RECIPES;

/** Path of a source file, made where this machine has not made it yet. */
export function source(name: SourceName): string {
  const recipe = RECIPES[name];
  const version = createHash('sha256').update(recipe.join(' ')).digest('hex').slice(0, 8);
  const file = join(CACHE, `${name}-${version}.mp4`);
  if (existsSync(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = join(CACHE, `${name}-${process.pid}.mp4`);
  try {
    execFileSync('ffmpeg', ['-v', 'error', ...recipe, unfinished], { stdio: 'pipe' });
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return file;
}

interface PublishOptions {
  /** Arguments before `-f flv URL`. */
  readonly output?: readonly string[];
}

export interface FfmpegPublisher {
  /** Ends as a user does who presses q: the stream is deleted, then the connection closed. */
  stop(): Promise<Finished>;
  /** Ends without a word to the server. */
  kill(): Promise<Finished>;
  /** Sends nothing, with the connection open, until it is thawed. */
  freeze(): void;
  thaw(): void;
  readonly finished: Promise<Finished>;
}

/** Publishes a source at its own pace, again and again, until it is stopped. */
export function publish(scope: Scope, url: string, name: SourceName, options: PublishOptions = {}): FfmpegPublisher {
  const input = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', source(name)];
  const { child, finished } = start(scope, 'ffmpeg', [
    ...[...input, '-c', 'copy', ...(options.output ?? [])],
    ...['-f', 'flv', '-flvflags', 'no_duration_filesize', url],
  ]);
  const end = (signal: NodeJS.Signals): Promise<Finished> => {
    child.kill(signal);
    return withPatience(finished, () => `ffmpeg publishing ${url} did not end`);
  };
  return {
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    finished,
  };
}

interface ProbedStream {
  readonly codec_name: string;
  readonly codec_type: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_rate?: string;
}

/** What ffprobe sees at a URL, or in bytes that were captured, ordered video first. */
async function probe(scope: Scope, input: string | Buffer, options: readonly string[] = []): Promise<ProbedStream[]> {
  const source = inputArgs(input);
  const { code, stdout, stderr } = await withPatience(
    run(scope, 'ffprobe', ['-v', 'error', ...options, ...source.args, '-show_streams', '-of', 'json'], source.options),
    () => `ffprobe ${source.name} did not end`,
  );
  assert.equal(code, 0, `ffprobe ${source.name}: ${stderr}`);
  const { streams } = JSON.parse(stdout.toString()) as { streams: ProbedStream[] };
  return streams.sort((a, b) => b.codec_type.localeCompare(a.codec_type));
}

/** One line for each stream: `h264 1280x720`, `aac 48000`. */
export async function probeLines(
  scope: Scope,
  input: string | Buffer,
  options: readonly string[] = [],
): Promise<string[]> {
  const streams = await probe(scope, input, options);
  return streams.map(({ codec_name, codec_type, width, height, sample_rate }) =>
    codec_type === 'video' ? `${codec_name} ${width}x${height}` : `${codec_name} ${sample_rate}`,
  );
}

/** Decodes so many seconds of a URL, or captured bytes to their end. Whatever ffmpeg has to say is a failure. */
export async function decodeStrict(
  scope: Scope,
  input: string | Buffer,
  seconds = 4,
  passOver?: RegExp,
): Promise<void> {
  const source = inputArgs(input);
  const strict = ['-v', 'repeat+warning', '-xerror', '-err_detect', 'explode'];
  const length = Buffer.isBuffer(input) ? [] : ['-t', String(seconds)];
  // in the stream's own unit of time: in frames of 1/30 s, times that lie between two would seem to be the same
  const output = ['-fps_mode', 'passthrough', '-enc_time_base:v', '1:1000', '-f', 'null', '-'];
  const { code, stderr: said } = await withPatience(
    run(scope, 'ffmpeg', [...strict, ...length, ...source.args, ...output], source.options),
    () => `ffmpeg decoding ${source.name} did not end`,
  );
  const lines = said.split('\n').filter((line) => passOver === undefined || !passOver.test(line));
  const stderr = lines.join('\n');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, `strict decode of ${source.name}`);
}

function inputArgs(input: string | Buffer): { args: string[]; options: { input?: Buffer }; name: string } {
  // in a transport stream a further track may show up at any time, so ffmpeg would look for the whole of its 5 s
  const look = ['-analyzeduration', '2000000'];
  if (typeof input === 'string') return { args: [...look, '-i', input], options: {}, name: input };
  return { args: [...look, '-i', 'pipe:0'], options: { input }, name: `${input.length} captured bytes` };
}
