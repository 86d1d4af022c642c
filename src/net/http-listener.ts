/** One HTTP or HTTPS port that players of several protocols share: finds each request's protocol by path and ending. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Log } from '../streams/index.ts';
import { remoteAddress } from './address.ts';
import { setAnswerHeaders, writeAnswer } from './answer-writer.ts';
import { CORS_HEADERS } from './cors.ts';
import { type DoorLimits, guardDoor, tellOverHttp } from './door.ts';
import type { AnswerRoute, HttpRequestFacts } from './http-answer.ts';
import {
  type ListenAddress,
  type Listener,
  listen,
  readTlsFiles,
  SOCKET_OPTIONS,
  type TlsFiles,
  type TlsPem,
} from './listen.ts';
import { endFailedTls, type FaultReason, type PeerFaults } from './peer-faults.ts';
import { refuseRequest } from './refuse.ts';
import { settleBytes } from './socket-bytes.ts';
import { acceptWebSocket } from './websocket.ts';

/** A player's request, read as far as its headers. */
export interface PlayRequest {
  /** Decoded path without the query. */
  readonly path: string;
  /** What stood behind `?`, as it came. */
  readonly query: string;
  /** The whole URL as the client asked for it. */
  readonly url: string;
  readonly socket: Socket;
  /** Answers a WebSocket handshake; null where the request is a plain GET. */
  readonly upgrade: ((onOpen: (webSocket: WebSocket) => void) => void) | null;
}

/** What a protocol answers for the paths that are its own. */
export interface HttpRoute {
  /** Prefix of the path, e.g. `/live/`. */
  readonly urlPattern: string;
  /** Ending of the path, e.g. `.flv`. */
  readonly extension: string;
  readonly contentType: string;
  /** The route has the socket from now on and writes the whole answer to it, or answers the WebSocket handshake. */
  play(request: PlayRequest): void;
}

export interface HttpListenerOptions {
  readonly address: ListenAddress;
  readonly tls: TlsFiles | null;
  /** A request's headers must be there within this time. Milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** Value of the header `Server`. */
  readonly serverName: string;
}

/** Of an answer to one request too many: in the next second there is room. */
const TOO_MANY_HEADERS = { 'Retry-After': '1', 'Content-Type': 'text/plain; charset=utf-8' } as const;
const MAX_HEADER_BYTES = 16 * 1024;
/** A connection over which nothing is asked for this long is closed: longer than players wait for their next segment. Milliseconds. */
const KEEP_ALIVE_MS = 30_000;
/** 16 bytes in base64 (RFC 6455 4.1). */
const WEB_SOCKET_KEY = /^[+/0-9A-Za-z]{22}==$/;

