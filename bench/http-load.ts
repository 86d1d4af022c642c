/** As many requests as a server answers: by wrk where it is installed, else by native/http-load.c. */
import { findProgram } from './other-servers.ts';
import { type Child, cpuSeconds, type Workshop } from './processes.ts';

/** What a server did under the load of one client. */
export interface HttpLoad {
  readonly requestsPerSecond: number;
  /** Of the server, user and system. */
  readonly cpuUsPerRequest: number;
  readonly failed: number;
}

/** What the client counted. */
interface Counts {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
}

/** The client's name, for notes. */
export function loadClient(): string {
  return findProgram('wrk') === null ? 'bench/native/http-load.c' : 'wrk';
}

/** Asks process `pid` for `url` on so many connections that are kept, each again as soon as it is answered. */
export async function loadHttp(
  workshop: Workshop,
  pid: number,
  url: string,
  connections: number,
  seconds: number,
): Promise<HttpLoad> {
  const wrk = findProgram('wrk');
  const before = cpuSeconds(pid);
  const counts = await (wrk === null
    ? readOwn(workshop.startNative('http-load', [url, connections, seconds]))
    : readWrk(workshop.start(wrk, ['-t1', `-c${connections}`, `-d${Math.ceil(seconds)}s`, url])));
  const cpuUsPerRequest = ((cpuSeconds(pid) - before) * 1e6) / Math.max(1, counts.requests);
  return { requestsPerSecond: counts.requests / counts.seconds, cpuUsPerRequest, failed: counts.failed };
}

async function readOwn(child: Child): Promise<Counts> {
  return JSON.parse(await child.waitForLine('stdout', (line) => line.startsWith('{')));
}

/** wrk counts what failed among the requests too, in lines that are there only where something did. */
async function readWrk(child: Child): Promise<Counts> {
  const lines: string[] = [];
  child.onLine('stdout', (line) => lines.push(line));
  await child.closed;
  const text = lines.join('\n');
  const [, requests, seconds] = /(\d+) requests in ([\d.]+)s/.exec(text) ?? [];
  if (requests === undefined) throw new Error(`wrk said nothing of requests:\n${text}`);
  const [, connect, read, write, timeout] =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const lost = [connect, read, write, timeout].reduce((sum, count) => sum + Number(count ?? 0), 0);
  return { requests: Number(requests) - refused, failed: refused + lost, seconds: Number(seconds) };
}
