/** Test helper: an API server on a free port in front of one made-up group, and two ways to ask it. */
import http from 'node:http';
import net from 'node:net';
import type { TestContext } from 'node:test';
import { FaultLog } from '../net/index.ts';
import type { GroupSnapshot, Log, SessionSnapshot } from '../streams/index.ts';
import type { ApiDeps } from './endpoint.ts';
import type { EventStreamLimits } from './event-stream.ts';
import { FakeNotify } from './notify-admin.fixture.ts';
import { createApiServer } from './server.ts';
import type { ServerInfoJson } from './server-info.ts';

export const LAL_INFO = {
  server_id: '1',
  bin_info: 'Millrace',
  lal_version: 'v0.37.4',
  api_version: 'v0.4.9',
  notify_version: 'v0.2.2',
  WebUiVersion: 'v0.0.3',
  start_time: '2026-11-24 08:37:18.855',
};
const SERVER_INFO: ServerInfoJson = {
  listeners: [{ protocol: 'FLV', scheme: 'http', host: '', port: 8080, url_pattern: '/' }],
  features: { low_latency_hls: true, notify: true, publish_secret: false, play_secret: false },
  warnings: ['off, because the configuration does not name them: rtsp'],
};
const PUBLISHER: SessionSnapshot = {
  sessionId: 'RTMPPUBSUB1',
  protocol: 'RTMP',
  baseType: 'PUB',
  remoteAddr: '127.0.0.1:55992',
  startUnixMs: 1795509440092,
  readBytesSum: 2412608,
  wroteBytesSum: 3500,
  readBitrateKbits: 2091,
  writeBitrateKbits: 0,
  droppedFrames: 0,
  lostPackets: 0,
};
const GROUP: GroupSnapshot = {
  streamName: 'test110',
  appName: 'live',
  audioCodec: 'AAC',
  videoCodec: 'H264',
  videoWidth: 1280,
  videoHeight: 720,
  pub: PUBLISHER,
  subs: [],
  pull: null,
  pushs: [],
  inFramePerSec: [{ unixSec: 1795509447, v: 30 }],
};
export const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-credentials': 'true',
  'access-control-allow-headers': 'Content-Type',
};
export const PARAM_MISSING = '{"error_code":1002,"desp":"param missing"}';
export const PAGE_NOT_FOUND = '{"error_code":404,"desp":"page not found, check this document out: docs/http-api.md"}';

interface Reply {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Bench {
  readonly port: number;
  readonly kicks: [string, string][];
  readonly logged: [string, object, string][];
  close(): Promise<void>;
  ask(method: string, path: string, body?: string | Buffer, headers?: http.OutgoingHttpHeaders): Promise<Reply>;
  /** Sends the bytes as they are and reads until the server closes. */
  raw(request: string): Promise<string>;
}

/** The deps of a server that has nothing to tell. */
export const IDLE: ApiDeps = {
  lalInfo: () => LAL_INFO,
  serverInfo: () => SERVER_INFO,
  groups: () => [],
  group: () => null,
  kick: () => 'no group',
  blockAddress: () => false,
  startRtpPub: () => Promise.resolve({ ok: true, sessionId: 'PSPUB1', port: 30_000 }),
  pulls: { start: ({ streamName }) => ({ ok: true, streamName, sessionId: 'RTMPPULL1' }), stop: () => null },
  records: { startRecord: () => ({ ok: true }), stopRecord: () => 0, list: () => Promise.resolve([]) },
  notify: new FakeNotify(),
  operation: {
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'millrace_ready 1\n' }),
    readiness: () => ({ isReady: true, text: 'ready' }),
  },
  reload: () => ({ ok: false, errors: [] }),
  drain: () => ({ ok: false, reason: 'no server' }),
  lastEventSeq: () => 0,
};

export async function bench(
  t: TestContext,
  changes: Partial<ApiDeps> = {},
  eventStreamLimits: Partial<EventStreamLimits> = {},
  token = '',
  consoleFolder?: string,
): Promise<Bench> {
  const kicks: [string, string][] = [];
  const logged: [string, object, string][] = [];
  const keep =
    (level: string) =>
    (fields: object, message: string): void =>
      void logged.push([level, fields, message]);
  const log: Log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  const deps: ApiDeps = {
    ...IDLE,
    groups: () => [GROUP],
    group: (name) => (name === 'test110' ? GROUP : null),
    kick: (name, sessionId) => {
      kicks.push([name, sessionId]);
      if (name !== 'test110') return 'no group';
      return sessionId === 'RTMPPUBSUB1' ? 'kicked' : 'no session';
    },
    ...changes,
  };
  const server = createApiServer(deps, {
    host: '127.0.0.1',
    port: 0,
    serverName: 'millrace/1.2.3',
    ...{ log, faults: new FaultLog(log) },
    token,
    ...(consoleFolder === undefined ? {} : { consoleFolder }),
    eventStreamLimits,
  });
  t.after(() => server.close());
  const { port } = await server.listen();
  return {
    port,
    kicks,
    logged,
    close: () => server.close(),
    ask: (method, path, body, headers = {}) => ask(port, method, path, body, headers),
    raw: (request) => raw(port, request),
  };
}

function ask(
  port: number,
  method: string,
  path: string,
  body: string | Buffer | undefined,
  headers: http.OutgoingHttpHeaders,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const isLengthKnown = body !== undefined && headers['Transfer-Encoding'] === undefined;
    const length = isLengthKnown ? { 'Content-Length': Buffer.byteLength(body) } : {};
    const request = http.request({ port, host: '127.0.0.1', method, path, headers: { ...length, ...headers } });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    request.end(body);
  });
}

export function raw(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => {
      text += piece;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