export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #log: Log;
  readonly #faults: PeerFaults;
  readonly #limits: DoorLimits | undefined;
  readonly #routes: (HttpRoute | AnswerRoute)[] = [];
  /** Sockets whose answer is not over, with that answer; null: it never is. */
  readonly #taken = new WeakMap<Socket, ServerResponse | null>();
  #server: http.Server | null = null;
  #stopping = false;
  #listener: Listener | null = null;

  /** @param limits absent: everybody is let in */
  constructor(options: HttpListenerOptions, log: Log, faults: PeerFaults, limits?: DoorLimits) {
    this.#options = options;
    this.#log = log;
    this.#faults = faults;
    this.#limits = limits;
  }

  /** Longest pattern first, so that `/hls/` goes before `/`; of those with the same pattern the first that was added. */
  addRoute(route: HttpRoute | AnswerRoute): void {
    this.#routes.push(route);
    this.#routes.sort((a, b) => b.urlPattern.length - a.urlPattern.length);
  }

  /** Rejects where the port cannot be bound or the TLS files cannot be read. */
  async start(): Promise<Listener> {
    const { tls, address, handshakeTimeoutMs } = this.#options;
    const options = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: handshakeTimeoutMs,
      requestTimeout: handshakeTimeoutMs,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      ...SOCKET_OPTIONS,
      // another protocol that is offered (h2c) is passed over, and the request answered as HTTP/1.1
      shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
    };
    const server =
      tls === null
        ? http.createServer(options)
        : https.createServer({ ...options, ...readTlsFiles(tls), handshakeTimeout: handshakeTimeoutMs });
    server.on('tlsClientError', (error: Error, socket: Socket) => endFailedTls(this.#faults, 'HTTP', error, socket));
    server.on('request', (request, response) => this.#onRequest(request, response));
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket as Socket, head));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const peer = remoteAddress(socket as Socket);
      const reason = faultReason(error.code);
      if (reason !== null) this.#faults.tell('HTTP', reason, { peer }, `HTTP refused: ${error.message}`);
      if (socket.writable && error.code !== 'ECONNRESET' && !this.#taken.has(socket as Socket)) {
        const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
        refuseRequest(socket as Socket, status);
      } else socket.destroy(error);
    });
    if (this.#limits !== undefined) {
      // over TLS a word would cost a handshake
      guardDoor(server, this.#limits.connections, tls === null ? tellOverHttp(this.#options.serverName) : undefined);
    }
    this.#server = server;
    this.#listener = await listen(server, address);
    return this.#listener;
  }

  /** For the connections from now on, where it listens with TLS. */
  useCertificate(pem: TlsPem): void {
    if (this.#server instanceof https.Server) this.#server.setSecureContext(pem);
  }

  /** Lets nobody in any more; players' sockets are their sessions' own. */
  stop(): void {
    this.#stopping = true;
    this.#listener?.close();
    this.#server?.closeIdleConnections();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket, method } = request;
    const before = this.#taken.get(socket);
    if (before !== undefined) {
      this.#onEarlyRequest(before, request, response);
      return;
    }
    const tooMany = this.#tooMany(socket);
    if (tooMany !== null) {
      this.#begin(socket, response);
      response.writeHead(429, { ...tooMany.headers, 'Content-Length': tooMany.body.length }).end(tooMany.body);
      return;
    }
    const target = this.#target(request);
    const route = this.#find(target.path);
    if (route !== null && 'play' in route && method === 'GET') {
      this.#taken.set(socket, null);
      route.play(playRequest(route, target, socket));
      return;
    }
    this.#begin(socket, response);
    if (route !== null && 'answer' in route) setAnswerHeaders(response);
    if (route === null) {
      response.writeHead(404, { 'Content-Type': 'text/plain' });
      response.end(`no stream at this path; played here are: ${this.#describeRoutes()}\n`);
    } else if (method === 'OPTIONS') {
      response.writeHead(204, { 'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS' });
      response.end();
    } else if ('answer' in route && (method === 'GET' || method === 'HEAD')) {
      const facts = { ...target, method, remoteAddr: remoteAddress(socket), headers: request.headers } as const;
      this.#answer(route, facts, response, socket);
    } else if ('play' in route && method === 'HEAD') {
      response.writeHead(200, {
        'Content-Type': route.contentType,
        'Cache-Control': 'no-cache',
        Connection: 'close',
      });
      response.end();
    } else {
      response.writeHead(405, { Allow: 'GET, HEAD, OPTIONS', 'Content-Type': 'text/plain', Connection: 'close' });
      response.end(`${method} is not allowed here; allowed are GET, HEAD and OPTIONS\n`);
    }
  }

  /** What every answer of this server's has, whatever it says. */
  #begin(socket: Socket, response: ServerResponse): void {
    const unwatch = this.#limits?.slowReaders.watch(socket);
    if (unwatch !== undefined) response.once('close', unwatch);
    response.setHeader('Server', this.#options.serverName);
    for (const [name, value] of Object.entries(CORS_HEADERS)) response.setHeader(name, value);
    response.once('finish', () => settleBytes(socket));
    if (this.#stopping) response.setHeader('Connection', 'close');
  }

  /** Counts a request; where its address asks too much, what it is answered. */
  #tooMany(socket: Socket): { readonly headers: Readonly<Record<string, string>>; readonly body: string } | null {
    const reason = this.#limits?.requests.count(socket.remoteAddress ?? '') ?? null;
    return reason === null ? null : { headers: TOO_MANY_HEADERS, body: `${reason}\n` };
  }

  /**
   * A request before the answer to the one before is over. Over TLS a client may have that answer's last byte, and ask on,
   * before this process is told that it was sent; else it is a fault.
   */
  #onEarlyRequest(before: ServerResponse | null, request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (before?.writableEnded !== true) {
      const found = 'HTTP refused: a request before the answer to the one before it is over';
      this.#faults.tell('HTTP', 'malformed', { peer: remoteAddress(socket) }, found);
      socket.destroy();
    } else {
      before.once('close', () => {
        if (!socket.destroyed) this.#onRequest(request, response);
      });
    }
  }

  #answer(route: AnswerRoute, facts: HttpRequestFacts, response: ServerResponse, socket: Socket): void {
    this.#taken.set(socket, response);
    const gone = new AbortController();
    response.once('close', () => {
      this.#taken.delete(socket);
      if (!response.writableEnded) gone.abort();
    });
    route
      .answer(facts, gone.signal)
      .then((answer) => {
        // the server may have begun to stop while the answer was waited for
        if (this.#stopping) response.setHeader('Connection', 'close');
        return writeAnswer(facts, response, answer, route);
      })
      .catch((error: unknown) => {
        this.#log.error({ url: facts.url, error }, 'a fault of the server ended a request');
        if (response.headersSent) response.destroy();
        else response.writeHead(500).end();
      });
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', (error) => this.#log.debug({ error: error.message }, 'WebSocket connection failed'));
    const tooMany = this.#tooMany(socket);
    if (tooMany !== null) {
      refuseRequest(socket, '429 Too Many Requests', tooMany.headers, tooMany.body);
      return;
    }
    const target = this.#target(request);
    const route = this.#find(target.path);
    if (route === null || !('play' in route) || this.#taken.has(socket)) {
      refuseRequest(socket, '404 Not Found');
      return;
    }
    // looked at before a session begins; the ws library answers the handshake itself
    if (!WEB_SOCKET_KEY.test(request.headers['sec-websocket-key'] ?? '')) {
      refuseRequest(socket, '400 Bad Request');
      return;
    }
    route.play({
      ...playRequest(route, target, socket),
      upgrade: (onOpen) => acceptWebSocket(request, socket, head, onOpen),
    });
  }

  #target(request: IncomingMessage): Target {
    const target = (request.url ?? '/').replace(/^https?:\/\/[^/]*/i, '');
    const mark = target.indexOf('?');
    const scheme = this.#options.tls === null ? 'http' : 'https';
    return {
      path: decodePath(mark === -1 ? target : target.slice(0, mark)),
      query: mark === -1 ? '' : target.slice(mark + 1),
      url: `${scheme}://${request.headers.host ?? ''}${target}`,
    };
  }

  #find(path: string): HttpRoute | AnswerRoute | null {
    const isIts = (route: HttpRoute | AnswerRoute): boolean =>
      path.startsWith(route.urlPattern) && ('play' in route ? path.endsWith(route.extension) : route.accepts(path));
    return this.#routes.find(isIts) ?? null;
  }

  #describeRoutes(): string {
    return this.#routes
      .map((route) => `${route.urlPattern}${'play' in route ? `APP/STREAM${route.extension}` : route.description}`)
      .join(', ');
  }
}

/** Null: the connection is gone, which is nothing to complain of. */
function faultReason(code: string | undefined): FaultReason | null {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timed out';
  if (code === 'HPE_HEADER_OVERFLOW') return 'limit';
  return code?.startsWith('HPE_') === true && code !== 'HPE_INVALID_EOF_STATE' ? 'malformed' : null;
}

/** What a request asks for: decoded path, query as it came, and the whole URL. */
type Target = Pick<HttpRequestFacts, 'path' | 'query' | 'url'>;

function playRequest(route: HttpRoute, target: Target, socket: Socket): PlayRequest {
  return { ...target, path: target.path.slice(0, -route.extension.length), socket, upgrade: null };
}

/** Percent-decoding; a path that is not well-formed is taken as it stands. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
