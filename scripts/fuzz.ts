/** `npm run fuzz`: feeds parsers with mutated recordings, and keeps what they cannot take as a small file. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Coverage } from '../test/fuzz/coverage.ts';
import { Fuzzer } from '../test/fuzz/fuzzer.ts';
import { type Finding, type FuzzTarget, judge, minimise } from '../test/fuzz/judge.ts';
import { randomFrom } from '../test/fuzz/mutate.ts';
import { TARGETS } from '../test/fuzz/targets/index.ts';
import { Watchdog } from '../test/fuzz/watchdog.ts';

const ROOT = join(import.meta.dirname, '..');
const CRASHES = join(ROOT, 'test/fuzz/crashes');
const HELP = `npm run fuzz -- [TARGET …] [--minutes N] [--seed N]

Without a target all of them take turns. A run repeats by its seed. What was found is written to test/fuzz/crashes/,
which npm test replays; the exit code is 1 then.

  --minutes N   of all targets together (1)
  --seed N      of the mutations (the time)
  --list        the targets, one a line
`;
/** After so many findings in a target the rest of them would say the same. */
const MAX_FINDINGS = 5;
/** What is spent on making a finding smaller. Milliseconds. */
const MINIMISE_MS = 20_000;
/** Between looks at the clock. */
const BATCH = 50;

process.exitCode = await run(process.argv.slice(2));

async function run(args: string[]): Promise<number> {
  let options: { values: { minutes?: string; seed?: string; list?: boolean; help?: boolean }; positionals: string[] };
  try {
    options = parseArgs({
      args,
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    console.error(`fuzz: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  const { values, positionals } = options;
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.list) {
    for (const { name, seeds } of TARGETS) console.log(`${name} (${seeds.length} seeds)`);
    return 0;
  }
  const unknown = positionals.filter((name) => TARGETS.every((target) => target.name !== name));
  const [minutes, seed] = [Number(values.minutes ?? 1), Number(values.seed ?? Date.now() % 2 ** 31)];
  if (unknown.length > 0 || !(minutes > 0) || !Number.isInteger(seed)) {
    const what = unknown.length > 0 ? `no target ${unknown.join(', ')}` : '--minutes and --seed want numbers';
    console.error(`fuzz: ${what}\n\n${HELP}`);
    return 2;
  }
  const targets = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  console.log(`seed ${seed}`);
  const watchdog = new Watchdog();
  let found = 0;
  for (const target of targets) found += await fuzz(target, seed, (minutes * 60_000) / targets.length, watchdog);
  await watchdog.close();
  return found > 0 ? 1 : 0;
}

/** @returns how many findings there were */
async function fuzz(target: FuzzTarget, seed: number, ms: number, watchdog: Watchdog): Promise<number> {
  const started = performance.now();
  const coverage = new Coverage();
  const endless = join(CRASHES, target.name, `endless-${seed}`);
  const onInput = (input: Buffer): void => watchdog.watch(endless, input);
  const fuzzer = new Fuzzer(target, { seed, isTimed: true, coverage, onInput });
  const findings = new Map<string, Finding>();
  const note = (finding: Finding | null): void => {
    if (finding === null) return;
    // two findings with one first line and place are the same
    const [first = '', ...lines] = finding.message.split('\n');
    const place = lines.find((line) => line.includes('/src/')) ?? '';
    const sort = `${finding.kind} ${first.replace(/\d+/g, '#').slice(0, 100)} ${place}`;
    if (!findings.has(sort)) findings.set(sort, finding);
  };
  for (const input of target.seeds) {
    onInput(input);
    note(judge(target, input, randomFrom(seed), true).finding);
  }
  coverage.add(coverage.look());
  const before = coverage.size;
  while (performance.now() - started < ms && findings.size < MAX_FINDINGS) {
    for (let i = 0; i < BATCH; i++) note(fuzzer.next());
    // what a target begins and nobody waits for has an end, too
    await turn();
  }
  const seconds = (performance.now() - started) / 1000;
  coverage.close();
  console.log(
    `${target.name}: ${fuzzer.inputs.toLocaleString('en')} inputs, ${(fuzzer.inputs / seconds).toFixed(0)} a second, ` +
      `${fuzzer.kept} kept, ${coverage.size - before} characters of source beyond the seeds, ${findings.size} findings`,
  );
  for (const finding of findings.values()) {
    const until = performance.now() + MINIMISE_MS;
    const smaller = minimise(target, finding, (input) => {
      onInput(input);
      return performance.now() < until;
    });
    keep(target, smaller);
  }
  return findings.size;
}

function keep(target: FuzzTarget, { kind, message, input }: Finding): void {
  const folder = join(CRASHES, target.name);
  const file = join(folder, `${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, input);
  console.log(`  ${kind}: ${message}\n  ${input.length} bytes in ${relative(ROOT, file)}`);
}
