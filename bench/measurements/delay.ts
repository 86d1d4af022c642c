/** A frame's way through the server, a new player's first key frame, and garbage collection, while many are served. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { holdPlayers, PLAYED, publish } from '../load.ts';
import { startMillrace } from '../millrace.ts';
import type { Child } from '../processes.ts';
import { under } from '../report.ts';
import type { Bench } from './measurement.ts';

/** The window is at least this long, so that the 99th percentile is not of a handful. Seconds. */
const MIN_SECONDS = 20;
const JOINS = 200;
const JOIN_INTERVAL_MS = 50;
/** What is written by the server's watcher at intervals is there after this. Milliseconds. */
const GC_WRITTEN_MS = 1000;
/** The held players' time beyond what is planned, seconds. */
const SPARE_S = 60;

/** What probe.c prints, milliseconds. */
interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export async function measureDelay({ workshop, options, add }: Bench): Promise<void> {
  const seconds = Math.max(options.seconds, MIN_SECONDS);
  const folder = workshop.newFolder('delay');
  const gcFile = join(folder, 'gc');
  const server = await startMillrace(workshop, {
    config: { httpflv: { gop_num: 1 } },
    nodeArgs: ['--import', join(import.meta.dirname, '../gc-watch.ts')],
    env: { GC_WATCH_FILE: gcFile },
    folder,
  });
  const url = server.flvUrl('bench');
  const publisher = await publish(workshop, PLAYED, server.publishUrl('bench'), { isMarked: true });
  const startProbe = async (): Promise<Child> => {
    const probe = workshop.startNative('probe', ['delay', url, seconds]);
    await probe.waitForLine('stderr', (line) => line === 'ready');
    return probe;
  };
  // the players of one stream are written to one after the other: one who came before them all, one who came last
  const first = await startProbe();
  const players = await holdPlayers(workshop, url, options.players, seconds + SPARE_S);
  const last = await startProbe();
  const loadedAt = Date.now();
  const [early, late] = await Promise.all([readTimes(first, 'SIGUSR1'), readTimes(last, 'SIGUSR1')]);
  const joins = await readTimes(workshop.startNative('probe', ['join', url, JOINS, JOIN_INTERVAL_MS]));
  await after(GC_WRITTEN_MS);
  await players.leave();
  await publisher.stop();
  await server.stop();

  const ms = ({ p50, p99, max }: Times): string =>
    `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, at most ${max.toFixed(1)} ms`;
  add({ what: 'a frame’s way, to the player written to first', ratio: null, absolute: ms(early), values: early });
  add({
    what: 'a frame’s way, to the player written to last',
    ratio: null,
    absolute: ms(late),
    aim: under(late.p99, 10, ' ms (p99)'),
    values: late,
  });
  add({
    what: 'connect to first key frame, GOP cached',
    ratio: null,
    absolute: `${ms(joins)} (${joins.count} players)`,
    aim: under(joins.p99, 50, ' ms (p99)'),
    values: joins,
  });
  const pauses = readPauses(gcFile, loadedAt);
  const longest = Math.max(0, ...pauses);
  add({
    what: 'longest pause of garbage collection',
    ratio: null,
    absolute: `${longest.toFixed(1)} ms, of ${pauses.length}`,
    aim: under(longest, 20, ' ms'),
    values: { longest, count: pauses.length, sum: pauses.reduce((sum, pause) => sum + pause, 0) },
  });
}

/** Begins a probe's window, where it waits for a signal, and gives what it measures. */
async function readTimes(probe: Child, signal?: NodeJS.Signals): Promise<Times> {
  const line = probe.waitForLine('stdout', (text) => text.startsWith('{'));
  if (signal !== undefined) probe.signal(signal);
  return JSON.parse(await line);
}

/** The pauses since `fromUnixMs`, milliseconds each. */
function readPauses(file: string, fromUnixMs: number): number[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  return lines
    .map((line) => line.split(' ').map(Number))
    .filter(([at = 0]) => at >= fromUnixMs)
    .map(([, pause = 0]) => pause);
}
