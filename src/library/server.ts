/** The server as a program has it: started and stopped, asked and commanded, and given streams and hooks. */
import { createFunctionAdmission } from '../admission/index.ts';
import { DRAIN_SEC } from '../api/index.ts';
import { type ConfigFile, callbackOptions } from '../config/index.ts';
import { createServer as createInner } from '../server.ts';
import type { Log } from '../streams/index.ts';
import { type Controls, createControls, createRecords, createStats, type Records, type Stats } from './controls.ts';
import { EventQueue } from './events.ts';
import { type HookResult, Hooks, type StreamHook } from './hooks.ts';
import type { InsideDeps, Refused } from './inside.ts';
import { ConfigError, checkedConfig, checkOptions, readConfig, type ServerOptions, whole } from './options.ts';
import { addPublisher, type PublisherOptions, type PublisherResult } from './publisher.ts';

/** What listens, by its name. */
export type ListenerName = 'rtmp' | 'rtmps' | 'rtsp' | 'rtsps' | 'ws-rtsp' | 'http' | 'https' | 'api';

export interface MillraceServer {
  /**
   * Binds every listener and tells of the server's start. Once. Rejects where a plain listener cannot be bound; nothing listens
   * then, and nothing holds the process.
   */
  start(): Promise<void>;
  /**
   * Ends listeners and sessions and delivers their events, all within the deadline (absent: 10 s). It cannot be started
   * again; another one can be created.
   */
  stop(deadlineMs?: number): Promise<void>;
  /**
   * Puts another configuration to use while sessions go on: what a file holds, or the path of one. What it cannot change before a
   * restart, it names. @throws ConfigError where it cannot be used, and nothing was changed; Error where the server does not run
   */
  reload(config: ConfigFile | string): Reloaded;
  /**
   * Lets nobody in any more, and stops once all sessions have ended by themselves or the time is over. Resolves when it has
   * stopped. Called again, it changes nothing. @throws Error where the server does not run
   */
  drain(options?: { readonly timeoutMs?: number }): Promise<void>;
  /**
   * Where it listens: of the listener of this name (the first, where protocols have addresses of their own), or of the one whose
   * address has this configuration key, as `hls.http_listen_addr`. Null where there is none.
   */
  port(listener: ListenerName | (string & {})): number | null;
  readonly stats: Stats;
  readonly ctrl: Controls;
  readonly record: Records;
  /** Publishes a stream that the program makes itself. */
  addPublisher(options: PublisherOptions): Promise<PublisherResult>;
  /** Hooks onto a stream, as one of its players. */
  addHook(streamName: string, hook: StreamHook): Promise<HookResult>;
}

export interface Reloaded {
  /** Configuration keys whose new values count. */
  readonly applied: readonly string[];
  /** Configuration keys whose new values need a restart. */
  readonly needsRestart: readonly string[];
  /** Keys of the addresses that serve another certificate now. */
  readonly certificates: readonly string[];
  /** Certificates that cannot be used, and why: those before them stay. */
  readonly problems: readonly string[];
}

const STOP_MS = 10_000;
/** What a start that failed has opened needs no longer to close. */
const FAILED_STOP_MS = 1000;
const NOT_RUNNING: Refused = { ok: false, reason: 'the server is not running' };
const silent = (): void => {};
const NO_LOG: Log = { debug: silent, info: silent, warn: silent, error: silent };

/**
 * A server in this process, not started yet. Several may run at a time, each with files of its own: relative paths of the
 * configuration are looked for in the working folder. It sets no signal handlers and writes nothing to stdout.
 * @throws ConfigError where the configuration cannot be used, TypeError where another option cannot
 */
export function createServer(options: ServerOptions): MillraceServer {
  checkOptions(options);
  const { config, warnings } = readConfig(options.config);
  const { log = NO_LOG, admission, onEvent } = options;
  const events = onEvent === undefined ? null : new EventQueue(onEvent, log);
  const hooks = new Hooks();
  const inner = createInner(config, log, warnings, {
    mayListenNowhere: true,
    ...(typeof options.config === 'string' ? { readConfig: () => checkedConfig(options.config) } : {}),
    consumers: [(publication) => hooks.consume(publication)],
    ...(admission === undefined
      ? {}
      : { admission: (now) => createFunctionAdmission(admission, callbackOptions(now), log) }),
    ...(events === null
      ? {}
      : {
          onEvent: (message) =>
            events.push(message.event === 'on_server_start' ? { ...message, body: inner.controls.lalInfo() } : message),
        }),
  });
  const inside: InsideDeps = { hub: inner.hub, counter: inner.counter, log };
  let starting: Promise<void> | null = null;
  let stopping: Promise<void> | null = null;
  let isRunning = false;

  const start = async (): Promise<void> => {
    for (const warning of warnings) log.warn({}, warning);
    try {
      await inner.start();
    } catch (error) {
      await inner.stop(FAILED_STOP_MS);
      throw error;
    }
    isRunning = true;
  };
  const stop = async (deadlineMs: number): Promise<void> => {
    const deadline = performance.now() + deadlineMs;
    if (starting === null) return;
    // a start that failed has stopped already
    await starting.catch(silent);
    if (!isRunning) return;
    isRunning = false;
    await inner.stop(deadlineMs);
    const undone = (await events?.drain(Math.max(0, deadline - performance.now()))) ?? 0;
    if (undone > 0) log.error({ events: undone }, 'the event handler has not taken all events before the end');
  };
  const stopped = Promise.withResolvers<void>();
  const stopOnce = (deadlineMs: number): Promise<void> => {
    stopping ??= stop(deadlineMs).finally(stopped.resolve);
    return stopping;
  };
  // the API can drain it too
  inner.drained
    .then(() => stopOnce(STOP_MS))
    .catch((error: unknown) => log.error({ error }, 'the server could not be stopped after its drain'));
  return {
    start: () => {
      if (starting !== null || stopping !== null) throw new Error('a server can be started once');
      starting = start();
      return starting;
    },
    stop: (deadlineMs = STOP_MS) => stopOnce(deadlineMs),
    reload: (wanted) => {
      if (!isRunning) throw new Error(NOT_RUNNING.reason);
      const result = inner.reload(checkedConfig(wanted));
      if (!result.ok) throw new ConfigError(result.errors);
      const { applied, needsRestart, certificates, problems } = result;
      return { applied, needsRestart, certificates, problems };
    },
    drain: async ({ timeoutMs } = {}) => {
      const ms = whole('timeoutMs', timeoutMs, DRAIN_SEC.unsaid * 1000, 0, DRAIN_SEC.most * 1000);
      if (!isRunning) throw new Error(NOT_RUNNING.reason);
      inner.controls.drain(ms);
      await stopped.promise;
    },
    port: (listener) => inner.portOf(listener),
    stats: createStats(inner.controls),
    ctrl: createControls(inner.controls),
    record: createRecords(inner.controls),
    addPublisher: async (wanted) => (isRunning ? addPublisher(wanted, inside) : NOT_RUNNING),
    addHook: async (streamName, hook) => (isRunning ? hooks.add(streamName, hook, inside) : NOT_RUNNING),
  };
}
