/** A port of its own for looking into the running process: CPU profile, heap snapshot, metrics. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { getHeapSnapshot } from 'node:v8';
import { tokenCheck } from '../api/index.ts';
import { guardDoor, type ListenAddress, type Listener, listen, type PeerLimits, tellOverHttp } from '../net/index.ts';
import type { Log } from '../streams/index.ts';
import { takeCpuProfile } from './cpu-profile.ts';
import type { MetricsText } from './metrics.ts';

export interface ProfileServerOptions {
  readonly address: ListenAddress;
  /** What callers must bring, as for the API; empty: nothing. */
  readonly token: string;
  /** Value of the header `Server`. */
  readonly serverName: string;
}

export interface ProfileServerDeps {
  readonly log: Log;
  readonly limits: Pick<PeerLimits, 'profileConnections' | 'slowReaders'>;
  metrics(): Promise<MetricsText>;
}

/** How long a CPU profile is: where nothing is said, and at most. Seconds. */
const [DEFAULT_SECONDS, MAX_SECONDS] = [30, 300];
/** A request must have arrived within this time, which is looked at so often. Milliseconds. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 };
const TEXT = 'text/plain; charset=utf-8';

const INDEX = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Millrace: profiles</title>
<h1>Profiles of the running server</h1>
<ul>
<li><a href="profile?seconds=30">profile?seconds=30</a>: CPU profile of the main thread, 1 to ${MAX_SECONDS} seconds long (.cpuprofile)</li>
<li><a href="heap">heap</a>: heap snapshot of the main thread (.heapsnapshot). While it is made the server stands still: about a second for each 100 MB.</li>
<li><a href="../../metrics">metrics</a>: the numbers for Prometheus</li>
</ul>
<p>Developer tools of Chromium open both kinds of file. One is taken at a time.</p>
</html>
`;

export class ProfileServer {
  readonly #options: ProfileServerOptions;
  readonly #deps: ProfileServerDeps;
  readonly #server = createServer(TIMEOUTS, (request, response) => {
    this.#answer(request, response).catch((error: unknown) => this.#failed(response, error));
  });
  #hasToken: ReturnType<typeof tokenCheck>;
  #listener: Listener | null = null;
  #isBusy = false;

  constructor(options: ProfileServerOptions, deps: ProfileServerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#hasToken = tokenCheck(options.token);
    const { profileConnections, slowReaders } = deps.limits;
    this.#server.on('connection', (socket) => slowReaders.watch(socket));
    guardDoor(this.#server, profileConnections, tellOverHttp(options.serverName));
  }

  /** What callers must bring from now on. */
  setToken(token: string): void {
    this.#hasToken = tokenCheck(token);
  }

  /** Rejects where the port cannot be bound. */
  async start(): Promise<Listener> {
    this.#listener = await listen(this.#server, this.#options.address);
    return this.#listener;
  }

  /** Ends what is being taken, and every connection. */
  stop(): void {
    this.#listener?.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(`http://host${request.url ?? '/'}`);
    response.setHeader('Server', this.#options.serverName);
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    const { method = '', headers } = request;
    if (method !== 'GET') return say(response, 405, 'only GET is answered here');
    if (!this.#hasToken({ method, headers, query: Object.fromEntries(searchParams) })) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      return say(response, 401, 'the API token is missing or wrong');
    }
    switch (pathname) {
      case '/':
      case '/debug/pprof':
        response.setHeader('Location', '/debug/pprof/');
        return say(response, 302, '/debug/pprof/');
      case '/debug/pprof/':
        return say(response, 200, INDEX, 'text/html; charset=utf-8');
      case '/debug/pprof/profile':
        return this.#alone(response, () => sendCpuProfile(response, searchParams.get('seconds')));
      case '/debug/pprof/heap':
        return this.#alone(response, () => sendHeap(response));
      case '/metrics': {
        const { contentType, text } = await this.#deps.metrics();
        return say(response, 200, text, contentType);
      }
      default:
        return say(response, 404, 'there are /debug/pprof/ and /metrics');
    }
  }

  async #alone(response: ServerResponse, send: () => Promise<void>): Promise<void> {
    if (this.#isBusy) return say(response, 409, 'another profile is being taken');
    this.#isBusy = true;
    try {
      await send();
    } finally {
      this.#isBusy = false;
    }
  }

  #failed(response: ServerResponse, error: unknown): void {
    this.#deps.log.error({ error }, 'a profile could not be taken');
    if (response.headersSent) response.destroy();
    else say(response, 500, 'internal error');
  }
}

async function sendCpuProfile(response: ServerResponse, wanted: string | null): Promise<void> {
  const seconds = wanted === null ? DEFAULT_SECONDS : Number(wanted);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS) {
    return say(
      response,
      400,
      `seconds: found ${JSON.stringify(wanted)}, allowed: a whole number from 1 to ${MAX_SECONDS}`,
    );
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const profile = await takeCpuProfile(seconds, gone.signal);
  attach(response, 'cpuprofile');
  say(response, 200, profile, 'application/json');
}

async function sendHeap(response: ServerResponse): Promise<void> {
  attach(response, 'heapsnapshot');
  response.writeHead(200, { 'Content-Type': 'application/json' });
  const snapshot = getHeapSnapshot();
  // who has enough of it may leave
  await pipeline(snapshot, response).catch(() => snapshot.destroy());
}

function attach(response: ServerResponse, ending: string): void {
  response.setHeader('Content-Disposition', `attachment; filename="millrace-${process.pid}.${ending}"`);
}

function say(response: ServerResponse, status: number, text: string, type = TEXT): void {
  response.writeHead(status, { 'Content-Type': type }).end(type === TEXT ? `${text}\n` : text);
}
