/** The HTTP API's server: whatever is asked, and however badly, is answered with HTTP 200 and the JSON envelope. */
import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import {
  CORS_HEADERS,
  guardDoor,
  type Listener,
  listen,
  type PeerFaults,
  type PeerLimits,
  remoteAddress,
  tellOverHttp,
} from '../net/index.ts';
import type { Log } from '../streams/index.ts';
import { type Answer, REFUSALS, success } from './answer.ts';
import { addConsole, readConsole } from './console.ts';
import type { ApiDeps, Endpoint, Params } from './endpoint.ts';
import { ENDPOINTS } from './endpoints.ts';
import { EVENT_STREAM_LIMITS, type EventStreamLimits, EventStreams } from './event-stream.ts';
import { openApi } from './openapi.ts';
import { OPENAPI_PATH } from './openapi-plain.ts';
import { addOperation, HEALTH_PATHS } from './operation.ts';
import { answerWithStream, STREAM_HEADERS, STREAM_PATH, streamStart } from './stream-endpoint.ts';
import { isFromHere, tokenCheck } from './token.ts';

interface ApiOptions {
  /** Absent: every address, IPv4 and IPv6. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  /** Value of the header `Server`, e.g. `millrace/0.1.0`. */
  readonly serverName: string;
  readonly log: Log;
  readonly faults: PeerFaults;
  /** Absent: everybody is let in. */
  readonly limits?: PeerLimits;
  /** What callers must bring; empty: nothing. */
  readonly token: string;
  /** Where the console's built files are; absent: the API has no console. */
  readonly consoleFolder?: string;
  /** Absent: as they are. */
  readonly eventStreamLimits?: Partial<EventStreamLimits>;
}

export interface ApiServer {
  /** What callers must bring from now on; empty: nothing. Event streams that are open stay. */
  setToken(token: string): void;
  /** Rejects with a sentence that names the port where it cannot be had. */
  listen(): Promise<{ readonly port: number }>;
  /** Frees the port, gives event streams a moment to take the rest, and ends every connection, idle or not. */
  close(): Promise<void>;
}

type Headers = Readonly<Record<string, string>>;

/** The largest body that is read. Bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** A request must have arrived within this time. Milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Makes the server; it takes nobody in before `listen`. */
export function createApiServer(deps: ApiDeps, options: ApiOptions): ApiServer {
  const own = { 'Content-Type': 'application/json', Server: options.serverName };
  const headers = { ...CORS_HEADERS, ...own };
  const app = createApp(headers, options);
  const files = options.consoleFolder === undefined ? new Map() : readConsole(options.consoleFolder);
  addConsole(app, files, options.serverName);
  // neither the console's files nor the document hold a secret, and it is the console that asks for the token
  const isOpen = (path: string): boolean => files.has(path) || HEALTH_PATHS.has(path) || path === OPENAPI_PATH;
  const tokenUsers = [demandToken(app, headers, isOpen), addDocument(app, options.serverName, headers)];
  const setToken = (token: string): void => {
    for (const use of tokenUsers) use(token);
  };
  setToken(options.token);
  addOperation(app, deps.operation, options.serverName, options.log);
  const streams = new EventStreams(deps.notify, options.log, { ...EVENT_STREAM_LIMITS, ...options.eventStreamLimits });
  for (const endpoint of ENDPOINTS) addEndpoint(app, endpoint, deps, headers, options.log);
  addStream(app, streams, deps, headers);
  let listener: Listener | null = null;
  return {
    setToken,
    listen: async () => {
      await app.ready();
      const { host, port, limits, serverName } = options;
      if (limits !== undefined) {
        app.server.on('connection', (socket) => limits.slowReaders.watch(socket));
        guardDoor(app.server, limits.apiConnections, tellOverHttp(serverName));
      }
      listener = await listen(app.server, host === undefined ? { port } : { host, port });
      return { port: listener.port };
    },
    close: async () => {
      listener?.close();
      await streams.close();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function createApp(headers: Headers, { log, faults }: Pick<ApiOptions, 'log' | 'faults'>): FastifyInstance {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1000, requireHostHeader: false },
    routerOptions: { querystringParser: parseQuery },
    frameworkErrors: (_error, _request, reply) => send(reply, headers, REFUSALS.pageNotFound),
    clientErrorHandler: (error, socket) => answerNonsense(error, socket, headers, faults),
  });
  // A body with GET is unusual, but the original reads it.
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  // Bodies are JSON whatever their type; fastify would refuse a type that is none.
  app.addHook('onRequest', (request, _reply, done) => {
    delete request.headers['content-type'];
    done();
  });
  app.setNotFoundHandler((_request, reply) => send(reply, headers, REFUSALS.pageNotFound));
  app.setErrorHandler((error, request, reply) => {
    const refusal = isFaultOfCaller(error) ? REFUSALS.unreadable : REFUSALS.failed;
    const path = request.routeOptions.url ?? '';
    if (refusal === REFUSALS.failed) log.error({ error, path }, 'An API call failed');
    const endpoint = ENDPOINTS.find((each) => each.path === path);
    return send(reply, headers, endpoint?.refuse(refusal) ?? refusal);
  });
  return app;
}

/** What a page of another origin may send, where a token is demanded. */
const ALLOW_TOKEN = { 'Access-Control-Allow-Headers': 'Content-Type, Last-Event-ID, Authorization' };

