/** What viewers of HLS cost, and how many requests a second are answered, next to nginx with the same files. */
import { join } from 'node:path';
import { type HttpLoad, loadClient, loadHttp } from '../http-load.ts';
import { measureCores, measurePlayers, PLAYED, publish } from '../load.ts';
import { startMillrace } from '../millrace.ts';
import { startNginxFiles } from '../other-servers.ts';
import type { Bench } from './measurement.ts';
import { checkServed, perPlayer } from './next-to-floor.ts';

/** Of all players, so many view HLS, and so many low-latency HLS. */
const VIEWERS_PART = 0.5;
const LOW_LATENCY_PART = 0.1;
const STREAM = 'bench';
/** Below the server's working folder. */
const OUT_PATH = 'hls';
/** As packaged: with a key frame every two seconds, segments of four. */
const HLS = {
  enable: true,
  url_pattern: '/hls/',
  out_path: `./${OUT_PATH}/`,
  fragment_duration_ms: 3000,
  fragment_num: 6,
  cleanup_mode: 1,
};
const CONNECTIONS = 50;
/** The two servers take turns, each so often, so that a machine that changes changes both. */
const ROUNDS = 2;
/** A server of one thread that uses less was not asked for all that it can do. */
const BUSY_CORES = 0.9;

export async function measureHls(bench: Bench): Promise<void> {
  await measureViewers(bench);
  await measureRequests(bench);
}

async function measureViewers(bench: Bench): Promise<void> {
  const { workshop, options } = bench;
  const server = await startMillrace(workshop, { config: { hls: { ...HLS, sub_session_hash_key: 'bench' } } });
  const publisher = await publish(workshop, PLAYED, server.publishUrl(STREAM));
  await readText(server.hlsUrl(`${STREAM}.m3u8`));
  // to make the segments and parts costs the same however few viewers there are
  const empty = await measureCores(server.pid, options.seconds);
  for (const [what, path, part] of [
    ['HLS viewers', `${STREAM}.m3u8`, VIEWERS_PART],
    ['viewers of low-latency HLS', `${STREAM}/ll.m3u8`, LOW_LATENCY_PART],
  ] as const) {
    const count = Math.max(1, Math.round(options.players * part));
    const url = server.hlsUrl(path);
    const cost = await measurePlayers(workshop, server.pid, url, count, options.seconds);
    const name = `${count.toLocaleString('en')} ${what}`;
    checkServed(bench, name, cost, count);
    const cpuUsPerPlayerSecond = (Math.max(0, cost.cores - empty) * 1e6) / Math.max(1, cost.alive);
    const cores = `${cost.cores.toFixed(3)} cores (without them ${empty.toFixed(3)})`;
    bench.add({
      what: name,
      ratio: null,
      absolute: `${perPlayer(cpuUsPerPlayerSecond)}, ${cores}`,
      values: { ...cost, cpuUsPerPlayerSecond, empty },
    });
  }
  await publisher.stop();
  await server.stop();
}

type Wanted = 'playlist' | 'segment';

/** Goes on while a publisher is there, so that the playlist and the newest segment are those of a live stream. */
async function measureRequests(bench: Bench): Promise<void> {
  const { workshop, options, note } = bench;
  const folder = workshop.newFolder('millrace');
  const millrace = await startMillrace(workshop, { config: { hls: HLS }, folder });
  const publisher = await publish(workshop, PLAYED, millrace.publishUrl(STREAM));
  const playlist = `${STREAM}/playlist.m3u8`;
  await readText(millrace.hlsUrl(playlist));
  const nginx = await startNginxFiles(workshop, join(folder, OUT_PATH));
  if (nginx === null) note('requests a second: nginx is not installed (Debian: nginx-light)');
  note(`requests a second: ${CONNECTIONS} connections by ${loadClient()}`);
  const load = async (what: string, pid: number, url: string): Promise<HttpLoad> => {
    const result = await loadHttp(workshop, pid, url, CONNECTIONS, options.seconds / ROUNDS);
    if (result.failed > 0) note(`${what}: ${result.failed} requests failed`);
    const cores = (result.requestsPerSecond * result.cpuUsPerRequest) / 1e6;
    if (cores < BUSY_CORES) note(`${what}: the client, or the machine, was slower than the server`);
    return result;
  };
  for (const wanted of ['playlist', 'segment'] as const) {
    const ours: HttpLoad[] = [];
    const theirs: HttpLoad[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const newest = (await readText(millrace.hlsUrl(playlist))).trimEnd().split('\n').at(-1);
      const path = wanted === 'playlist' ? playlist : `${STREAM}/${newest}`;
      ours.push(await load(`HLS ${wanted}`, millrace.pid, millrace.hlsUrl(path)));
      if (nginx !== null) theirs.push(await load(`HLS ${wanted}, nginx`, nginx.pid, nginx.url(path)));
    }
    addLoads(bench, wanted, ours, theirs);
  }
  await nginx?.stop();
  await publisher.stop();
  await millrace.stop();
}

function addLoads({ add }: Bench, wanted: Wanted, ours: readonly HttpLoad[], theirs: readonly HttpLoad[]): void {
  const our = mean(ours);
  const what = `requests a second for an HLS ${wanted}`;
  if (theirs.length === 0) {
    add({ what, ratio: null, absolute: inWords(our), values: { ours } });
    return;
  }
  const their = mean(theirs);
  add({ what: `${what}, nginx`, ratio: 1, absolute: inWords(their), values: { theirs } });
  const ratio = our.requestsPerSecond / their.requestsPerSecond;
  add({ what, ratio, ratioTo: 'nginx', absolute: inWords(our), values: { ours } });
}

function inWords({ requestsPerSecond, cpuUsPerRequest }: Omit<HttpLoad, 'failed'>): string {
  const rate = Math.round(requestsPerSecond).toLocaleString('en');
  return `${rate} requests/s, ${cpuUsPerRequest.toFixed(0)} µs of CPU each`;
}

function mean(loads: readonly HttpLoad[]): Omit<HttpLoad, 'failed'> {
  const of = (value: (load: HttpLoad) => number): number =>
    loads.reduce((sum, load) => sum + value(load), 0) / loads.length;
  return {
    requestsPerSecond: of((load) => load.requestsPerSecond),
    cpuUsPerRequest: of((load) => load.cpuUsPerRequest),
  };
}

/** A playlist, once it is there: the server waits for the first segment itself. */
async function readText(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return text;
}
