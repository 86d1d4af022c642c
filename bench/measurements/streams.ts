/** The CPU that a publisher costs where there are many, and that of players who wait for a publisher. */
import { setTimeout as after } from 'node:timers/promises';
import { holdPlayers, measureCores, PUBLISHED, publish } from '../load.ts';
import { startMillrace } from '../millrace.ts';
import { atLeast, atMost } from '../report.ts';
import type { Bench } from './measurement.ts';

/** Fewer publishers, to see whether each costs more where there are many. */
const FEW_PART = 0.2;
const WAITING = 2000;
/** What the count of publishers on one core should come to. */
const AIM_PER_CORE = 2300;
/** Until publishers that have been let in are in full flow, seconds. */
const SETTLE_S = 2;

export async function measureStreams(bench: Bench): Promise<void> {
  const { publishers } = bench.options;
  const few = Math.max(1, Math.round(publishers * FEW_PART));
  const fewCores = await measurePublishers(bench, few);
  const cores = await measurePublishers(bench, publishers);
  const perPublisher = (cores / publishers) * 1e6;
  const perFew = (fewCores / few) * 1e6;
  const perCore = Math.floor(publishers / cores);
  bench.add({
    what: `${few} publishers of 600 kbit/s`,
    ratio: 1,
    absolute: `${fewCores.toFixed(3)} cores, ${perFew.toFixed(0)} µs of CPU per publisher and second`,
    values: { publishers: few, cores: fewCores },
  });
  bench.add({
    what: `${publishers} publishers`,
    ratio: perPublisher / perFew,
    ratioTo: `each of the ${few}`,
    absolute: `${cores.toFixed(3)} cores, ${perPublisher.toFixed(0)} µs each: ${perCore.toLocaleString('en')} on one core`,
    aim: atLeast(perCore, AIM_PER_CORE),
    values: { publishers, cores, perCore },
  });
  await measureWaiting(bench);
}

async function measurePublishers({ workshop, options }: Bench, count: number): Promise<number> {
  const server = await startMillrace(workshop);
  const publishers = await publish(workshop, PUBLISHED, server.publishUrl('bench%d'), { count });
  await after(SETTLE_S * 1000);
  const cores = await measureCores(server.pid, options.seconds);
  await publishers.stop();
  await server.stop();
  return cores;
}

/** Each waits for a stream of its own: whatever is done for each group is done so often. */
async function measureWaiting({ workshop, options, add }: Bench): Promise<void> {
  const server = await startMillrace(workshop);
  const empty = await measureCores(server.pid, options.seconds);
  const players = await holdPlayers(workshop, server.flvUrl('waiting%d'), WAITING, options.seconds + 1);
  const cores = await measureCores(server.pid, options.seconds);
  const { alive } = await players.seen;
  await server.stop();
  add({
    what: `${WAITING.toLocaleString('en')} players, each waiting for a stream of its own`,
    ratio: null,
    absolute: `${cores.toFixed(3)} cores (without them ${empty.toFixed(3)}), ${alive.toLocaleString('en')} stayed`,
    aim: atMost(cores, 0.05, ' cores'),
    values: { cores, empty, alive },
  });
}
