/** The CPU that a player costs on two threads, next to one. */
import { measurePlayers, PLAYED, publish } from '../load.ts';
import { startMillrace } from '../millrace.ts';
import { atMost } from '../report.ts';
import type { Bench } from './measurement.ts';
import { checkServed, perPlayer } from './next-to-floor.ts';

/** The key that makes threads, as the server's log names it where it has none. */
const KEY = 'millrace.threads';
/** One and two take turns, so that a machine that changes changes both. */
const ROUNDS = 2;

export async function measureThreads(bench: Bench): Promise<void> {
  const ones: number[] = [];
  const twos: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [threads, costs] of [
      [2, twos],
      [1, ones],
    ] as const) {
      const cost = await measureWith(bench, threads);
      if (cost === null) {
        bench.note(`\`${KEY}\`: not served by this version`);
        return;
      }
      bench.progress(`${threads} threads: ${perPlayer(cost)}`);
      costs.push(cost);
    }
  }
  const [one, two] = [mean(ones), mean(twos)];
  const ratio = two / one;
  bench.add({ what: 'HTTP-FLV, 1 thread', ratio: 1, absolute: perPlayer(one), values: { ones } });
  bench.add({
    what: 'HTTP-FLV, 2 threads',
    ratio,
    ratioTo: 'one',
    absolute: perPlayer(two),
    aim: atMost(ratio, 1.1),
    values: { twos },
  });
}

/** CPU µs per player and second; null where the server does not have this many threads. */
async function measureWith(bench: Bench, threads: number): Promise<number | null> {
  const { workshop, options } = bench;
  const server = await startMillrace(workshop, { config: { millrace: { threads } } });
  if (server.notServed.includes(KEY)) {
    await server.stop();
    return null;
  }
  const publisher = await publish(workshop, PLAYED, server.publishUrl('bench'));
  const cost = await measurePlayers(workshop, server.pid, server.flvUrl('bench'), options.players, options.seconds);
  await publisher.stop();
  await server.stop();
  checkServed(bench, `HTTP-FLV, ${threads} threads`, cost);
  return cost.cpuUsPerPlayerSecond;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
