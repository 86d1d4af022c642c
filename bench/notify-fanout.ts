/** `node bench/notify-fanout.ts`: what players cost while a million events wait for a receiver that is down. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fill, openNotifier, Receiver } from './notify-load.ts';
import { type Cost, measurePlayers, stop, Workshop } from './processes.ts';

const PLAYERS = Number(process.env['BENCH_PLAYERS'] ?? 1000);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8);
const BACKLOG = Number(process.env['BENCH_EVENTS'] ?? 1_000_000);

let folders = 0;
const workshop = new Workshop();
try {
  const source = workshop.source();
  const down = await Receiver.start();
  await down.stop();
  console.log(
    '| waiting events | cores | CPU µs per player and second | RSS MB | players served |\n| --- | --- | --- | --- | --- |',
  );
  for (const events of [0, BACKLOG, 0, BACKLOG]) {
    const { cores, cpuUsPerPlayerSecond, rssMb, alive } = await measure(source, down.port, events);
    console.log(
      `| ${events} | ${cores.toFixed(3)} | ${cpuUsPerPlayerSecond.toFixed(0)} | ${rssMb.toFixed(0)} | ${alive} |`,
    );
  }
} finally {
  await workshop.end();
}

async function measure(source: string, receiverPort: number, events: number): Promise<Cost> {
  const folder = join(workshop.folder, `backlog-${folders++}`);
  mkdirSync(folder);
  const outbox = join(folder, 'outbox.db');
  const notifier = openNotifier(outbox, receiverPort);
  await notifier.start();
  await fill(notifier, events);
  await notifier.stop(0);

  const url = (event: string): string => `http://127.0.0.1:${receiverPort}/${event}`;
  const config = {
    rtmp: { enable: true, addr: '127.0.0.1:0' },
    default_http: { http_listen_addr: '127.0.0.1:0' },
    httpflv: { enable: true, url_pattern: '/' },
    http_notify: { enable: true, on_sub_start: url('on_sub_start'), on_sub_stop: url('on_sub_stop') },
    millrace: { notify: { outbox_path: outbox } },
  };
  writeFileSync(join(folder, 'conf.json'), JSON.stringify(config));
  const server = workshop.start(
    process.execPath,
    [join(import.meta.dirname, '../src/main.ts'), '-c', 'conf.json'],
    folder,
  );
  if (server.stdout === null || server.pid === undefined) throw new Error('the server did not start');
  const ports = new Map<string, number>();
  for await (const line of createInterface(server.stdout)) {
    const entry: { listener?: string; port?: number; ready?: boolean } = JSON.parse(line);
    if (entry.listener !== undefined && entry.port !== undefined) ports.set(entry.listener, entry.port);
    if (entry.ready === true) break;
  }
  server.stdout.resume();
  const live = `rtmp://127.0.0.1:${ports.get('rtmp')}/live/bench`;
  const publisher = workshop.start('ffmpeg', [
    ...['-v', 'error', '-re', '-stream_loop', '-1', '-i', source],
    ...['-c', 'copy', '-f', 'flv', live],
  ]);
  const play = `http://127.0.0.1:${ports.get('http')}/live/bench.flv`;
  const cost = await measurePlayers(workshop, server.pid, play, PLAYERS, SECONDS);
  await stop(publisher);
  await stop(server);
  return cost;
}
