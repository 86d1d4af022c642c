/** RTSP's side of the tests: ffmpeg as publisher, and what a recording says of the sync of its tracks. */
import assert from 'node:assert/strict';
import { type SourceName, source } from './ffmpeg.ts';
import { type Finished, run, start } from './process.ts';
import type { Scope } from './temp-dir.ts';
import { withPatience } from './wait-for.ts';

export interface RtspPublisher {
  /** Ends as a user does who presses q. */
  stop(): Promise<Finished>;
  readonly finished: Promise<Finished>;
}

/** Publishes a source at its own pace, again and again, until it is stopped. */
export function publishRtsp(
  scope: Scope,
  url: string,
  name: SourceName,
  transport: 'tcp' | 'udp',
  output: readonly string[] = [],
): RtspPublisher {
  const input = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', source(name)];
  const args = [...input, '-c', 'copy', ...output, '-f', 'rtsp', '-rtsp_transport', transport, url];
  const { child, finished } = start(scope, 'ffmpeg', args);
  return {
    stop: () => {
      child.kill('SIGINT');
      return withPatience(finished, () => `ffmpeg publishing ${url} did not end`);
    },
    finished,
  };
}

/** One packet as ffprobe sees it. ffmpeg does not work the first times of a stream with B-frames out: those are NaN. */
export interface ProbedPacket {
  readonly kind: 'video' | 'audio';
  readonly ptsMs: number;
  readonly dtsMs: number;
  readonly size: number;
  readonly isKey: boolean;
}

/** The packets of a file, or of so many seconds of a URL. */
export async function probePackets(scope: Scope, input: string, seconds?: number): Promise<ProbedPacket[]> {
  const length = seconds === undefined ? [] : ['-read_intervals', `%+${seconds}`];
  const entries = ['-show_entries', 'packet=codec_type,pts_time,dts_time,size,flags', '-of', 'json'];
  const { code, stdout, stderr } = await withPatience(
    run(scope, 'ffprobe', ['-v', 'error', ...length, '-i', input, ...entries]),
    () => `ffprobe ${input} did not end`,
  );
  assert.equal(code, 0, stderr);
  const { packets } = JSON.parse(stdout.toString()) as {
    packets: { codec_type: 'video' | 'audio'; pts_time?: string; dts_time?: string; size: string; flags: string }[];
  };
  return packets.map(({ codec_type, pts_time, dts_time, size, flags }) => ({
    kind: codec_type,
    ptsMs: Number(pts_time) * 1000,
    dtsMs: Number(dts_time) * 1000,
    size: Number(size),
    isKey: flags.startsWith('K'),
  }));
}

/** The sources have a key frame every so often. Milliseconds. */
const KEY_INTERVAL_MS = 2000;
/** So many audio packets' sizes, one after the other, are found in a source once. */
const SIGNATURE_LENGTH = 30;

/**
 * How much later the audio of a recording is than it was in its source, the video taken as right. The audio is found in
 * the source by the sizes of its packets, the video by its key frames. Milliseconds.
 */
export async function audioDelayMs(scope: Scope, packets: readonly ProbedPacket[], name: SourceName): Promise<number> {
  const original = await probePackets(scope, source(name));
  const isAudio = ({ kind }: ProbedPacket): boolean => kind === 'audio';
  const from = original.filter(isAudio);
  const heard = packets.filter(isAudio).slice(0, SIGNATURE_LENGTH);
  assert.equal(heard.length, SIGNATURE_LENGTH, 'too little audio to find it in the source');
  const at = from.findIndex((_, i) => heard.every(({ size }, j) => from[i + j]?.size === size));
  assert.notEqual(at, -1, 'the audio is not the source’s');
  const key = packets.find(({ kind, isKey, ptsMs }) => kind === 'video' && isKey && !Number.isNaN(ptsMs));
  const firstKey = original.find(({ kind, isKey }) => kind === 'video' && isKey);
  assert.ok(key && firstKey);
  const audioShift = (heard[0]?.ptsMs ?? 0) - (from[at]?.ptsMs ?? 0);
  const videoShift = key.ptsMs - firstKey.ptsMs;
  const apart = (((audioShift - videoShift) % KEY_INTERVAL_MS) + KEY_INTERVAL_MS) % KEY_INTERVAL_MS;
  return apart > KEY_INTERVAL_MS / 2 ? apart - KEY_INTERVAL_MS : apart;
}
