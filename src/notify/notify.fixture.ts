/** Test helpers: a receiver that answers as it is told, time that stands still until told, and facts. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Outbound } from '../net/index.ts';
import type { BaseType, Clock, Fact, Log, SessionFacts } from '../streams/index.ts';
import { createNotifier, type NotifierDeps } from './notifier.ts';
import { NOTIFY_EVENTS, type NotifyOptions } from './options.ts';
import type { Timers } from './timers.ts';

/** Clock and timers in one; time passes by `advance` only. */
export class FakeTime implements Clock, Timers {
  now = 1_700_000_000_000;
  #timers: { readonly dueMs: number; readonly run: () => void }[] = [];

  monotonicMs(): number {
    return this.now;
  }

  unixMs(): number {
    return this.now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { dueMs: this.now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    this.now += ms;
    const due = this.#timers.filter((timer) => timer.dueMs <= this.now);
    this.#timers = this.#timers.filter((timer) => timer.dueMs > this.now);
    for (const timer of due) timer.run();
  }
}

/** Lets the event loop turn until `holds` does. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

export interface Call {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: Record<string, unknown>;
  /** The connection's number, from 0. */
  readonly connection: number;
  readonly response: ServerResponse;
}

/** Answers a call; what it leaves unanswered hangs. */
export type Behaviour = (call: Call) => void;

export const ok: Behaviour = (call) => void call.response.writeHead(200).end('ok');
export const status =
  (code: number, headers: Record<string, string> = {}): Behaviour =>
  (call) =>
    void call.response.writeHead(code, headers).end();
export const hang: Behaviour = () => {};

export interface Receiver {
  readonly origin: string;
  readonly calls: Call[];
  readonly sockets: Socket[];
  behave: Behaviour;
  /** `PATH STREAM`, one a call. */
  story(): string[];
  /** Listens no more, until `open` at the same address. */
  close(): void;
  open(): Promise<void>;
}

export async function receiver(t: TestContext, behave: Behaviour = ok): Promise<Receiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const call: Call = {
        path: request.url ?? '',
        method: request.method ?? '',
        headers: request.headers,
        body,
        json: JSON.parse(body) as Record<string, unknown>,
        connection: it.sockets.indexOf(request.socket),
        response,
      };
      it.calls.push(call);
      it.behave(call);
    });
  });
  const it: Receiver = {
    origin: '',
    calls: [],
    sockets: [],
    behave,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
    open: async () => {
      server.listen(Number(new URL(it.origin).port), '127.0.0.1');
      await once(server, 'listening');
    },
    story: () => it.calls.map((call) => `${call.path.slice(1)} ${String(call.json['session_id'] ?? '')}`.trim()),
  };
  server.on('connection', (socket) => it.sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(it, { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** Every event at one receiver, but those of the server itself. */
export function urlsAt(origin: string, ...without: string[]): NotifyOptions['urls'] {
  const events = NOTIFY_EVENTS.filter((event) => !['on_server_start', 'on_update', ...without].includes(event));
  return Object.fromEntries(events.map((event) => [event, `${origin}/${event}`]));
}

interface Logged {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

/** A notifier at fake time, ended after the test. */
export function notifierAt(
  t: TestContext,
  urls: NotifyOptions['urls'],
  options: Partial<NotifyOptions> = {},
  deps: Partial<NotifierDeps> = {},
) {
  const time = new FakeTime();
  const logged: Logged[] = [];
  const level = (name: string) => (fields: object, message: string) =>
    void logged.push({ level: name, message, fields });
  const log: Log = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
  const notifier = createNotifier(
    {
      serverId: '1',
      updateIntervalSec: 5,
      urls,
      concurrency: 64,
      timeoutMs: 5000,
      maxAgeHours: 72,
      signingSecrets: [],
      outboxPath: null,
      retentionHours: 72,
      headers: {},
      ...options,
    },
    {
      log,
      outbound: new Outbound({ allow: [] }),
      clock: time,
      timers: time,
      random: () => 0.5,
      userAgent: 'millrace/0.0.0',
      lalInfo: () => ({ server_id: '1' }),
      groups: () => [],
      ...deps,
    },
  );
  t.after(async () => {
    const stopped = notifier.stop(0);
    time.advance(0);
    await stopped;
  });
  return { notifier, time, logged };
}

export function session(sessionId: string, streamName = 'test110', baseType: BaseType = 'PUB'): SessionFacts {
  return {
    sessionId,
    protocol: 'RTMP',
    baseType,
    remoteAddr: '127.0.0.1:52010',
    url: `rtmp://127.0.0.1:1935/live/${streamName}?token=1111`,
    appName: 'live',
    streamName,
    urlParam: 'token=1111',
    hasInSession: true,
    hasOutSession: false,
    readBytesSum: 3407,
    wroteBytesSum: 3500,
  };
}

export const started = (facts: SessionFacts): Fact => ({
  kind: 'session_start',
  unixMs: 1_700_000_000_000,
  session: facts,
});
export const stopped = (facts: SessionFacts): Fact => ({
  kind: 'session_stop',
  unixMs: 1_700_000_000_000,
  session: facts,
  reason: 'peer closed',
});
export const connected = (sessionId: string): Fact => ({
  kind: 'rtmp_connect',
  unixMs: 1_700_000_000_000,
  sessionId,
  remoteAddr: '127.0.0.1:53834',
  app: 'live',
  flashVer: 'FMLE/3.0 (compatible; Lavf57.83.100)',
  tcUrl: 'rtmp://127.0.0.1:19350/live',
});
