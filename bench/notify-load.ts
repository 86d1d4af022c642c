/** What bench/notify.ts puts before and behind the notifier: events that tell when they happened, and the receiver. */
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Outbound } from '../src/net/index.ts';
import { createNotifier, type Notifier, type NotifyOptions } from '../src/notify/index.ts';
import type { Clock, Log } from '../src/streams/index.ts';
import type { ReceiverMessage, ReceiverOptions } from './notify-receiver.ts';

export const STREAMS = 100;
/** A backlog is made at this pace, events a second. */
const FILL_RATE = 20_000;
const FILL_TICK_MS = 5;

const clock: Clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };
const silent = (): void => {};
const log: Log = {
  debug: silent,
  info: silent,
  warn: silent,
  error: (fields, message) => console.error(message, JSON.stringify(fields)),
};
/** For `at=`: the receiver's thread has the same clock. */
const nowMs = (): number => performance.timeOrigin + performance.now();

/** Not started yet. Its players' events go to this port of our own machine, which may take so long to answer. */
export function openNotifier(file: string, port: number, timeoutMs = 5000): Notifier {
  const url = (event: string): string => `http://127.0.0.1:${port}/${event}`;
  const options: NotifyOptions = {
    serverId: '1',
    updateIntervalSec: 0,
    urls: { on_sub_start: url('on_sub_start'), on_sub_stop: url('on_sub_stop') },
    concurrency: 64,
    timeoutMs,
    outboxPath: file,
    maxAgeHours: 72,
    retentionHours: 72,
    signingSecrets: [],
    headers: {},
  };
  const outbound = new Outbound({ allow: [] });
  return createNotifier(options, { log, clock, outbound, userAgent: 'bench', lalInfo: () => ({}), groups: () => [] });
}

/** Makes so many events of them wait. */
export async function fill(notifier: Notifier, events: number): Promise<void> {
  const facts = new Facts(notifier);
  const startMs = performance.now();
  for (let sent = 0; sent < events; await after(FILL_TICK_MS)) {
    const due = Math.min(events, ((performance.now() - startMs) / 1000) * FILL_RATE);
    for (; sent < due; sent++) facts.next();
  }
}

/** Players that come to one stream after the other and go at once. */
export class Facts {
  readonly #notifier: Notifier;
  #count = 0;

  constructor(notifier: Notifier) {
    this.#notifier = notifier;
  }

  next(): void {
    const i = this.#count++;
    const session = Math.floor(i / 2);
    const streamName = `stream-${session % STREAMS}`;
    const isStart = i % 2 === 0;
    const facts = {
      sessionId: `FLVSUB${session + 1}`,
      protocol: 'FLV',
      baseType: 'SUB',
      remoteAddr: '192.0.2.17:52010',
      url: `http://live.example.com/live/${streamName}.flv`,
      appName: 'live',
      streamName,
      urlParam: `at=${nowMs().toFixed(3)}`,
      hasInSession: true,
      hasOutSession: isStart,
      readBytesSum: 134,
      wroteBytesSum: isStart ? 0 : 2_944_020,
    } as const;
    const unixMs = Date.now();
    this.#notifier.record(
      isStart
        ? { kind: 'session_start', unixMs, session: facts }
        : { kind: 'session_stop', unixMs, session: facts, reason: 'peer closed' },
    );
  }
}

/** bench/notify-receiver.ts in its thread. */
export class Receiver {
  readonly port: number;
  readonly #worker: Worker;

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.port = port;
  }

  static async start(options: Partial<ReceiverOptions> = {}): Promise<Receiver> {
    const worker = new Worker(join(import.meta.dirname, 'notify-receiver.ts'), {
      workerData: { port: 0, hangs: false, ...options },
    });
    const message = await nextMessage(worker);
    if (message.kind !== 'listening') throw new Error('the receiver said something else first');
    return new Receiver(worker, message.port);
  }

  async take(): Promise<Float64Array> {
    const next = nextMessage(this.#worker);
    this.#worker.postMessage('take');
    const message = await next;
    return message.kind === 'taken' ? message.ages : new Float64Array();
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

function nextMessage(worker: Worker): Promise<ReceiverMessage> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: ReceiverMessage) => {
      worker.removeListener('error', reject);
      resolve(message);
    });
  });
}
