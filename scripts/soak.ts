/** `npm run soak`: publishers and players of all protocols come and go; at the end nothing of them may be left. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { randomFrom, whole } from '../test/fuzz/mutate.ts';
import { publish } from '../test/support/ffmpeg.ts';
import { GOPS_CACHED, Millrace, startServer, writeConfig } from '../test/support/millrace.ts';
import { start } from '../test/support/process.ts';
import { type Callback, startReceiver } from '../test/support/receiver.ts';
import { OrderedScope, type Scope, tempDir } from '../test/support/temp-dir.ts';
import { makeCertificate } from '../test/support/tls.ts';
import { ACTIVITIES, type Soaked } from './soak/activities.ts';
import { faultsOf } from './soak/book.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const HELP = `npm run soak -- [--minutes N] [--threads N] [--peers N] [--seed N]

  --minutes N   how long peers come and go (10)
  --threads N   millrace.threads of the server (1)
  --peers N     at a time (8)
  --seed N      of who comes when (the time)
`;
/** Between two looks at what the server holds, while nobody is there. Milliseconds. */
const ROUND_MS = 45_000;
/** Everything of the server's own that waits for something must be over by then. Milliseconds. */
const QUIET_MS = 60_000;
/** Every so many callbacks one is refused. */
const REFUSED_EVERY = 9;
/** The first rounds warm up: code is compiled, caches fill. */
const WARM_ROUNDS = 2;
/** What the heap and buffers may have grown by from the first warm round to the last. Bytes. */
const MAX_GROWTH = 12 * 1024 * 1024;

interface Held {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly rss: number;
  readonly descriptors: number;
  readonly resources: Readonly<Record<string, number>>;
}

// at once: what peers left behind must not hold the process
process.exit(await main(process.argv.slice(2)));

