/** What a server is put under: sources, publishers, players, and the CPU that it spends on them. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { type Child, cpuSeconds, residentKb, type Workshop } from './processes.ts';

/** Players that come in a second. */
const RAMP_PER_S = 500;
/** Publishers that come in a second: 500 of them are spread over one GOP of two seconds. */
const PUBLISHERS_PER_S = 250;
/** Players go on for this long after a measured window, so that their going is not in it. Seconds. */
const AFTER_WINDOW_S = 0.5;

/** A recording of 10 s, H264 and AAC, a key frame every 2 s. */
export interface Source {
  readonly name: string;
  readonly bitsPerSecond: number;
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

export const PLAYED: Source = {
  name: 'played',
  bitsPerSecond: 2_100_000,
  video: ['testsrc2=size=1280x720:rate=30', '-b:v 2000k -maxrate 2000k -bufsize 2000k -g 60'],
  audio: ['128k'],
};

export const PUBLISHED: Source = {
  name: 'published',
  bitsPerSecond: 600_000,
  video: ['testsrc2=size=640x360:rate=25', '-b:v 500k -maxrate 500k -bufsize 500k -g 50'],
  audio: ['96k'],
};

/** The source's FLV file, made when it is first asked for. */
export function sourceFile(workshop: Workshop, { name, video: [picture = '', rate = ''], audio }: Source): string {
  const file = join(workshop.folder, `${name}.flv`);
  if (existsSync(file)) return file;
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
  const codecs = `-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 2 ${rate} -c:a aac -b:a ${audio[0]}`;
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...inputs, '-t', '10', ...codecs.split(' '), file]);
  return file;
}

export interface Publishing {
  readonly count?: number;
  /** Each video access unit bears the time it was sent at. */
  readonly isMarked?: boolean;
}

/** Publishes a source to an RTMP URL, `%d` in it being the publisher's index. Resolves when all are let in. */
export async function publish(
  workshop: Workshop,
  source: Source,
  url: string,
  { count = 1, isMarked = false }: Publishing = {},
): Promise<Child> {
  const args = [sourceFile(workshop, source), url, count, PUBLISHERS_PER_S, ...(isMarked ? ['mark'] : [])];
  const publishers = workshop.startNative('publish', args);
  await publishers.waitForLine('stdout', (line) => line === 'publishing');
  return publishers;
}

/** What players saw in their window. */
export interface Seen {
  readonly alive: number;
  readonly mbps: number;
}

/** Players that are all connected. */
export interface Players {
  /** Resolves when their time is over. */
  readonly seen: Promise<Seen>;
  leave(): Promise<void>;
}

/**
 * Holds `count` players on `url`, `%d` in it being the player's index, for `seconds` after all of them are up. Where the URL is
 * that of a playlist they are viewers of HLS, all of the same, and read as fast as they can.
 * @param readBytesPerSecond how fast each reads; absent: as fast as it can
 */
export async function holdPlayers(
  workshop: Workshop,
  url: string,
  count: number,
  seconds: number,
  readBytesPerSecond = -1,
): Promise<Players> {
  const program = url.endsWith('.m3u8') ? 'hls' : 'sink';
  const sink = workshop.startNative(program, [url, count, seconds, RAMP_PER_S, readBytesPerSecond]);
  const seen = sink.waitForLine('stdout', (line) => line.startsWith('{')).then((line): Seen => JSON.parse(line));
  // who leaves early sees nothing, and nobody may be waiting for it
  seen.catch(() => {});
  await sink.waitForLine('stderr', (line) => line === 'measuring');
  return { seen, leave: () => sink.stop() };
}

/** What serving players cost. */
export interface Cost {
  /** CPU seconds a second: 1 is one core. */
  readonly cores: number;
  readonly cpuUsPerPlayerSecond: number;
  readonly rssMb: number;
  readonly alive: number;
  readonly mbpsPerPlayer: number;
}

/**
 * Holds players on `url` and reads the CPU that process `pid` uses meanwhile.
 * @param meanwhile what else is done once all players are up
 */
export async function measurePlayers(
  workshop: Workshop,
  pid: number,
  url: string,
  count: number,
  seconds: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<Cost> {
  const players = await holdPlayers(workshop, url, count, seconds + AFTER_WINDOW_S);
  const [cores] = await Promise.all([measureCores(pid, seconds), meanwhile()]);
  const rssMb = residentKb(pid) / 1024;
  const { alive, mbps } = await players.seen;
  const perPlayer = Math.max(1, alive);
  return { cores, cpuUsPerPlayerSecond: (cores * 1e6) / perPlayer, rssMb, alive, mbpsPerPlayer: mbps / perPlayer };
}

/** CPU seconds a second that a process uses from now on. */
export async function measureCores(pid: number, seconds: number): Promise<number> {
  const before = cpuSeconds(pid);
  const startedAt = performance.now();
  await after(seconds * 1000);
  return ((cpuSeconds(pid) - before) * 1000) / (performance.now() - startedAt);
}
