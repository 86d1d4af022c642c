/** Starts this project's server and reads its log. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, Workshop } from './processes.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');
/** As `npm start` and `npx millrace` have it. */
export const NODE_ARGS = ['--max-semi-space-size=4'];
/** Of the log line that names what a configuration asks for and the server does not have. */
const NOT_SERVED = 'configured, but not served';

/** Ways to play, as the tables name them. */
export const FORMATS = ['HTTP-FLV', 'RTMP', 'HTTP-TS', 'WebSocket-FLV', 'RTSP over TCP'] as const;

export type Format = (typeof FORMATS)[number];

/** Where publishers and players go. */
export interface MediaServer {
  readonly name: string;
  readonly pid: number;
  publishUrl(stream: string): string;
  /** By format, those that it serves. */
  playUrls(stream: string): Partial<Record<Format, string>>;
  stop(): Promise<void>;
}

/** A session's end, from the log. */
interface StoppedSession {
  readonly reason: string;
  readonly droppedFrames: number;
}

export interface Millrace extends MediaServer {
  /** From the start of the process until every listener was bound, milliseconds. */
  readonly startMs: number;
  /** Keys of the configuration that it does not serve. */
  readonly notServed: readonly string[];
  /** Grows. */
  readonly stopped: readonly StoppedSession[];
  flvUrl(stream: string): string;
  /** Of a path below HLS's pattern, where the configuration serves HLS. */
  hlsUrl(path: string): string;
  /** Ends it as an operator does: its sessions stop, and say so. */
  stopInOrder(): Promise<void>;
}

export interface MillraceOptions {
  /** Over the plain configuration, section by section. */
  readonly config?: Readonly<Record<string, object>>;
  readonly nodeArgs?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly folder?: string;
}

interface LogLine {
  readonly msg?: string;
  readonly listener?: string;
  readonly port?: number;
  readonly ready?: boolean;
  readonly keys?: readonly string[];
  readonly reason?: string;
  readonly droppedFrames?: number;
  readonly error?: { readonly message?: string };
}

/** What every server of a run has: all that plays, on free ports of this machine alone. */
const PLAIN: Readonly<Record<string, object>> = {
  rtmp: { enable: true, addr: '127.0.0.1:0' },
  default_http: { http_listen_addr: '127.0.0.1:0' },
  httpflv: { enable: true, url_pattern: '/' },
  httpts: { enable: true, url_pattern: '/' },
  rtsp: { enable: true, addr: '127.0.0.1:0' },
  // all load comes from one address
  millrace: { limits: { max_requests_per_sec_per_address: 0 } },
};

export async function startMillrace(
  workshop: Workshop,
  { config = {}, nodeArgs = [], env = {}, folder = workshop.newFolder('millrace') }: MillraceOptions = {},
): Promise<Millrace> {
  writeFileSync(join(folder, 'conf.json'), JSON.stringify(merge(PLAIN, config)));
  const ports = new Map<string, number>();
  const notServed: string[] = [];
  const stopped: StoppedSession[] = [];
  const startedAt = performance.now();
  const child = workshop.start(process.execPath, [...NODE_ARGS, ...nodeArgs, MAIN, '-c', 'conf.json'], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  let last: LogLine = {};
  child.onLine('stdout', (text) => {
    const line = readLine(text);
    last = line;
    if (line.listener !== undefined && line.port !== undefined) ports.set(line.listener, line.port);
    if (line.msg?.includes(NOT_SERVED)) notServed.push(...(line.keys ?? []));
    if (line.msg === 'session stopped') {
      stopped.push({ reason: line.reason ?? '', droppedFrames: line.droppedFrames ?? 0 });
    }
  });
  try {
    await child.waitForLine('stdout', (text) => readLine(text).ready === true);
  } catch (error) {
    throw new Error(`the server did not start: ${last.error?.message ?? last.msg}`, { cause: error });
  }
  const startMs = performance.now() - startedAt;
  return { ...addresses(ports), ...ends(child), name: 'Millrace', pid: child.pid, startMs, notServed, stopped };
}

function addresses(
  ports: ReadonlyMap<string, number>,
): Pick<Millrace, 'publishUrl' | 'playUrls' | 'flvUrl' | 'hlsUrl'> {
  const publishUrl = (stream: string): string => `rtmp://127.0.0.1:${ports.get('rtmp')}/live/${stream}`;
  const http = (stream: string): string => `127.0.0.1:${ports.get('http')}/live/${stream}`;
  const flvUrl = (stream: string): string => `http://${http(stream)}.flv`;
  const rtspPort = ports.get('rtsp');
  return {
    publishUrl,
    flvUrl,
    hlsUrl: (path) => `http://127.0.0.1:${ports.get('http')}/hls/${path}`,
    playUrls: (stream) => ({
      'HTTP-FLV': flvUrl(stream),
      RTMP: publishUrl(stream),
      'HTTP-TS': `http://${http(stream)}.ts`,
      'WebSocket-FLV': `ws://${http(stream)}.flv`,
      ...(rtspPort === undefined ? {} : { 'RTSP over TCP': `rtsp://127.0.0.1:${rtspPort}/live/${stream}` }),
    }),
  };
}

function ends(child: Child): Pick<Millrace, 'stop' | 'stopInOrder'> {
  return { stop: () => child.stop(), stopInOrder: () => child.stop('SIGTERM') };
}

function merge(
  base: Readonly<Record<string, object>>,
  over: Readonly<Record<string, object>>,
): Readonly<Record<string, object>> {
  const sections = Object.entries(over).map(([name, section]) => [name, { ...base[name], ...section }]);
  return { ...base, ...Object.fromEntries(sections) };
}

function readLine(text: string): LogLine {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
