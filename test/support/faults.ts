/** Servers under bad conditions: with faults that a test calls up, under few descriptors, or behind another program. */
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FAULT_FILE, type Fault } from './fault-hook.ts';
import { type Config, Millrace, writeConfig } from './millrace.ts';
import { start } from './process.ts';
import { OrderedScope, type Scope, tempDir } from './temp-dir.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const HOOK = pathToFileURL(join(import.meta.dirname, 'fault-hook.ts')).href;

export interface FaultyServer {
  readonly server: Millrace;
  /** Its working folder. */
  readonly folder: string;
  /** Has the fault happen, soon. */
  cause(fault: Fault): void;
  /** Files and sockets it may have open from now on, those that are open included. */
  limitDescriptors(count: number): void;
  /** Memory that is its own at this moment. Bytes. */
  residentBytes(): number;
}

export interface FaultyOptions {
  /** Program and arguments that the server's command line is put behind, such as strace. It must become the server. */
  readonly under?: readonly string[];
  /** Arguments of Node.js. */
  readonly nodeArgs?: readonly string[];
  /** As a user who may nothing: what a folder's mode forbids counts for it. Takes root. */
  readonly isNobody?: boolean;
}

/** Starts a server of whose end nothing is expected, and waits until it listens. */
export async function startFaulty(scope: Scope, config: Config, options: FaultyOptions = {}): Promise<FaultyServer> {
  const own = new OrderedScope();
  scope.after(() => own.end());
  const folder = tempDir(own);
  const faultFile = join(tempDir(own), 'fault.json');
  const { under = [], nodeArgs = [], isNobody = false } = options;
  const asUser = isNobody ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const [program = '', ...args] = [...asUser, ...under, process.execPath, '--import', HOOK, ...nodeArgs, MAIN];
  const configFile = writeConfig(own, config);
  for (const each of [folder, dirname(faultFile), dirname(configFile)]) chmodSync(each, 0o777);
  const running = start(own, program, [...args, '-c', configFile, '-p', folder], {
    env: { ...process.env, [FAULT_FILE]: faultFile },
  });
  const server = new Millrace(running);
  await server.ready();
  const pid = String(running.child.pid);
  return {
    server,
    folder,
    cause: (fault) => {
      writeFileSync(faultFile, JSON.stringify(fault));
      server.signal('SIGUSR2');
    },
    limitDescriptors: (count) => void execFileSync('prlimit', ['--pid', pid, `--nofile=${count}:`]),
    residentBytes: () => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
  };
}
