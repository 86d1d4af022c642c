/** One installation of the server: a working folder and a configuration, on which one process follows another. */
import { join } from 'node:path';
import { type Config, Millrace, startProcess, writeConfig } from '../support/millrace.ts';
import { start } from '../support/process.ts';
import { OrderedScope, type Scope, tempDir } from '../support/temp-dir.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export class Site {
  /** The working folder. */
  readonly folder: string;
  readonly #config: string;
  readonly #scope: Scope;

  constructor(scope: Scope, config: Config) {
    this.#scope = scope;
    this.folder = tempDir(scope);
    this.#config = writeConfig(scope, config);
  }

  /** Where the outbox is, unless the configuration says otherwise. */
  get outbox(): string {
    return join(this.folder, 'millrace_data/outbox.db');
  }

  /** Starts a process, which the scope's end kills, and does not wait for it. */
  launch(scope: Scope = this.#scope): Millrace {
    return new Millrace(startProcess(scope, ['-c', this.#config, '-p', this.folder]));
  }

  /** Starts a process by another program, such as strace, that is given its command line, and waits until it listens. */
  async startUnder(program: string, args: readonly string[]): Promise<Millrace> {
    const server = new Millrace(
      start(this.#scope, program, [...args, process.execPath, MAIN, '-c', this.#config, '-p', this.folder]),
    );
    await server.ready();
    return server;
  }

  /** Starts a process and waits until it listens. */
  async start(): Promise<Millrace> {
    const server = this.launch();
    await server.ready();
    return server;
  }
}

/** Its processes end before its folder goes. */
export function openSite(scope: Scope, config: Config): Site {
  const own = new OrderedScope();
  scope.after(() => own.end());
  return new Site(own, config);
}
