/** Starts what a benchmark needs in a folder of its own, sees that all of it ends, and reads from /proc what it costs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Clock ticks a second in /proc. */
const TICKS = 100;
/** Of what a child says to stderr so many lines are kept for the error where it ends too soon. */
const LINES_KEPT = 10;

/** Which of a child's two outputs a line stands on. */
type Output = 'stdout' | 'stderr';

/** A started program: its lines, and its end. */
export class Child {
  /** Resolves when it has ended and all its lines have been read. */
  readonly closed: Promise<void>;
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #watchers: { output: Output; see: (line: string) => void }[] = [];
  readonly #lastWords: string[] = [];
  #isClosed = false;
  #isStopped = false;

  constructor(name: string, process: ChildProcess) {
    this.#name = name;
    this.#process = process;
    process.on('error', (error) => this.#lastWords.push(error.message));
    this.closed = new Promise((resolve) => {
      process.on('close', () => {
        this.#isClosed = true;
        resolve();
      });
    });
    this.#read('stdout', process.stdout);
    this.#read('stderr', process.stderr);
  }

  /** @throws Error where it could not be started */
  get pid(): number {
    if (this.#process.pid === undefined) throw this.#ended();
    return this.#process.pid;
  }

  /** Calls `see` for each line from now on. */
  onLine(output: Output, see: (line: string) => void): void {
    this.#watchers.push({ output, see });
  }

  /** The first line from now on that `is` wanted. Rejects where the program ends without it. */
  waitForLine(output: Output, is: (line: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      this.onLine(output, (line) => {
        if (is(line)) resolve(line);
      });
      void this.closed.then(() => reject(this.#ended()));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Why it is not there any more, though nobody stopped it; null: it is there, has done its work, or was stopped. */
  get failure(): Error | null {
    return this.#isClosed && !this.#isStopped && this.#process.exitCode !== 0 ? this.#ended() : null;
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#isStopped = true;
    if (this.#isClosed) return;
    this.signal(signal);
    await this.closed;
  }

  #read(output: Output, from: Readable | null): void {
    if (from === null) return;
    createInterface(from).on('line', (line) => {
      if (output === 'stderr') {
        this.#lastWords.push(line);
        if (this.#lastWords.length > LINES_KEPT) this.#lastWords.shift();
      }
      for (const watcher of this.#watchers) if (watcher.output === output) watcher.see(line);
    });
  }

  #ended(): Error {
    const { exitCode, signalCode } = this.#process;
    return new Error(
      [`${this.#name} ended (${signalCode ?? exitCode ?? 'not started'})`, ...this.#lastWords].join('\n'),
    );
  }
}

/** A folder for the run, and everything started in it. All of it goes when the process ends, whatever ends it. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  readonly #children = new Set<Child>();
  #folders = 0;

  constructor() {
    process.on('exit', () => {
      for (const child of this.#children) child.signal('SIGKILL');
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  }

  /** A new folder for one program. */
  newFolder(name: string): string {
    const folder = join(this.folder, `${name}-${this.#folders++}`);
    mkdirSync(folder);
    return folder;
  }

  /** Compiles `native/NAME.c` once and gives the program's path. */
  compile(name: string): string {
    const program = join(this.folder, name);
    const source = join(import.meta.dirname, 'native', `${name}.c`);
    if (!existsSync(program)) execFileSync('cc', ['-O2', '-w', '-o', program, source]);
    return program;
  }

  start(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Child {
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const child = new Child(command, spawn(command, args, { cwd: this.folder, ...options, stdio }));
    this.#children.add(child);
    void child.closed.then(() => {
      if (child.failure === null) this.#children.delete(child);
    });
    return child;
  }

  /** Starts `native/NAME.c`. */
  startNative(name: string, args: readonly (string | number)[]): Child {
    return this.start(this.compile(name), args.map(String));
  }

  /** Ends what is still running. Gives what had failed before. */
  async stopAll(): Promise<Error[]> {
    const failures = Array.from(this.#children, ({ failure }) => failure).filter((failure) => failure !== null);
    await Promise.all(Array.from(this.#children, (child) => child.stop()));
    this.#children.clear();
    return failures;
  }
}

/** CPU seconds, user and system, that a process has used with all its threads. */
export function cpuSeconds(pid: number): number {
  return cpuTicks(`/proc/${pid}/stat`)[0] / TICKS;
}

/** CPU seconds that this process has used, and those of its children that have ended. */
export function ownCpuSeconds(): number {
  const [own, children] = cpuTicks('/proc/self/stat');
  return (own + children) / TICKS;
}

/** CPU seconds that the machine has not been idle, over all cores. */
export function machineCpuSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softIrq) / TICKS;
}

/** Of the process and of its children that have ended (proc(5), fields 14 to 17). */
function cpuTicks(file: string): [number, number] {
  const stat = readFileSync(file, 'utf8');
  // the program's name before them may hold blanks
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number);
  return [(user ?? 0) + (system ?? 0), (childUser ?? 0) + (childSystem ?? 0)];
}

/** Resident memory, KB. */
export function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
