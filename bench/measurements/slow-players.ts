/** What players that do not keep up cost those who do, and the server's memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cost, holdPlayers, measurePlayers, PLAYED, type Players, publish } from '../load.ts';
import { type Millrace, startMillrace } from '../millrace.ts';
import { residentKb } from '../processes.ts';
import { atMost } from '../report.ts';
import type { Bench } from './measurement.ts';

/** The slow ones' part of all players. */
const SLOW_PART = 0.1;
/** The window is at least this long, so that it sees those who never read until they are closed. Seconds. */
const MIN_SECONDS = 14;
/** Likewise for a slow line: the kernel's buffer fills first, then the backlog, and then there are drops. Seconds. */
const MIN_SLOW_LINE_SECONDS = 25;
/** How long the server may take to close those who never read. Seconds. */
const CLOSE_PATIENCE_S = 40;
/** A backlog this long, not the default 10 s: its bound is met within the window. Milliseconds. */
const BACKLOG_MS = 2000;
const BACKLOG = { config: { millrace: { limits: { subscriber_backlog_ms: BACKLOG_MS } } } };
/** A slow line carries this part of the stream. */
const SLOW_LINE = 0.1;
const SAMPLE_MS = 250;

export async function measureSlowPlayers(bench: Bench): Promise<void> {
  const { workshop, options } = bench;
  const slow = Math.max(1, Math.round(options.players * SLOW_PART));
  const others = Math.max(1, options.players - slow);
  const seconds = Math.max(options.seconds, MIN_SECONDS);
  const reference = async (): Promise<Cost> => {
    const server = await startMillrace(workshop, BACKLOG);
    const publisher = await publish(workshop, PLAYED, server.publishUrl('bench'));
    const cost = await measurePlayers(workshop, server.pid, server.flvUrl('bench'), others, seconds);
    await publisher.stop();
    await server.stop();
    bench.progress(`${others} players: ${cost.cores.toFixed(3)} cores, ${cost.rssMb.toFixed(0)} MB resident`);
    return cost;
  };
  const before = await reference();
  const never = { what: `${slow} more that never read`, others, slow, seconds, rate: 0 };
  const neverCost = await measureMix(bench, never);
  const line = {
    what: `${slow} more that read a tenth of the stream`,
    others,
    slow,
    seconds: Math.max(seconds, MIN_SLOW_LINE_SECONDS),
    rate: (PLAYED.bitsPerSecond / 8) * SLOW_LINE,
  };
  const lineCost = await measureMix(bench, line);
  const after = await reference();

  const alone = { cores: (before.cores + after.cores) / 2, rssMb: Math.max(before.rssMb, after.rssMb) };
  bench.add({
    what: `${others} players`,
    ratio: 1,
    absolute: `${alone.cores.toFixed(3)} cores, mean of 2`,
    values: { before, after },
  });
  addMix(bench, never, neverCost, alone);
  addMix(bench, line, lineCost, alone);
}

interface Mix {
  readonly what: string;
  readonly others: number;
  readonly slow: number;
  readonly seconds: number;
  /** What a slow player reads, bytes a second. */
  readonly rate: number;
}

interface MixCost extends Cost {
  readonly peakMb: number;
  readonly droppedFrames: number;
  /** How many the server closed because they could not be written to. */
  readonly closed: number;
}

async function measureMix({ workshop, progress }: Bench, mix: Mix): Promise<MixCost> {
  const server = await startMillrace(workshop, BACKLOG);
  const publisher = await publish(workshop, PLAYED, server.publishUrl('bench'));
  const url = server.flvUrl('bench');
  const memory = watchPeak(server.pid);
  let slowOnes: Players | undefined;
  const cost = await measurePlayers(workshop, server.pid, url, mix.others, mix.seconds, async () => {
    slowOnes = await holdPlayers(workshop, url, mix.slow, mix.seconds + CLOSE_PATIENCE_S, mix.rate);
  });
  const peakMb = memory.stop() / 1024;
  if (mix.rate === 0) await untilClosed(server, mix.slow);
  const closed = countClosed(server);
  await slowOnes?.leave();
  await server.stopInOrder();
  await publisher.stop();
  progress(`${mix.what}: ${cost.cores.toFixed(3)} cores`);
  const droppedFrames = server.stopped.reduce((sum, session) => sum + session.droppedFrames, 0);
  return { ...cost, peakMb, droppedFrames, closed };
}

function addMix(bench: Bench, mix: Mix, cost: MixCost, alone: Pick<Cost, 'cores' | 'rssMb'>): void {
  const ratio = cost.cores / alone.cores;
  const moreMb = Math.max(0, cost.peakMb - alone.rssMb);
  const facts = [
    `${cost.cores.toFixed(3)} cores`,
    `${moreMb.toFixed(0)} MB more at most`,
    `${cost.droppedFrames.toLocaleString('en')} frames dropped`,
    `${cost.closed} of ${mix.slow} closed`,
  ];
  bench.add({
    what: mix.what,
    ratio,
    ratioTo: `the ${mix.others}`,
    absolute: facts.join(', '),
    aim: atMost(ratio, 1.1),
    values: cost,
  });
  if (cost.alive < mix.others) bench.note(`${mix.what}: ${mix.others - cost.alive} of the others were lost`);
}

/** Until the server has closed so many, or patience is over. */
async function untilClosed(server: Millrace, all: number): Promise<void> {
  const deadline = performance.now() + CLOSE_PATIENCE_S * 1000;
  while (countClosed(server) < all && performance.now() < deadline) await sleep(SAMPLE_MS);
}

function countClosed({ stopped }: Millrace): number {
  return stopped.filter(({ reason }) => reason === 'timed out' || reason === 'too slow').length;
}

/** The greatest resident memory from now on; `stop` gives it, in KB. */
function watchPeak(pid: number): { stop(): number } {
  let peak = 0;
  const sample = (): void => {
    peak = Math.max(peak, residentKb(pid));
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      sample();
      return peak;
    },
  };
}
