/** A business system's side of HTTP Notify: an HTTP server that keeps every callback and answers as the test says. */
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from './millrace.ts';
import type { Scope } from './temp-dir.ts';
import { Arrivals } from './wait-for.ts';

export const EVENTS = [
  'on_server_start',
  'on_update',
  'on_rtmp_connect',
  'on_pub_start',
  'on_pub_stop',
  'on_sub_start',
  'on_sub_stop',
  'on_relay_pull_start',
  'on_relay_pull_stop',
] as const;
/** Events of ours, configured in a section of ours. */
export const OWN_EVENTS = ['on_record_start', 'on_record_stop'] as const;
export type EventName = (typeof EVENTS)[number] | (typeof OWN_EVENTS)[number];

/** One callback as it came. */
export interface Callback {
  /** The last part of the path: `on_pub_start`. */
  readonly event: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly raw: string;
  readonly body: Record<string, unknown>;
  /** Its place among all, from 0. */
  readonly index: number;
  /** The peer's port: two callbacks with the same one came over one connection. */
  readonly connection: number;
}

/** How a callback is answered: a status, one with a body, or `hang` for no answer at all. */
export type Answer = number | { readonly status: number; readonly body: string } | 'hang';

export class Receiver {
  readonly callbacks = new Arrivals<Callback>(({ event, raw }) => `${event} ${raw.slice(0, 300)}`);
  /** Set by a test that wants more than 200 for everything. */
  answer: (callback: Callback) => Answer = () => 200;
  readonly #server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString();
      const callback: Callback = {
        event: request.url?.split('/').at(-1) ?? '',
        method: request.method ?? '',
        headers: request.headers,
        raw,
        body: JSON.parse(raw) as Record<string, unknown>,
        index: this.callbacks.all.length,
        connection: request.socket.remotePort ?? 0,
      };
      const answer = this.answer(callback);
      this.callbacks.add(callback);
      if (answer === 'hang') return;
      const { status, body } = typeof answer === 'number' ? { status: answer, body: '' } : answer;
      response.writeHead(status).end(body);
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  url(event: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${event}`;
  }

  /** The section `http_notify` that sends every event here; `on_update` is off unless the interval is given. */
  config(overrides: Config = {}): Config {
    const urls = Object.fromEntries(EVENTS.map((event) => [event, this.url(event)]));
    return { enable: true, update_interval_sec: 0, ...urls, ...overrides };
  }

  /** What `millrace.notify` is to hold for the events of ours to come here. */
  ownConfig(): Config {
    return Object.fromEntries(OWN_EVENTS.map((event) => [event, this.url(event)]));
  }

  /** The first callback of that name whose body has these fields, here already or still to come. */
  waitFor(event: EventName, fields: Record<string, unknown> = {}, from = 0): Promise<Callback> {
    const matches = (callback: Callback): boolean =>
      callback.event === event && Object.entries(fields).every(([name, value]) => callback.body[name] === value);
    return this.callbacks.waitFor(`${event} ${JSON.stringify(fields)}`, matches, from);
  }

  /** All callbacks so far of one stream, in order of arrival. */
  ofStream(streamName: string): Callback[] {
    return this.callbacks.all.filter(({ body }) => body['stream_name'] === streamName);
  }
}

export async function startReceiver(scope: Scope): Promise<Receiver> {
  const receiver = new Receiver();
  await receiver.start();
  scope.after(() => receiver.stop());
  return receiver;
}
