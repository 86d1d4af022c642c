/** `npm run fuzz`: feeds parsers with mutated recordings, and keeps what they cannot take as a small file. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type Finding, Fuzzer, type FuzzTarget, judge, minimise } from '../test/fuzz/fuzzer.ts';
import { randomFrom } from '../test/fuzz/mutate.ts';
import { TARGETS } from '../test/fuzz/targets/index.ts';

const ROOT = join(import.meta.dirname, '..');
const CRASHES = join(ROOT, 'test/fuzz/crashes');
const HELP = `npm run fuzz -- [TARGET …] [--minutes N] [--seed N]

Without a target all of them take turns. A run repeats by its seed. What was found is written to test/fuzz/crashes/,
which npm test replays; the exit code is 1 then.

  --minutes N   of all targets together (1)
  --seed N      of the mutations (the time)

Targets: ${TARGETS.map(({ name }) => name).join(', ')}
`;
/** After so many findings in a target the rest of them would say the same. */
const MAX_FINDINGS = 5;
/** Between looks at the clock. */
const BATCH = 50;

process.exitCode = run(process.argv.slice(2));

function run(args: string[]): number {
  let options: { values: { minutes?: string; seed?: string; help?: boolean }; positionals: string[] };
  try {
    options = parseArgs({
      args,
      options: { minutes: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean' } },
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
  const unknown = positionals.filter((name) => TARGETS.every((target) => target.name !== name));
  const [minutes, seed] = [Number(values.minutes ?? 1), Number(values.seed ?? Date.now() % 2 ** 31)];
  if (unknown.length > 0 || !(minutes > 0) || !Number.isInteger(seed)) {
    const what = unknown.length > 0 ? `no target ${unknown.join(', ')}` : '--minutes and --seed want numbers';
    console.error(`fuzz: ${what}\n\n${HELP}`);
    return 2;
  }
  const targets = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  console.log(`seed ${seed}`);
  const found = targets.map((target) => fuzz(target, seed, (minutes * 60_000) / targets.length));
  return found.some((count) => count > 0) ? 1 : 0;
}

/** @returns how many findings there were */
function fuzz(target: FuzzTarget, seed: number, ms: number): number {
  const started = performance.now();
  const fuzzer = new Fuzzer(target, seed);
  const findings = new Map<string, Finding>();
  const note = (finding: Finding | null): void => {
    if (finding === null) return;
    // two findings with one first line and place are the same
    const sort = `${finding.kind} ${finding.message.split('\n').slice(0, 2).join(' ').replace(/\d+/g, '#')}`;
    if (!findings.has(sort)) findings.set(sort, finding);
  };
  for (const input of target.seeds) note(judge(target, input, randomFrom(seed), true));
  while (performance.now() - started < ms && findings.size < MAX_FINDINGS) {
    for (let i = 0; i < BATCH; i++) note(fuzzer.next(true));
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${target.name}: ${fuzzer.inputs.toLocaleString('en')} inputs, ${(fuzzer.inputs / seconds).toFixed(0)} a second, ` +
      `${fuzzer.behaviours} behaviours, ${findings.size} findings`,
  );
  for (const finding of findings.values()) keep(target, minimise(target, finding));
  return findings.size;
}

function keep(target: FuzzTarget, { kind, message, input }: Finding): void {
  const folder = join(CRASHES, target.name);
  const file = join(folder, `${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, input);
  console.log(`  ${kind}: ${message}\n  ${input.length} bytes in ${relative(ROOT, file)}`);
}
