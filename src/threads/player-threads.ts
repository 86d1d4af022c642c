/** All player threads: they listen at the same ports, and one that dies is started anew. */
import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { listen, type PeerLimitMemory, PeerLimits } from '../net/index.ts';
import type { Clock, Log } from '../streams/index.ts';
import { type Bound, PlayerThread, type PlayerThreadDeps } from './player-thread.ts';
import { type PlayerOptions, type PlayerPort, type Port, playerPorts } from './ports.ts';
import type { WorkerStart } from './worker-start.ts';

/** In the source tree the thread runs the source, in `dist/` what became of it. */
const WORKER_URL = import.meta.url.endsWith('.ts')
  ? new URL('./worker.ts', import.meta.url)
  : new URL('./worker.js', import.meta.url);

/** How long after its end a thread is started anew: at first, and at most where it ends again and again. Milliseconds. */
const [MIN_RESTART_MS, MAX_RESTART_MS] = [100, 10_000];
/** A thread that lived this long is started anew as if it were the first time. Milliseconds. */
const LONG_LIFE_MS = 60_000;

export interface PlayerThreadsDeps extends PlayerThreadDeps {
  readonly clock: Clock;
  /** Starts a thread; tests hand in their own, to have a hold on it. */
  readonly startWorker?: (name: string, start: WorkerStart) => Worker;
  /** Has a place for each of the threads, behind the main thread's. */
  readonly limitMemory: PeerLimitMemory;
}

/** The place of one thread, whichever serves there at the moment. */
interface Place {
  readonly name: string;
  /** In the memory of the bounds. */
  readonly place: number;
  thread: PlayerThread | null;
  restartMs: number;
  startedAt: number;
}

export class PlayerThreads {
  /** Each is bound in all threads, or in none. */
  readonly ports: readonly Port[];
  #options: PlayerOptions;
  readonly #deps: PlayerThreadsDeps;
  readonly #log: Log;
  readonly #places: readonly Place[];
  /** Where the ports are bound, by their index. */
  readonly #bound = new Map<number, number>();
  #isStopping = false;

  constructor(count: number, options: PlayerOptions, deps: PlayerThreadsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log;
    this.#places = Array.from({ length: count }, (_, i) => ({
      name: `players ${i + 1}`,
      place: i + 1,
      thread: null,
      restartMs: MIN_RESTART_MS,
      startedAt: 0,
    }));
    // nothing listens here: of these ports only their addresses are used
    this.ports = playerPorts(options, deps).map((port, index) => ({
      ...port,
      start: () => this.#open(port, index),
      stop: () => this.#stopListening(),
    }));
  }

  /** Certificates and who must authenticate, for the connections from now on. */
  update(options: PlayerOptions): void {
    this.#options = options;
    for (const { thread } of this.#places) thread?.update(options);
  }

  /** Once a second: asks the threads how their sessions stand, and ends those that do not answer. */
  tick(): void {
    for (const { thread } of this.#places) thread?.tick();
  }

  /** Ends the threads, and with them what is left of their sessions. */
  async end(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#places.map(({ thread }) => thread?.terminate()));
  }

  /** Binds the port in all threads; the first tells which number it is. */
  async #open(port: PlayerPort, index: number): Promise<Bound> {
    // beside other threads a port could be had that another program shares in the same way: first it must be free
    if (port.port !== 0) await probe(port);
    const [first, ...others] = this.#places.map((place) => place.thread ?? this.#start(place));
    if (first === undefined) throw new Error('there are no player threads');
    const bound = await first.listen(index, port.port);
    await Promise.all(others.map((thread) => thread.listen(index, bound.port)));
    this.#bound.set(index, bound.port);
    return bound;
  }

  #stopListening(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const { thread } of this.#places) thread?.stopListening();
  }

  #start(place: Place): PlayerThread {
    const start = this.#deps.startWorker ?? startWorker;
    place.startedAt = this.#deps.clock.monotonicMs();
    const { limitMemory } = this.#deps;
    PeerLimits.clear(limitMemory, place.place);
    const worker = start(place.name, { options: this.#options, limitMemory, place: place.place });
    const thread = new PlayerThread(worker, this.#deps, (why) => {
      place.thread = null;
      if (!this.#isStopping) this.#restart(place, why);
    });
    place.thread = thread;
    return thread;
  }

  #restart(place: Place, why: string): void {
    if (this.#deps.clock.monotonicMs() - place.startedAt >= LONG_LIFE_MS) place.restartMs = MIN_RESTART_MS;
    const inMs = place.restartMs;
    place.restartMs = Math.min(MAX_RESTART_MS, inMs * 2);
    this.#log.error(
      { thread: place.name, why, inMs },
      'a player thread died: its sessions have ended, and it is started anew',
    );
    const timer = setTimeout(() => {
      if (!this.#isStopping) this.#startAnew(place);
    }, inMs);
    timer.unref();
  }

  #startAnew(place: Place): void {
    const thread = this.#start(place);
    const listening = Array.from(this.#bound, ([index, port]) => thread.listen(index, port));
    Promise.all(listening)
      .then(() => this.#log.info({ thread: place.name }, 'a player thread serves again'))
      .catch((error: unknown) => {
        this.#log.error({ thread: place.name, error }, 'a player thread cannot listen as it did; it is started anew');
        void thread.terminate();
      });
  }
}

/** Rejects where the port is not free. */
async function probe({ host, port }: PlayerPort): Promise<void> {
  const server = createServer();
  const { close } = await listen(server, { port, ...(host === undefined ? {} : { host }) });
  const closed = new Promise((resolve) => server.once('close', resolve));
  close();
  await closed;
}

function startWorker(name: string, start: WorkerStart): Worker {
  return new Worker(WORKER_URL, { name, workerData: start });
}
