/** The command line: reads the configuration, runs the server, and stops it on a signal; or does what another command says. */
import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { parseArgs } from 'node:util';
import { processTerminal, receive, replay, type Terminal } from './cli/index.ts';
import { loadConfig, logOptions } from './config/index.ts';
import { createLog, installProcessGuard, VERSION } from './ops/index.ts';
import { createServer } from './server.ts';

const HELP = `millrace ${VERSION}: live streaming server

  millrace [-c FILE] [-p DIR]        runs the server
  millrace check [-c FILE] [-p DIR]  says whether the configuration can be used, and what is odd about it
  millrace receive --port PORT       takes callbacks and shows them; more by millrace receive --help
  millrace replay FILE --port PORT   plays a packet dump back; more by millrace replay --help

  -c FILE   configuration (default: lalserver.conf.json or conf/lalserver.conf.json here or one folder up,
            else the packaged conf/millrace.conf.json)
  -p DIR    working folder, entered before FILE is read
  -v, --version
            prints the version
  -h, --help
            prints this

  SIGHUP    reads FILE again; the log says what counts at once and what needs a restart
  SIGTERM, SIGINT
            ends all sessions and delivers their events, at most 10 s long; a second one ends at once
`;

/** How long sessions, their stops and the stops' delivery may take after a signal. Milliseconds. */
const STOP_MS = 10_000;
/** A terminal and npm each pass Ctrl-C on: SIGINTs closer together than this are one. Milliseconds. */
const ONE_CTRL_C_MS = 300;

const COMMANDS: ReadonlyMap<string, (args: readonly string[], terminal: Terminal) => Promise<number>> = new Map([
  ['receive', receive],
  ['replay', replay],
]);

process.exitCode = await run(process.argv.slice(2));

async function run(args: string[]): Promise<number> {
  const [first = '', ...rest] = args;
  const command = COMMANDS.get(first);
  if (command !== undefined) return runCommand(first, () => command(rest, processTerminal()));
  const isCheck = first === 'check';
  let options: { config?: string; dir?: string; version?: boolean; help?: boolean };
  try {
    options = parseArgs({
      args: isCheck ? rest : args,
      options: {
        config: { type: 'string', short: 'c' },
        dir: { type: 'string', short: 'p' },
        version: { type: 'boolean', short: 'v' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    return fail(`millrace: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  }
  if (options.help) return say(HELP);
  if (options.version) return say(`${VERSION}\n`);
  try {
    if (options.dir !== undefined) process.chdir(options.dir);
  } catch {
    return fail(`millrace: -p ${options.dir}: no such folder, or it cannot be entered\n`);
  }
  const loaded = loadConfig({ ...(options.config === undefined ? {} : { file: options.config }), cwd: process.cwd() });
  if (isCheck && loaded.ok) return say(`${[`${loaded.file} can be used`, ...loaded.warnings].join('\n  ')}\n`);
  if (!loaded.ok) return fail(`millrace: the configuration cannot be used:\n  ${loaded.errors.join('\n  ')}\n`);

  const log = createLog(logOptions(loaded.config));
  installProcessGuard(log);
  log.info({ version: VERSION, config: loaded.file, folder: process.cwd() }, 'millrace starts');
  for (const warning of loaded.warnings) log.warn({ config: loaded.file }, warning);
  const signals = watchSignals();
  const server = createServer(loaded.config, log, loaded.warnings, {
    readConfig: () => loadConfig({ file: loaded.file, cwd: process.cwd() }),
    onReload: (options) => log.update(options.log),
  });
  try {
    await server.start();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error({}, `millrace cannot start: ${reason}`);
    await log.close();
    fail(`millrace: ${reason}\n`);
    // what was bound before the fault must not hold the process
    process.exit(1);
  }
  signals.onReload(() => void server.controls.reload());
  const why = await Promise.race([signals.first, server.drained]);
  if (why === undefined) log.info({}, 'stopping: the drain is over; a second signal ends at once');
  else log.info({ signal: why }, 'stopping; a second signal ends at once');
  void signals.second.then(() => process.exit(1));
  await server.stop(STOP_MS);
  log.info({}, 'stopped');
  await log.close();
  // connections of players who do not take their end must not hold the process
  process.exit(0);
}

interface Signals {
  /** The first one that ends the server. */
  readonly first: Promise<NodeJS.Signals>;
  readonly second: Promise<void>;
  /** From now on SIGHUP calls this; it does so at once where one has come already. */
  onReload(reload: () => void): void;
}

/** A command's faults are sentences for who called it. */
async function runCommand(name: string, command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    return fail(`millrace ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

/** Takes signals from now on, also those that come while the server still starts. */
function watchSignals(): Signals {
  const first = Promise.withResolvers<NodeJS.Signals>();
  const second = Promise.withResolvers<void>();
  let firstAt: number | null = null;
  const received = (signal: NodeJS.Signals): void => {
    if (firstAt === null) {
      firstAt = performance.now();
      first.resolve(signal);
    } else if (signal !== 'SIGINT' || performance.now() - firstAt > ONE_CTRL_C_MS) second.resolve();
  };
  process.on('SIGTERM', received);
  process.on('SIGINT', received);
  let isReloadWanted = false;
  let reload: (() => void) | null = null;
  const hadTerminal = hasTerminal();
  process.on('SIGHUP', () => {
    // it is also what a terminal says that goes, to the programs that run in it
    if (hadTerminal && !hasTerminal()) received('SIGHUP');
    else if (firstAt === null && reload !== null) reload();
    else isReloadWanted = true;
  });
  return {
    ...{ first: first.promise, second: second.promise },
    onReload: (wanted) => {
      reload = wanted;
      if (isReloadWanted) wanted();
    },
  };
}

/** Whether the process runs in a terminal that is there. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return isatty(0);
  } catch {
    return false;
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function fail(text: string): number {
  process.stderr.write(text);
  return 1;
}
