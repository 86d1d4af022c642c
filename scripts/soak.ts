/** `npm run soak`: publishers and players of all protocols come and go; at the end nothing of them may be left. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { OrderedScope } from '../test/support/temp-dir.ts';
import { countsOf, growthOf, heapOf, type Look, WARM_LOOKS } from './soak/held.ts';
import { runSoak, type SoakReport } from './soak/run.ts';

const HELP = `npm run soak -- [--minutes N] [--threads N] [--peers N] [--rounds N] [--seed N]

  --minutes N   how long rounds begin (10)
  --threads N   millrace.threads of the server (1)
  --peers N     at a time (8)
  --rounds N    at least so many (7): with fewer than 7 nothing is said of memory
  --seed N      of who comes when (random)
`;
/** How long peers come between two looks at what the server holds, at most. Milliseconds. */
const ROUND_MS = 15_000;
/** Those that warm up, and enough to see a line. */
const ROUNDS = WARM_LOOKS + 5;
/** Faults that are told one by one. */
const MAX_TOLD = 40;
const MB = 1024 * 1024;

// at once: what peers left behind must not hold the process
process.exit(await main(process.argv.slice(2)));

async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === 'number') return options;
  const { minutes, threads, peers, rounds, seed } = options;
  const totalMs = minutes * 60_000;
  console.log(`${minutes} minutes, ${threads} threads, ${peers} peers at a time, seed ${seed}`);
  const started = performance.now();
  const scope = new OrderedScope();
  try {
    let round = 0;
    const report = await runSoak(scope, {
      ...{ seed, threads, peers, totalMs, leastRounds: rounds, roundMs: Math.min(ROUND_MS, totalMs / rounds) },
      onLook: (look, faults) => {
        const at = `${((performance.now() - started) / 1000).toFixed(0)} s`;
        console.log(`round ${round++}, ${at}: ${describe(look)}, ${faults} faults`);
      },
    });
    tell(report);
    console.log(
      `again with: npm run soak -- --minutes ${minutes} --threads ${threads} --peers ${peers} --seed ${seed}`,
    );
    return report.faults.length === 0 ? 0 : 1;
  } finally {
    await scope.end();
  }
}

interface CommandLine {
  readonly minutes: number;
  readonly threads: number;
  readonly peers: number;
  readonly rounds: number;
  readonly seed: number;
}

/** The options, or the exit code where there is nothing to run. */
function readOptions(args: string[]): CommandLine | number {
  const number = { type: 'string' } as const;
  const known = {
    minutes: number,
    threads: number,
    peers: number,
    rounds: number,
    seed: number,
    help: { type: 'boolean' },
  } as const;
  try {
    const { values } = parseArgs({ args, options: known });
    if (values.help === true) {
      console.log(HELP);
      return 0;
    }
    const options = {
      minutes: Number(values.minutes ?? 10),
      threads: Number(values.threads ?? 1),
      peers: Number(values.peers ?? 8),
      rounds: Number(values.rounds ?? ROUNDS),
      seed: Number(values.seed ?? randomInt(2 ** 31)),
    };
    const { minutes, threads, peers, rounds, seed } = options;
    const areWhole = [threads, peers, rounds, seed].every((each) => Number.isSafeInteger(each) && each >= 0);
    if (minutes > 0 && peers > 0 && rounds > 0 && areWhole) return options;
    throw new Error('--minutes is a number above 0, the others are whole numbers');
  } catch (error) {
    console.error(`soak: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
}

function describe({ sessions, held }: Look): string {
  const timers = [...countsOf(held)].reduce((sum, [kind, count]) => (kind.endsWith(' Timeout') ? sum + count : sum), 0);
  const memory = `heap and buffers ${mb(heapOf(held))} MB, resident ${mb(held.rss)} MB`;
  return `${sessions} sessions so far; ${memory}, ${held.descriptors.length} descriptors, ${timers} timers`;
}

function tell({ looks, counts, verdict, faults }: SoakReport): void {
  const [before, last] = [looks[0], looks.at(-1)];
  const rows: [what: string, number: string][] = [...counts].map(([name, count]) => [name, String(count)]);
  rows.push(['sessions', String(verdict.sessions)]);
  rows.push(['events', String(verdict.events)]);
  rows.push(['delivered more than once', String(verdict.repeated)]);
  for (const { what, slope, error, last: now } of growthOf(looks)) {
    rows.push([what, `${mb(now)} MB`]);
    rows.push([`${what}, growth a session`, `${slope.toFixed(0)} ± ${error.toFixed(0)} bytes`]);
  }
  if (before !== undefined && last !== undefined) rows.push(...changes(before, last));
  const width = Math.max(...rows.map(([what]) => what.length));
  for (const [what, number] of rows) console.log(`${what.padEnd(width)}  ${number.padStart(20)}`);
  for (const fault of faults.slice(0, MAX_TOLD)) console.log(`fault: ${fault}`);
  console.log(faults.length === 0 ? 'everything held' : `${faults.length} faults`);
}

/** What there is more or less of than before anybody came. */
function changes(before: Look, last: Look): [what: string, number: string][] {
  const [then, now] = [countsOf(before.held), countsOf(last.held)];
  const kinds = [...new Set([...then.keys(), ...now.keys()])].sort();
  return kinds.flatMap((kind): [string, string][] => {
    const [a, b] = [then.get(kind) ?? 0, now.get(kind) ?? 0];
    return a === b ? [] : [[kind, `${a}, now ${b}`]];
  });
}

function mb(bytes: number): string {
  return (bytes / MB).toFixed(1);
}
