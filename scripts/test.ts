/** What `npm test` runs: the checks of the source, each with one line, then the tests. `npm test -- FILE…` runs only these test files. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules/.bin');
/** A test, or a whole test file, that takes longer has hung. Milliseconds. */
const TEST_TIMEOUT_MS = 300_000;
/** Test files at a time: most of them wait for media at its own pace more than they compute. */
const CONCURRENCY = 4;
const TEST_FILES = ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/**/*.test.ts'];

interface Check {
  readonly name: string;
  /** A command of node_modules/.bin, or `node` for the running one, and its arguments. */
  readonly command: readonly [string, ...string[]];
}

const CHECKS: readonly Check[] = [
  { name: 'format and lint', command: ['biome', 'ci', '--colors=off'] },
  { name: 'types', command: ['tsc', '--project', 'tsconfig.json'] },
  { name: 'architecture', command: ['depcruise', 'src', '--config', '.dependency-cruiser.cjs'] },
  { name: 'unused code', command: ['knip'] },
  { name: 'types of the console', command: ['tsc', '--project', 'web/tsconfig.json'] },
  { name: 'build of the console', command: ['node', 'scripts/build-console.js'] },
  { name: 'known holes in packages', command: ['node', 'scripts/audit.ts'] },
  { name: 'build of dist/', command: ['tsc', '--project', 'tsconfig.build.json'] },
];

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  const started = performance.now();
  // what the source no longer makes must not end up in the package
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  const failed = await runChecks();
  if (failed.length > 0) {
    console.error(`\n${failed.length} of ${CHECKS.length} checks failed: ${failed.join(', ')}; the tests were not run`);
    return 1;
  }
  console.log(`checks passed in ${seconds(started)} s; running the tests`);
  return runTests(args.length > 0 ? args : TEST_FILES);
}

/** Runs all checks, as many at a time as there are cores. Resolves to the names of those that failed. */
async function runChecks(): Promise<string[]> {
  const waiting = [...CHECKS];
  const failed: string[] = [];
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      if (!(await runCheck(check))) failed.push(check.name);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker));
  return failed;
}

function runCheck({ name, command: [program, ...args] }: Check): Promise<boolean> {
  const started = performance.now();
  return new Promise((resolve) => {
    const output: Buffer[] = [];
    // the commands' own `#!/usr/bin/env node` is to find the Node.js that the project brings
    const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}` };
    const child = spawn(program === 'node' ? process.execPath : join(BIN, program), args, {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', (error) => output.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (code) => {
      const passed = code === 0;
      console.log(`${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds(started)} s)`);
      if (!passed) process.stdout.write(`\n$ ${[program, ...args].join(' ')}\n${Buffer.concat(output).toString()}\n`);
      resolve(passed);
    });
  });
}

/** node:test's own summary is the last that is seen. Resolves to its exit code. */
function runTests(files: readonly string[]): Promise<number> {
  const options = [
    '--test',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    '--test-reporter=spec',
  ];
  const child = spawn(process.execPath, [...options, ...files], { cwd: ROOT, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
