/** Resident memory per player, and whether it grows with time. */
import { setTimeout as after } from 'node:timers/promises';
import { holdPlayers, PLAYED, publish } from '../load.ts';
import { startMillrace } from '../millrace.ts';
import { residentKb } from '../processes.ts';
import { atMost } from '../report.ts';
import type { Bench } from './measurement.ts';

/** With and without players the server is left alone this long first, seconds. */
const SETTLE_S = 10;
const SAMPLE_S = 1;

export async function measureMemory({ workshop, options, add }: Bench): Promise<void> {
  const count = options.players * 2;
  const server = await startMillrace(workshop);
  const publisher = await publish(workshop, PLAYED, server.publishUrl('bench'));
  await after(SETTLE_S * 1000);
  const emptyKb = residentKb(server.pid);
  const players = await holdPlayers(workshop, server.flvUrl('bench'), count, SETTLE_S + options.soakSeconds + 1);
  await after(SETTLE_S * 1000);
  const fullKb = residentKb(server.pid);
  const samples: number[] = [];
  for (let at = 0; at < options.soakSeconds; at += SAMPLE_S) {
    samples.push(residentKb(server.pid));
    await after(SAMPLE_S * 1000);
  }
  const { alive } = await players.seen;
  await publisher.stop();
  await server.stop();

  const perPlayer = (fullKb - emptyKb) / Math.max(1, alive);
  add({
    what: `resident memory per player, ${alive.toLocaleString('en')} HTTP-FLV players`,
    ratio: null,
    absolute: `${perPlayer.toFixed(1)} KB (${mb(emptyKb)} MB without them, ${mb(fullKb)} MB with them)`,
    aim: atMost(perPlayer, 25, ' KB'),
    values: { perPlayer, emptyKb, fullKb, alive },
  });
  const { slope, error } = fitLine(samples);
  const perMinute = (slope * 60) / SAMPLE_S;
  const errorPerMinute = (error * 60) / SAMPLE_S;
  add({
    what: `growth of resident memory, over ${options.soakSeconds} s`,
    ratio: null,
    absolute: `${perMinute.toFixed(0)} ± ${errorPerMinute.toFixed(0)} KB a minute (${mb(Math.max(...samples))} MB at most)`,
    values: { perMinute, errorPerMinute, samples },
  });
}

function mb(kb: number): string {
  return (kb / 1024).toFixed(0);
}

/** The least-squares line through samples at equal distances: its rise per sample, and that rise's standard error. */
function fitLine(samples: readonly number[]): { slope: number; error: number } {
  const n = samples.length;
  if (n < 3) return { slope: 0, error: 0 };
  const meanX = (n - 1) / 2;
  const meanY = samples.reduce((sum, y) => sum + y, 0) / n;
  const squares = samples.reduce((sum, _, x) => sum + (x - meanX) ** 2, 0);
  const slope = samples.reduce((sum, y, x) => sum + (x - meanX) * (y - meanY), 0) / squares;
  const residue = samples.reduce((sum, y, x) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(residue / (n - 2) / squares) };
}