/** What can end the server. */
const GUARDED_PATHS = new Set(ENDPOINTS.filter(({ isGuarded }) => isGuarded).map(({ path }) => path));

/** @returns what sets the token; empty: none is demanded */
function demandToken(
  app: FastifyInstance,
  headers: Headers,
  isOpen: (path: string) => boolean,
): (token: string) => void {
  let isDemanded = false;
  let hasToken = tokenCheck('');
  app.addHook('onRequest', (request, reply, done) => {
    const path = request.routeOptions.url ?? '';
    if (!isDemanded && GUARDED_PATHS.has(path) && !isFromHere(request)) send(reply, headers, REFUSALS.onlyFromHere);
    else if (isOpen(path) || hasToken(request)) done();
    else reply.header('WWW-Authenticate', 'Bearer').code(401).headers(headers).send(envelope(REFUSALS.unauthorized));
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (isDemanded && request.method === 'OPTIONS') reply.headers(ALLOW_TOKEN);
    done(null, payload);
  });
  return (token) => {
    isDemanded = token !== '';
    hasToken = tokenCheck(token);
  };
}

function addEndpoint(app: FastifyInstance, endpoint: Endpoint, deps: ApiDeps, headers: Headers, log: Log): void {
  app.route({
    method: [...endpoint.methods],
    url: endpoint.path,
    handler: async (request, reply) => {
      const answer = await endpoint.answer(deps, readParams(request));
      if (endpoint.isControl) logControl(log, endpoint, request, answer);
      return send(reply, headers, answer);
    },
  });
  addPreflight(app, endpoint.path, endpoint.methods, headers);
}

function addStream(app: FastifyInstance, streams: EventStreams, deps: ApiDeps, headers: Headers): void {
  const methods = ['GET', 'POST'];
  app.route({
    method: methods,
    url: STREAM_PATH,
    handler: (request, reply) => {
      const since = streamStart(deps, readParams(request), request.headers);
      if (typeof since !== 'number') return send(reply, headers, since);
      const refusal = answerWithStream(streams, reply.raw, since, headers);
      return refusal === null ? reply.hijack() : send(reply, headers, refusal);
    },
  });
  addPreflight(app, STREAM_PATH, methods, { ...headers, ...STREAM_HEADERS });
}

/** @returns what tells the document of the token that is demanded */
function addDocument(app: FastifyInstance, serverName: string, headers: Headers): (token: string) => void {
  const version = serverName.slice(serverName.indexOf('/') + 1);
  let hasToken = false;
  let document: Buffer | null = null;
  app.get(OPENAPI_PATH, (_request, reply) => {
    document ??= Buffer.from(JSON.stringify(openApi({ version, hasToken })));
    return reply.headers(headers).send(document);
  });
  addPreflight(app, OPENAPI_PATH, ['GET'], headers);
  return (token) => {
    hasToken = token !== '';
    document = null;
  };
}

/** What a browser asks before it lets a page of another origin call. */
function addPreflight(app: FastifyInstance, path: string, methods: readonly string[], headers: Headers): void {
  const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  app.options(path, (_request, reply) =>
    send(reply, { ...headers, 'Access-Control-Allow-Methods': [...allowed, 'OPTIONS'].join(', ') }, success()),
  );
}

/** As a buffer: fastify would add a charset to the type of a string, which the original does not have. */
function send(reply: FastifyReply, headers: Headers, answer: Answer): FastifyReply {
  return reply.code(200).headers(headers).send(envelope(answer));
}

function envelope(answer: Answer): Buffer {
  return Buffer.from(JSON.stringify(answer));
}

/** Fields of the query, without the API's token, and, going before them, of the JSON body; null where the body is no JSON object. */
function readParams(request: FastifyRequest): Params {
  const { token: _token, ...query } = request.query as Readonly<Record<string, string>>;
  const { body } = request;
  if (typeof body !== 'string' || body === '') return query;
  try {
    const fields: unknown = JSON.parse(body);
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? { ...query, ...fields } : null;
  } catch {
    return null;
  }
}

/** Of a field that comes twice the first one counts, as in the original. */
function parseQuery(query: string): Record<string, string> {
  return Object.fromEntries([...new URLSearchParams(query)].reverse());
}

/** What cannot be parsed as HTTP never becomes a request, so the answer is written by hand. */
function answerNonsense(error: Error, socket: Socket, headers: Headers, faults: PeerFaults): void {
  const code = 'code' in error ? error.code : '';
  if (code !== 'ECONNRESET') {
    const reason = code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'timed out' : 'malformed';
    faults.tell('API', reason, { peer: remoteAddress(socket) }, `API refused: ${error.message}`);
  }
  if (!socket.writable || code === 'ECONNRESET' || code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(REFUSALS.unreadable);
  const lines = Object.entries({ ...headers, 'Content-Length': body.length, Connection: 'close' });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n${body}`, () => socket.destroySoon());
}

/** fastify gives its own errors about what the caller sent a status from 400 to 499. */
function isFaultOfCaller(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return false;
  return typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500;
}

function logControl(log: Log, { path }: Endpoint, { socket }: FastifyRequest, answer: Answer): void {
  log.info({ path, errorCode: answer.error_code, remoteAddr: remoteAddress(socket) }, 'A control call was answered');
}