async function main(args: string[]): Promise<number> {
  let values: { minutes?: string; threads?: string; peers?: string; seed?: string; help?: boolean };
  try {
    const number = { type: 'string' } as const;
    const options = {
      minutes: number,
      threads: number,
      peers: number,
      seed: number,
      help: { type: 'boolean' },
    } as const;
    values = parseArgs({ args, options }).values;
  } catch (error) {
    console.error(`soak: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const numbers = [values.minutes ?? 10, values.threads ?? 1, values.peers ?? 8, values.seed ?? Date.now() % 2 ** 31];
  const [minutes = 0, threads = 0, peers = 0, seed = 0] = numbers.map(Number);
  if (!(minutes > 0 && threads >= 0 && peers >= 1 && Number.isInteger(seed))) {
    console.error(`soak: the options want numbers\n\n${HELP}`);
    return 2;
  }
  console.log(`${minutes} minutes, ${threads} threads, ${peers} peers at a time, seed ${seed}`);
  const scope = new OrderedScope();
  try {
    return await soak(scope, { minutes, threads, peers, seed });
  } finally {
    await scope.end();
  }
}

interface Options {
  readonly minutes: number;
  readonly threads: number;
  readonly peers: number;
  readonly seed: number;
}

async function soak(scope: Scope, { minutes, threads, peers, seed }: Options): Promise<number> {
  const random = randomFrom(seed);
  const taken: Callback[] = [];
  let asked = 0;
  const receiver = await startReceiver(scope);
  receiver.answer = (callback) => {
    asked++;
    if (asked % REFUSED_EVERY === 0) return 500;
    taken.push(callback);
    return 200;
  };
  const { cert_file, key_file } = certificate(scope);
  const folder = tempDir(scope);
  const config = writeConfig(scope, {
    ...GOPS_CACHED,
    rtmp: {
      ...GOPS_CACHED.rtmp,
      rtmps_enable: true,
      rtmps_addr: '127.0.0.1:0',
      rtmps_cert_file: cert_file,
      rtmps_key_file: key_file,
    },
    rtsp: { enable: true, addr: '127.0.0.1:0' },
    hls: {
      enable: true,
      url_pattern: '/hls/',
      out_path: './hls/',
      fragment_duration_ms: 1000,
      cleanup_mode: 2,
      sub_session_hash_key: 'k',
      sub_session_timeout_ms: 3000,
    },
    http_notify: receiver.config(),
    millrace: {
      threads,
      notify: receiver.ownConfig(),
      limits: { idle_timeout_ms: 4000, handshake_timeout_ms: 3000 },
      record: { retention_hours: 1 },
    },
  });
  const origin = await startServer(scope, { rtsp: { enable: true, addr: '127.0.0.1:0' } });
  publish(scope, origin.url('rtmp', 'live/origin'), 'h264-640x360');
  const probeFile = join(folder, 'held.json');
  const running = start(
    scope,
    process.execPath,
    [
      '--expose-gc',
      '--max-semi-space-size=4',
      '--import',
      join(import.meta.dirname, 'soak/probe.ts'),
      MAIN,
      '-c',
      config,
      '-p',
      folder,
    ],
    { env: { ...process.env, MILLRACE_SOAK_PROBE: probeFile } },
  );
  const server = new Millrace(running);
  await server.ready();

  const counts = new Map<string, number>();
  const faults: string[] = [];
  const held: Held[] = [];
  const soaked: Soaked = { server, origin, random };
  const until = performance.now() + minutes * 60_000;
  while (performance.now() < until || held.length <= WARM_ROUNDS) {
    const roundUntil = performance.now() + Math.min(ROUND_MS, (minutes * 60_000) / (WARM_ROUNDS + 2));
    const visit = async (): Promise<void> => {
      while (performance.now() < roundUntil) {
        const [name, activity] = choose(random);
        counts.set(name, (counts.get(name) ?? 0) + 1);
        await activity(soaked).catch((error: unknown) => faults.push(`${name}: ${String(error)}`));
      }
    };
    await Promise.all(Array.from({ length: peers }, visit));
    const left = await quiet(server);
    if (left !== null) faults.push(left);
    const now = await probe(server, probeFile);
    held.push(now);
    console.log(`round ${held.length}: ${describe(now)}; ${taken.length} callbacks, ${faults.length} faults`);
  }
  // what the last refused ones were sent again for
  await after(3000);
  await server.stop();
  faults.push(...faultsOf(taken), ...growth(held));

  for (const [name, count] of counts) console.log(`${name.padEnd(20)}${String(count).padStart(6)}`);
  console.log(`${'callbacks'.padEnd(20)}${String(taken.length).padStart(6)}`);
  for (const fault of faults.slice(0, 40)) console.log(`fault: ${fault}`);
  console.log(faults.length === 0 ? 'everything held' : `${faults.length} faults`);
  return faults.length === 0 ? 0 : 1;
}

function certificate(scope: Scope): { cert_file: string; key_file: string } {
  const made = makeCertificate(scope);
  return { cert_file: made.certFile, key_file: made.keyFile };
}

function choose(random: () => number): [name: string, activity: (soaked: Soaked) => Promise<void>] {
  const sum = ACTIVITIES.reduce((total, [, weight]) => total + weight, 0);
  let at = whole(random, sum);
  for (const [name, weight, activity] of ACTIVITIES) {
    if (at < weight) return [name, activity];
    at -= weight;
  }
  throw new Error('weights that do not add up');
}

/** Waits until the server has no group and no event left. @returns what is left when it took too long */
async function quiet(server: Millrace): Promise<string | null> {
  const until = performance.now() + QUIET_MS;
  for (;;) {
    const { data } = await server.api('/api/stat/all_group');
    const groups = (data?.['groups'] ?? []) as { stream_name: string }[];
    const { data: notify } = await server.api('/api/notify/status');
    const receivers = (notify?.['receivers'] ?? []) as { backlog: number }[];
    const waiting = receivers.reduce((sum, { backlog }) => sum + backlog, Number(notify?.['lost']));
    if (groups.length === 0 && waiting === 0) return null;
    if (performance.now() > until) {
      return `after ${QUIET_MS / 1000} s without peers: groups ${JSON.stringify(groups).slice(0, 2000)}, ${waiting} events wait or are lost`;
    }
    await after(250);
  }
}

async function probe(server: Millrace, file: string): Promise<Held> {
  rmSync(file, { force: true });
  mkdirSync(join(file, '..'), { recursive: true });
  server.signal('SIGUSR2');
  for (;;) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Held;
    } catch {
      await after(50);
    }
  }
}

function describe({ heapUsed, arrayBuffers, rss, descriptors, resources }: Held): string {
  const mb = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
  const kinds = Object.entries(resources).map(([kind, count]) => `${count} ${kind}`);
  return `heap ${mb(heapUsed)} MB, buffers ${mb(arrayBuffers)} MB, resident ${mb(rss)} MB, ${descriptors} descriptors, ${kinds.join(', ')}`;
}

/** What grew between the first round after the warm ones and the last. */
function growth(held: readonly Held[]): string[] {
  const [first, last] = [held[WARM_ROUNDS], held.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const faults: string[] = [];
  const bytes = last.heapUsed + last.arrayBuffers - first.heapUsed - first.arrayBuffers;
  if (bytes > MAX_GROWTH) faults.push(`heap and buffers grew by ${(bytes / 1024 / 1024).toFixed(1)} MB`);
  // connections to receivers are kept open for a while, so a few more or less mean nothing
  if (last.descriptors > first.descriptors + 8) {
    faults.push(`${last.descriptors} descriptors are open, ${first.descriptors} were`);
  }
  for (const [kind, count] of Object.entries(last.resources)) {
    const before = first.resources[kind] ?? 0;
    if (count > before + 8) faults.push(`${count} of ${kind} are active, ${before} were`);
  }
  return faults;
}
