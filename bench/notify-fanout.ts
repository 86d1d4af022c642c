/** `node bench/notify-fanout.ts`: what players cost while a million events wait for a receiver that is down. */
import { join } from 'node:path';
import { type Cost, measurePlayers, PLAYED, publish } from './load.ts';
import { startMillrace } from './millrace.ts';
import { fill, openNotifier, Receiver } from './notify-load.ts';
import { Workshop } from './processes.ts';

const PLAYERS = Number(process.env['BENCH_PLAYERS'] ?? 1000);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8);
const BACKLOG = Number(process.env['BENCH_EVENTS'] ?? 1_000_000);

const workshop = new Workshop();
try {
  const down = await Receiver.start();
  await down.stop();
  console.log(
    '| waiting events | cores | CPU µs per player and second | RSS MB | players served |\n| --- | --- | --- | --- | --- |',
  );
  for (const events of [0, BACKLOG, 0, BACKLOG]) {
    const { cores, cpuUsPerPlayerSecond, rssMb, alive } = await measure(down.port, events);
    console.log(
      `| ${events} | ${cores.toFixed(3)} | ${cpuUsPerPlayerSecond.toFixed(0)} | ${rssMb.toFixed(0)} | ${alive} |`,
    );
  }
} finally {
  await workshop.stopAll();
}

async function measure(receiverPort: number, events: number): Promise<Cost> {
  const outbox = join(workshop.newFolder('backlog'), 'outbox.db');
  const notifier = openNotifier(outbox, receiverPort);
  await notifier.start();
  await fill(notifier, events);
  await notifier.stop(0);

  const url = (event: string): string => `http://127.0.0.1:${receiverPort}/${event}`;
  const config = {
    http_notify: { enable: true, on_sub_start: url('on_sub_start'), on_sub_stop: url('on_sub_stop') },
    millrace: { notify: { outbox_path: outbox } },
  };
  const server = await startMillrace(workshop, { config });
  const publisher = await publish(workshop, PLAYED, server.publishUrl('bench'));
  const cost = await measurePlayers(workshop, server.pid, server.flvUrl('bench'), PLAYERS, SECONDS);
  await publisher.stop();
  await server.stop();
  return cost;
}
