/** One HTTP or HTTPS port that players of several protocols share: finds each request's protocol by path and ending. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Log } from '../streams/index.ts';
import { type ListenAddress, type Listener, listen, readTlsFiles, SOCKET_OPTIONS, type TlsFiles } from './listen.ts';
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

/** As the original sends them, to players and to the API's callers alike. */
export const CORS_HEADERS = {
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers': 'Content-Type',
} as const;

const MAX_HEADER_BYTES = 16 * 1024;
/** 16 bytes in base64 (RFC 6455 4.1). */
const WEB_SOCKET_KEY = /^[+/0-9A-Za-z]{22}==$/;

export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #log: Log;
  readonly #routes: HttpRoute[] = [];
  /** Sockets whose answer never ends: a further request on one is a fault. */
  readonly #taken = new WeakSet<Socket>();
  #server: http.Server | null = null;
  #listener: Listener | null = null;

  constructor(options: HttpListenerOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /** Longest pattern first, so that `/hls/` goes before `/`. */
  addRoute(route: HttpRoute): void {
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
      ...SOCKET_OPTIONS,
      // another protocol that is offered (h2c) is passed over, and the request answered as HTTP/1.1
      shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
    };
    const server =
      tls === null
        ? http.createServer(options)
        : https.createServer({ ...options, ...readTlsFiles(tls), handshakeTimeout: handshakeTimeoutMs });
    server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
    server.on('request', (request, response) => this.#onRequest(request, response));
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket as Socket, head));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (socket.writable && error.code !== 'ECONNRESET' && !this.#taken.has(socket as Socket)) {
        const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
        refuseRequest(socket as Socket, status);
      } else socket.destroy(error);
    });
    this.#server = server;
    this.#listener = await listen(server, address);
    return this.#listener;
  }

  /** Lets nobody in any more; players' sockets are their sessions' own. */
  stop(): void {
    this.#listener?.close();
    this.#server?.closeIdleConnections();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (this.#taken.has(socket)) {
      socket.destroy();
      return;
    }
    const found = this.#find(request);
    if (found !== null && request.method === 'GET') {
      this.#taken.add(socket);
      found.route.play(found.playRequest);
      return;
    }
    response.setHeader('Server', this.#options.serverName);
    for (const [name, value] of Object.entries(CORS_HEADERS)) response.setHeader(name, value);
    response.once('finish', () => settleBytes(socket));
    if (found === null) {
      response.writeHead(404, { 'Content-Type': 'text/plain' });
      response.end(`no stream at this path; played here are: ${this.#describeRoutes()}\n`);
    } else if (request.method === 'HEAD') {
      response.writeHead(200, {
        'Content-Type': found.route.contentType,
        'Cache-Control': 'no-cache',
        Connection: 'close',
      });
      response.end();
    } else if (request.method === 'OPTIONS') {
      response.writeHead(204, { 'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS' });
      response.end();
    } else {
      response.writeHead(405, { Allow: 'GET, HEAD, OPTIONS', 'Content-Type': 'text/plain', Connection: 'close' });
      response.end(`${request.method} is not allowed here; allowed are GET, HEAD and OPTIONS\n`);
    }
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', (error) => this.#log.debug({ error: error.message }, 'WebSocket connection failed'));
    const found = this.#find(request);
    if (found === null) {
      refuseRequest(socket, '404 Not Found');
      return;
    }
    // looked at before a session begins; the ws library answers the handshake itself
    if (!WEB_SOCKET_KEY.test(request.headers['sec-websocket-key'] ?? '')) {
      refuseRequest(socket, '400 Bad Request');
      return;
    }
    found.route.play({
      ...found.playRequest,
      upgrade: (onOpen) => acceptWebSocket(request, socket, head, onOpen),
    });
  }

  #find(request: IncomingMessage): { route: HttpRoute; playRequest: PlayRequest } | null {
    const target = (request.url ?? '/').replace(/^https?:\/\/[^/]*/i, '');
    const mark = target.indexOf('?');
    const rawPath = mark === -1 ? target : target.slice(0, mark);
    const path = decodePath(rawPath);
    const route = this.#routes.find(
      ({ urlPattern, extension }) => path.startsWith(urlPattern) && path.endsWith(extension),
    );
    if (route === undefined) return null;
    const scheme = this.#options.tls === null ? 'http' : 'https';
    const playRequest: PlayRequest = {
      path: path.slice(0, -route.extension.length),
      query: mark === -1 ? '' : target.slice(mark + 1),
      url: `${scheme}://${request.headers.host ?? ''}${target}`,
      socket: request.socket,
      upgrade: null,
    };
    return { route, playRequest };
  }

  #describeRoutes(): string {
    return this.#routes.map(({ urlPattern, extension }) => `${urlPattern}APP/STREAM${extension}`).join(', ');
  }
}

/** Percent-decoding; a path that is not well-formed is taken as it stands. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
