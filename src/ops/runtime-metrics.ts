/** Metrics of the process and its runtime: CPU, memory, open files, the event loop's delay, pauses of garbage collection. */
import { readdir, readFile } from 'node:fs/promises';
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** How often the event loop is looked at. Milliseconds. */
const RESOLUTION_MS = 10;
const EVENT_LOOP_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const GC_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const GC_KINDS = new Map<unknown, string>([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak callbacks'],
]);

export class RuntimeMetrics {
  readonly #cpu: Counter;
  readonly #memory: Gauge;
  readonly #heapUsed: Gauge;
  readonly #heapLimit: Gauge;
  readonly #external: Gauge;
  readonly #openFds: Gauge;
  readonly #maxFds: Gauge;
  readonly #eventLoop: Histogram;
  readonly #gc: Histogram<'kind'>;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #gcObserver: PerformanceObserver;
  #ticker: NodeJS.Timeout | null = null;

  constructor(registry: Registry) {
    const registers = [registry];
    const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
    const cpu = { name: 'process_cpu_seconds_total', help: 'CPU time of the process, all threads' };
    this.#cpu = new Counter({ ...cpu, registers });
    this.#memory = gauge('process_resident_memory_bytes', 'Memory of the process that is in RAM');
    gauge('process_start_time_seconds', 'When the process started, as time since 1970').set(
      Math.round(performance.timeOrigin / 1000),
    );
    this.#openFds = gauge('process_open_fds', 'Open file descriptors: sockets, files, pipes');
    this.#maxFds = gauge('process_max_fds', 'File descriptors that the process may have open');
    this.#heapUsed = gauge('nodejs_heap_used_bytes', 'JavaScript heap in use, main thread');
    this.#heapLimit = gauge('nodejs_heap_limit_bytes', 'JavaScript heap at which the process ends, main thread');
    this.#external = gauge('nodejs_external_memory_bytes', 'Memory of buffers outside the heap, main thread');
    this.#eventLoop = new Histogram({
      name: 'nodejs_event_loop_delay_seconds',
      help: 'The longest time in each second that the main thread’s event loop was late',
      ...{ buckets: EVENT_LOOP_BOUNDS, registers },
    });
    this.#gc = new Histogram({
      name: 'nodejs_gc_pause_seconds',
      help: 'Pauses of the main thread for garbage collection',
      ...{ labelNames: ['kind'], buckets: GC_BOUNDS, registers },
    });
    this.#gcObserver = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.#gc.observe({ kind: GC_KINDS.get(gcKind(entry)) ?? 'other' }, entry.duration / 1000);
      }
    });
  }

  start(): void {
    this.#loopDelay.enable();
    this.#gcObserver.observe({ entryTypes: ['gc'] });
    this.#ticker = setInterval(() => this.#tick(), 1000);
    this.#ticker.unref();
  }

  stop(): void {
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#ticker = null;
    this.#loopDelay.disable();
    this.#gcObserver.disconnect();
  }

  /** Takes what only a look can tell. Never rejects. */
  async collect(): Promise<void> {
    const { user, system } = process.cpuUsage();
    this.#cpu.reset();
    this.#cpu.inc((user + system) / 1e6);
    const { rss, heapUsed, external } = process.memoryUsage();
    this.#memory.set(rss);
    this.#heapUsed.set(heapUsed);
    this.#external.set(external);
    this.#heapLimit.set(getHeapStatistics().heap_size_limit);
    // there is no /proc on other systems than Linux
    const open = await readdir('/proc/self/fd').catch(() => []);
    const bounds = await readFile('/proc/self/limits', 'utf8').catch(() => '');
    this.#openFds.set(open.length);
    this.#maxFds.set(Number(/^Max open files\s+(\d+)/m.exec(bounds)?.[1] ?? 0));
  }

  /** What is measured is the time between two looks. */
  #tick(): void {
    if (this.#loopDelay.count > 0) {
      this.#eventLoop.observe(Math.max(0, this.#loopDelay.max / 1e6 - RESOLUTION_MS) / 1000);
    }
    this.#loopDelay.reset();
  }
}

function gcKind(entry: object): unknown {
  const detail = 'detail' in entry ? entry.detail : undefined;
  return typeof detail === 'object' && detail !== null && 'kind' in detail ? detail.kind : undefined;
}
