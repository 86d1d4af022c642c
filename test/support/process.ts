/** Child processes of the tests: started with their output caught, and never outliving the test that started them. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Scope } from './temp-dir.ts';

export interface Finished {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when the process has ended and its output is complete. Rejects where it cannot be started. */
  readonly finished: Promise<Finished>;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Given to the process as its whole input. */
  readonly input?: Buffer;
}

/** Starts a program; the end of the scope kills it. */
export function start(scope: Scope, command: string, args: readonly string[], options: RunOptions = {}): Running {
  const { input, ...spawnOptions } = options;
  const stdin = input === undefined ? 'ignore' : 'pipe';
  const child = spawn(command, args, { ...spawnOptions, stdio: [stdin, 'pipe', 'pipe'] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
  finished.catch(() => {});
  // a program that has read enough closes its input
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  scope.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await finished.catch(() => {});
  });
  return { child, finished };
}

/** Runs a program to its end. */
export function run(
  scope: Scope,
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return start(scope, command, args, options).finished;
}
