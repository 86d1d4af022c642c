/** `npm run bench`: start-up, and the CPU that a player costs in each format, as a ratio to the least that is possible. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cost, measurePlayers, type RunningServer, stop, Workshop } from './processes.ts';

const PLAYERS = Number(process.env['BENCH_PLAYERS'] ?? 1000);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8);
const STARTS = 5;
const FLOOR_PORT = 19_350;

const workshop = new Workshop();
try {
  await main();
} finally {
  await workshop.end();
}

async function main(): Promise<void> {
  const rows: { name: string; cost: Cost }[] = [];
  const source = workshop.source();
  const startMs = await measureStart();
  process.stdout.write(`start to listening, median of ${STARTS}: ${Math.round(startMs)} ms\n`);
  const floorMs = [0, 33];
  for (const mergeMs of floorMs) rows.push({ name: floorName(mergeMs), cost: await measureFloor(source, mergeMs) });
  for (const gatherMs of [30, 0]) {
    const server = await workshop.startServer({ fanout: { gather_ms: gatherMs } });
    const publisher = await publish(server, source);
    for (const [format, url] of Object.entries(urls(server))) {
      const cost = await measurePlayers(workshop, server.pid, url, PLAYERS, SECONDS);
      rows.push({ name: `${format}, gather_ms ${gatherMs}`, cost });
    }
    await stop(publisher);
    await server.stop();
  }
  report(startMs, rows);
}

async function measureStart(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const server = await workshop.startServer();
    times.push(server.startMs);
    await server.stop();
  }
  return times.sort((a, b) => a - b)[Math.floor(STARTS / 2)] ?? 0;
}

function floorName(mergeMs: number): string {
  return mergeMs === 0 ? 'floor, one send a tag' : `floor, gathered at ${mergeMs} ms`;
}

async function measureFloor(source: string, mergeMs: number): Promise<Cost> {
  const floor = workshop.start(workshop.compile('floor'), [source, String(FLOOR_PORT), String(mergeMs)]);
  if (floor.pid === undefined) throw new Error('the floor did not start');
  const cost = await measurePlayers(workshop, floor.pid, `http://127.0.0.1:${FLOOR_PORT}/x`, PLAYERS, SECONDS);
  await stop(floor);
  return cost;
}

async function publish(server: RunningServer, source: string) {
  const url = `rtmp://127.0.0.1:${server.ports['rtmp']}/live/bench`;
  const args = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', source, '-c', 'copy', '-f', 'flv', url];
  const publisher = workshop.start('ffmpeg', args);
  const probe = await fetch(`http://127.0.0.1:${server.ports['http']}/live/bench.flv`);
  // the first frame has come through once more than the FLV header is there
  const reader = probe.body?.getReader();
  for (let bytes = 0; bytes < 10_000; ) bytes += (await reader?.read())?.value?.length ?? 10_000;
  await reader?.cancel();
  return publisher;
}

function urls(server: RunningServer): Record<string, string> {
  const http = `127.0.0.1:${server.ports['http']}/live/bench`;
  return {
    'HTTP-FLV': `http://${http}.flv`,
    RTMP: `rtmp://127.0.0.1:${server.ports['rtmp']}/live/bench`,
    'HTTP-TS': `http://${http}.ts`,
    'WebSocket-FLV': `ws://${http}.flv`,
  };
}

function report(startMs: number, rows: { name: string; cost: Cost }[]): void {
  const floor = rows[0]?.cost.cores ?? 1;
  const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node.js ${process.version}`;
  const table = [
    `| ${PLAYERS} players of a 2.1 Mbit/s stream | ratio to the floor | cores | CPU µs per player and second | RSS MB | players served |`,
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map(({ name, cost }) =>
      [
        '',
        name,
        (cost.cores / floor).toFixed(2),
        cost.cores.toFixed(3),
        cost.cpuUsPerPlayerSecond.toFixed(0),
        cost.rssMb.toFixed(0),
        `${cost.alive}`,
        '',
      ]
        .join(' | ')
        .trim(),
    ),
  ];
  process.stdout.write(`\n${table.join('\n')}\n\n${machine}\n`);
  const folder = join(dirname(fileURLToPath(import.meta.url)), 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify({ machine, players: PLAYERS, startMs, rows }, null, 2)}\n`);
  process.stdout.write(`written to ${file}\n`);
}
