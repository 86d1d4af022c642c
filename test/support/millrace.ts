/** The real server as a child process: its configuration, its ports, its log, its end. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Finished, type Running, start } from './process.ts';
import { OrderedScope, type Scope, tempDir } from './temp-dir.ts';
import type { CertificateFiles } from './tls.ts';
import { Arrivals, withPatience } from './wait-for.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** Part of a configuration file. */
export type Config = { readonly [key: string]: unknown };

/** One line of the server's log. */
export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** Everything on this machine's own address, any free port each. */
const BASE: Config = {
  conf_version: 'v0.4.1',
  server_id: '1',
  rtmp: { enable: true, addr: '127.0.0.1:0', gop_num: 0 },
  default_http: { http_listen_addr: '127.0.0.1:0', https_listen_addr: '127.0.0.1:0' },
  httpflv: { enable: true, url_pattern: '/' },
  httpts: { enable: true, url_pattern: '/' },
  http_api: { enable: true, addr: '127.0.0.1:0' },
  log: { level: 1, is_to_stdout: true },
};

export type ListenerName = 'rtmp' | 'rtmps' | 'rtsp' | 'rtsps' | 'ws-rtsp' | 'http' | 'https' | 'api' | 'profiles';

/** Writes a configuration of `overrides` over the base into the scope's own folder; gives the file's path. */
export function writeConfig(scope: Scope, overrides: Config = {}): string {
  const file = join(tempDir(scope), 'millrace.conf.json');
  writeFileSync(file, JSON.stringify(merge(BASE, overrides), null, 2));
  return file;
}

/** Starts the server with `args`; its scope's end kills it. For tests of what does not get as far as `ready`. */
export function startProcess(scope: Scope, args: readonly string[], cwd?: string): Running {
  return start(scope, process.execPath, [MAIN, ...args], cwd === undefined ? {} : { cwd });
}

/** Players of every format are sent the running GOP at once. */
export const GOPS_CACHED = { rtmp: { gop_num: 1 }, httpflv: { gop_num: 1 }, httpts: { gop_num: 1 } } as const;

/** RTMP, RTSP and HTTP-FLV by every listener that they have, plain, over TLS and over WebSocket, with GOPs cached. */
export function everyListener({ certFile, keyFile }: CertificateFiles) {
  return {
    ...GOPS_CACHED,
    rtmp: {
      ...{ gop_num: 1, rtmps_enable: true, rtmps_addr: '127.0.0.1:0' },
      ...{ rtmps_cert_file: certFile, rtmps_key_file: keyFile },
    },
    default_http: { https_cert_file: certFile, https_key_file: keyFile },
    httpflv: { enable_https: true, gop_num: 1 },
    rtsp: {
      ...{ enable: true, addr: '127.0.0.1:0', rtsps_enable: true, rtsps_addr: '127.0.0.1:0' },
      ...{ rtsps_cert_file: certFile, rtsps_key_file: keyFile, ws_rtsp_enable: true, ws_rtsp_addr: '127.0.0.1:0' },
    },
  } as const satisfies Config;
}

/** Starts the server and waits until it listens. Its scope's end stops it, and fails where that goes wrong. */
export async function startServer(scope: Scope, overrides: Config = {}): Promise<Millrace> {
  const own = new OrderedScope();
  scope.after(() => own.end());
  const running = startProcess(own, ['-c', writeConfig(own, overrides), '-p', tempDir(own)]);
  const server = new Millrace(running);
  own.after(() => server.stop());
  await server.ready();
  return server;
}

export class Millrace {
  readonly log = new Arrivals<LogLine>((line) => JSON.stringify(line));
  readonly finished: Promise<Finished>;
  readonly #running: Running;
  #isKilled = false;

  constructor(running: Running) {
    this.#running = running;
    this.finished = running.finished;
    const { stdout } = running.child;
    assert.ok(stdout);
    createInterface({ input: stdout }).on('line', (line) => this.log.add(parseLine(line)));
  }

  /** Resolves when every listener is bound; rejects with the server's own words where it ends before. */
  async ready(): Promise<void> {
    const ended = this.finished.then(({ code, stderr }) => {
      throw new Error(`the server ended with exit code ${code} before it was ready\n${stderr}${this.logText()}`);
    });
    await Promise.race([this.log.waitFor('ready', (line) => line['ready'] === true), ended]);
  }

  port(listener: ListenerName): number {
    const line = this.log.all.find((each) => each['listener'] === listener);
    assert.ok(line, `no listener ${listener} is in the log`);
    return Number(line['port']);
  }

  /** `rtmp://HOST:PORT/` and so on; add `APP/STREAM`. */
  url(scheme: 'rtmp' | 'rtmps' | 'rtsp' | 'rtsps' | 'http' | 'https' | 'ws' | 'wss', path: string): string {
    const listener = scheme === 'ws' ? 'http' : scheme === 'wss' ? 'https' : scheme;
    return `${scheme}://127.0.0.1:${this.port(listener)}/${path}`;
  }

  /** Calls the HTTP API: GET, or POST where a body is given. */
  async api(path: string, body?: object): Promise<ApiAnswer> {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${this.port('api')}${path}`, init);
    assert.equal(response.status, 200);
    return (await response.json()) as ApiAnswer;
  }

  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.#running.child.kill(signal);
  }

  /**
   * Ends the server as an operator does, where that has not been done. Fails where it ends, or has ended, with another
   * exit code than 0, or has anything to say to stderr.
   */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const { code, signal, stderr } = await withPatience(this.finished, () => 'the server did not stop');
    if (this.#isKilled) return;
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, this.logText());
  }

  /** Ends the server so that it cannot do anything about it. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    this.signal('SIGKILL');
    await this.finished;
  }

  logText(): string {
    return this.log.all.map((line) => JSON.stringify(line)).join('\n');
  }
}

/** What the HTTP API answers. */
export interface ApiAnswer {
  readonly error_code: number;
  readonly desp: string;
  readonly data?: Record<string, unknown> | null;
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line, level: 'not JSON' };
  }
}

function merge(base: Config, overrides: Config): Config {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(overrides)) {
    const below = merged[key];
    merged[key] = isObject(below) && isObject(value) ? merge(below, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
