/** `node bench/notify.ts`: HTTP Notify alone: events a second, their age at the receiver, backlog, memory. */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Notifier } from '../src/notify/index.ts';
import { Facts, fill, openNotifier, Receiver, STREAMS } from './notify-load.ts';

const RATES = [1000, 5000, 10_000];
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8);
const BACKLOG = Number(process.env['BENCH_EVENTS'] ?? 1_000_000);
/** How the most is found: so many wait at a time. */
const CLOSED_LOOP = 2000;
/** Of the backlog so much is delivered, to see how fast that goes. */
const DRAINED = Math.min(BACKLOG, 100_000);
const TICK_MS = 5;
const HOUR_MS = 3_600_000;

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));

interface Row {
  readonly what: string;
  readonly eventsPerSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly backlogAfter: number;
  readonly dropped: number;
  /** CPU seconds of the whole process (its receiver and the database's thread included) per 1,000 events. */
  readonly cpuMsPer1000: number;
}

interface Backlog {
  readonly rssBeforeMb: number;
  readonly rssAfterMb: number;
  readonly databaseMb: number;
  readonly dropped: number;
  readonly openMs: number;
  readonly drainPerSecond: number;
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  // first, while nothing else has grown the process's memory
  const backlog = await withBacklog();
  const rows: Row[] = [];
  for (const rate of RATES) rows.push(await atRate(rate));
  rows.push(await atMost());
  const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node.js ${process.version}`;
  const cell = (value: number | null, digits = 0): string => (value === null ? '' : value.toFixed(digits));
  console.log(
    [
      `| ${STREAMS} streams, one receiver | delivered a second | p50 ms | p99 ms | waiting at the end | dropped | CPU ms per 1,000 |`,
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows.map(
        (row) =>
          `| ${row.what} | ${cell(row.eventsPerSecond)} | ${cell(row.p50Ms, 1)} | ${cell(row.p99Ms, 1)} | ${row.backlogAfter} | ${row.dropped} | ${cell(row.cpuMsPer1000)} |`,
      ),
      '',
      `backlog of ${BACKLOG} events: resident memory ${cell(backlog.rssBeforeMb)} MB before, ${cell(backlog.rssAfterMb)} MB with it, ` +
        `database ${cell(backlog.databaseMb)} MB, lost ${backlog.dropped}`,
      `opened in ${cell(backlog.openMs)} ms, drained at ${cell(backlog.drainPerSecond)} events/s (${DRAINED} of them)`,
      machine,
    ].join('\n'),
  );
  const results = join(here, 'results');
  mkdirSync(results, { recursive: true });
  const file = join(results, `notify-${new Date().toISOString().replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify({ machine, streams: STREAMS, rows, backlog }, null, 2)}\n`);
  console.log(`written to ${file}`);
}

/** So many events a second, whatever becomes of them. */
async function atRate(rate: number): Promise<Row> {
  return measure(`${rate} a second`, async (facts) => {
    const startMs = performance.now();
    let sent = 0;
    for (;;) {
      const elapsed = performance.now() - startMs;
      if (elapsed >= SECONDS * 1000) return;
      for (const due = (elapsed / 1000) * rate; sent < due; sent++) facts.next();
      await after(TICK_MS);
    }
  });
}

/** As many events as are delivered. */
async function atMost(): Promise<Row> {
  return measure(`as many as it takes, ${CLOSED_LOOP} waiting`, async (facts, notifier) => {
    const startMs = performance.now();
    while (performance.now() - startMs < SECONDS * 1000) {
      for (let waiting = notifier.status().backlog; waiting < CLOSED_LOOP; waiting++) facts.next();
      await after(1);
    }
  });
}

async function measure(what: string, load: (facts: Facts, notifier: Notifier) => Promise<void>): Promise<Row> {
  const receiver = await Receiver.start();
  const notifier = openNotifier(join(folder, `${what}.db`), receiver.port);
  await notifier.start();
  const facts = new Facts(notifier);
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await load(facts, notifier);
  const ages = await receiver.take();
  const took = (performance.now() - startMs) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const { backlog, dropped } = notifier.status();
  await notifier.stop(60_000);
  await receiver.stop();
  ages.sort();
  return {
    what,
    eventsPerSecond: ages.length / took,
    p50Ms: ages[Math.floor(ages.length * 0.5)] ?? null,
    p99Ms: ages[Math.floor(ages.length * 0.99)] ?? null,
    backlogAfter: backlog,
    dropped,
    cpuMsPer1000: (cpu.user + cpu.system) / ages.length,
  };
}

/** Events for a receiver that does not answer; then one that does. No try fails meanwhile, so none waits for its time. */
async function withBacklog(): Promise<Backlog> {
  const silent = await Receiver.start({ hangs: true });
  const file = join(folder, 'backlog.db');
  const first = openNotifier(file, silent.port, HOUR_MS);
  await first.start();
  const rssBeforeMb = rssMb();
  await fill(first, BACKLOG);
  await after(1000);
  const rssAfterMb = rssMb();
  const { dropped } = first.status();
  await first.stop(0);
  await silent.stop();
  const databaseMb = statSync(file, { throwIfNoEntry: false })?.size ?? 0;

  const receiver = await Receiver.start({ port: silent.port });
  const second = openNotifier(file, receiver.port);
  const openedAt = performance.now();
  await second.start();
  const openMs = performance.now() - openedAt;
  const drainAt = performance.now();
  while (second.status().delivered < DRAINED) await after(TICK_MS);
  const drainPerSecond = second.status().delivered / ((performance.now() - drainAt) / 1000);
  await second.stop(0);
  await receiver.stop();
  return { rssBeforeMb, rssAfterMb, databaseMb: databaseMb / 1024 ** 2, dropped, openMs, drainPerSecond };
}

function rssMb(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 1024 ** 2;
}
