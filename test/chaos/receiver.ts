/** A receiver of callbacks that keeps a record of everything and answers badly: the business system on a bad day. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import type { Config } from '../support/millrace.ts';
import { EVENTS } from '../support/receiver.ts';
import type { Scope } from '../support/temp-dir.ts';
import { withPatience } from '../support/wait-for.ts';
import { Count } from './count.ts';
import { chance } from './random.ts';

/** One callback as it came, answered or not. */
export interface Delivery {
  /** The server process that sent it: 0, 1, … */
  readonly life: number;
  readonly event: string;
  readonly id: string;
  readonly seq: number;
  /** Null for events of no stream. */
  readonly streamSeq: number | null;
  readonly attempt: number;
  /** `millrace-reason`. */
  readonly reason: string | null;
  readonly body: string;
  /** The connection had carried another request before. */
  readonly isLater: boolean;
}

/** Answers all; refuses connections; takes requests and never answers; any of these and worse, by chance. */
export type Mode = 'up' | 'down' | 'hanging' | 'mixed';

/** A status; 200 after a while; 200 and the end of the connection; no answer; the sudden end of the connection. */
export type Answer = number | 'slow' | 'last' | 'hang' | 'reset';

/** How a receiver in mode `mixed` answers: each up to this chance, beginning with the first. */
const MIXED: readonly (readonly [Answer, number])[] = [
  [200, 0.45],
  ['slow', 0.6],
  ['last', 0.65],
  [500, 0.75],
  [429, 0.8],
  ['reset', 0.9],
  ['hang', 1],
];
/** A slow answer takes this long at most. Milliseconds. */
const SLOW_MS = 100;
/** Below the kernel's range for outgoing connections, so that nobody takes the port while this one is down. */
const PORTS = { from: 15_000, to: 32_000 } as const;
const PORT_TRIES = 50;

export class ChaosReceiver {
  /** In order of arrival. */
  readonly deliveries: Delivery[] = [];
  readonly delivered = new Count();
  /** Those of them that are answered with 200. */
  readonly accepted: Delivery[] = [];
  /** Overrules the mode where it has an answer. */
  script: (delivery: Delivery) => Answer | null = () => null;
  /** The server process that runs now. */
  life = 0;
  readonly #seed: number;
  readonly #known = new WeakSet<Socket>();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => this.#take(request, response, Buffer.concat(chunks).toString()));
  });
  #mode: Mode = 'up';
  #port = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  async start(): Promise<void> {
    for (let tries = 1; this.#port === 0; tries++) {
      const port = randomInt(PORTS.from, PORTS.to);
      try {
        await this.#listen(port);
        this.#port = port;
      } catch (error) {
        if (tries === PORT_TRIES) throw error;
      }
    }
  }

  async setMode(mode: Mode): Promise<void> {
    const wasDown = this.#mode === 'down';
    this.#mode = mode;
    if (mode === 'down' && !wasDown) await this.stop();
    if (mode !== 'down' && wasDown) await this.#listen(this.#port);
  }

  /** Ends every connection, and lets nobody in. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** The section `http_notify` that sends every event here, but no `on_update`. */
  config(): Config {
    const urls = Object.fromEntries(EVENTS.map((event) => [event, `http://127.0.0.1:${this.#port}/${event}`]));
    return { enable: true, update_interval_sec: 0, ...urls };
  }

  async #listen(port: number): Promise<void> {
    const listening = once(this.#server, 'listening');
    this.#server.listen(port, '127.0.0.1');
    await listening;
  }

  /** Resolves once it holds, which is looked at after each callback. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!holds()) await this.delivered.reached(this.delivered.value + 1);
    };
    await withPatience(wait(), () => `${what} did not come; accepted:\n${this.accepted.map(describe).join('\n')}`);
  }

  #take(request: IncomingMessage, response: ServerResponse, body: string): void {
    const header = (name: string): string | null => request.headers[name]?.toString() ?? null;
    const streamSeq = header('millrace-stream-seq');
    const delivery: Delivery = {
      life: this.life,
      event: request.url?.slice(1) ?? '',
      id: header('webhook-id') ?? '',
      seq: Number(header('millrace-seq')),
      streamSeq: streamSeq === null ? null : Number(streamSeq),
      attempt: Number(header('millrace-attempt')),
      reason: header('millrace-reason'),
      body,
      isLater: this.#known.has(request.socket),
    };
    this.#known.add(request.socket);
    const answer = this.script(delivery) ?? this.#choose(delivery);
    this.deliveries.push(delivery);
    // a request that crossed the connection's end can be read, but not answered
    const isAnswered = request.socket.writable && (answer === 200 || answer === 'slow' || answer === 'last');
    if (isAnswered) this.accepted.push(delivery);
    this.delivered.add();
    void this.#answer(response, answer, chance(this.#seed, 'slow', delivery.seq, delivery.attempt));
  }

  #choose({ seq, attempt }: Delivery): Answer {
    if (this.#mode !== 'mixed') return this.#mode === 'hanging' ? 'hang' : 200;
    const drawn = chance(this.#seed, 'answer', seq, attempt);
    return MIXED.find(([, upTo]) => drawn < upTo)?.[0] ?? 200;
  }

  async #answer(response: ServerResponse, answer: Answer, slowness: number): Promise<void> {
    const { socket } = response;
    // a reset of a socket that is being ended never completes (Node.js 26), and then the process never ends
    if (answer === 'reset' && socket?.writable) socket.resetAndDestroy();
    else if (answer === 'reset') socket?.destroy();
    if (answer === 'reset' || answer === 'hang') return;
    if (answer === 'slow') await after(slowness * SLOW_MS);
    // without a word of warning in the answer's head, as proxies do
    response.writeHead(typeof answer === 'number' ? answer : 200).end();
    if (answer === 'last') socket?.end();
  }
}

function describe({ event, seq, body }: Delivery): string {
  return `${event} ${seq} ${body}`;
}

export async function startChaosReceiver(scope: Scope, seed: number): Promise<ChaosReceiver> {
  const receiver = new ChaosReceiver(seed);
  await receiver.start();
  scope.after(() => receiver.stop());
  return receiver;
}
