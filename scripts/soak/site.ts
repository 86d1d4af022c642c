/** The servers of a soak: the one that is watched, one that it pulls from, and one that it pushes to. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type ChaosReceiver, startChaosReceiver } from '../../test/chaos/receiver.ts';
import { publish } from '../../test/support/ffmpeg.ts';
import { type Config, everyListener, GOPS_CACHED, Millrace, writeConfig } from '../../test/support/millrace.ts';
import { start } from '../../test/support/process.ts';
import { OWN_EVENTS } from '../../test/support/receiver.ts';
import { OrderedScope, type Scope, tempDir } from '../../test/support/temp-dir.ts';
import { makeCertificate } from '../../test/support/tls.ts';
import { type Held, PROBE_FILE } from './held.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const PROBE = pathToFileURL(join(import.meta.dirname, 'probe.ts')).href;
/** As `npm start` has it. */
const NODE_ARGS = ['--max-semi-space-size=4', '--expose-gc', '--import', PROBE];
/** Published at the other server, always. */
export const ORIGIN_STREAM = 'origin';
/** What HTTP-TS players must bring. */
export const SECRET = 'soak';
/** In a URL's query: the decision callback says no, or nothing at all. */
export const REFUSED_PARAM = 'decision=no';
export const UNANSWERED_PARAM = 'decision=none';
/** How often what a server writes is looked for. Milliseconds. */
const LOOK_MS = 50;

/** A server that tells what it holds. */
export class Probed {
  readonly server: Millrace;
  /** Its working folder. */
  readonly folder: string;
  readonly #file: string;

  constructor(server: Millrace, folder: string, file: string) {
    this.server = server;
    this.folder = folder;
    this.#file = file;
  }

  async held(): Promise<Held> {
    rmSync(this.#file, { force: true });
    this.server.signal('SIGUSR2');
    for (;;) {
      const text = readIfThere(this.#file);
      if (text !== null) return JSON.parse(text) as Held;
      await after(LOOK_MS);
    }
  }

  /** Files in its working folder that should not be there when it has stopped and nobody uses it. */
  leftFiles(): string[] {
    const files = readdirSync(this.folder, { recursive: true, withFileTypes: true }).filter(
      (each) => !each.isDirectory(),
    );
    const paths = files.map(({ parentPath, name }) => join(parentPath, name).slice(this.folder.length + 1));
    return paths.filter(
      (path) =>
        path !== 'millrace_data/outbox.db' && !/^lal_record\/.*\.(flv|ts|mp4)$/.test(path) && !path.startsWith('logs/'),
    );
  }
}

export interface Site {
  readonly watched: Probed;
  readonly origin: Probed;
  readonly target: Probed;
  readonly receiver: ChaosReceiver;
  stop(): Promise<void>;
}

/** Starts the servers, and the receiver and the decider of the watched one. */
export async function openSite(scope: Scope, seed: number, threads: number): Promise<Site> {
  const receiver = await startChaosReceiver(scope, seed);
  const decider = await startDecider(scope);
  const origin = await startProbed(scope, { ...GOPS_CACHED, rtsp: { enable: true, addr: '127.0.0.1:0' } });
  publish(scope, origin.server.url('rtmp', `live/${ORIGIN_STREAM}`), 'h264-640x360');
  const target = await startProbed(scope, {});
  const watched = await startProbed(
    scope,
    watchedConfig(scope, { receiver, decider, origin: rtmpAddr(origin), target: rtmpAddr(target), threads }),
  );
  const stop = async (): Promise<void> => {
    for (const { server } of [watched, origin, target]) await server.stop();
  };
  return { watched, origin, target, receiver, stop };
}

interface Around {
  readonly receiver: ChaosReceiver;
  readonly decider: string;
  readonly origin: string;
  readonly target: string;
  readonly threads: number;
}

/** Everything on, with short times. */
function watchedConfig(scope: Scope, { receiver, decider, origin, target, threads }: Around): Config {
  const notify = receiver.config();
  const url = (event: string): string => new URL(`/${event}`, String(notify['on_server_start'])).href;
  return {
    ...everyListener(makeCertificate(scope)),
    hls: {
      ...{ enable: true, url_pattern: '/hls/', out_path: './hls/', cleanup_mode: 2 },
      ...{ fragment_duration_ms: 1000, fragment_num: 3, delete_threshold: 2 },
      ...{ sub_session_hash_key: 'secret', sub_session_timeout_ms: 3000 },
    },
    relay_push: { enable: true, addr_list: [target] },
    static_relay_pull: { enable: true, addr: origin },
    simple_auth: { dangerous_lal_secret: SECRET, sub_httpts_enable: true },
    http_notify: {
      ...notify,
      update_interval_sec: 3,
      on_update: url('on_update'),
      on_hls_make_ts: url('on_hls_make_ts'),
    },
    log: { level: 2 },
    millrace: {
      threads,
      notify: { timeout_ms: 500, ...Object.fromEntries(OWN_EVENTS.map((event) => [event, url(event)])) },
      limits: { idle_timeout_ms: 4000, handshake_timeout_ms: 3000 },
      publish: { takeover: 'replace', grace_ms: 1000 },
      admission: { on_publish: decider, on_play: decider, timeout_ms: 1000 },
    },
  };
}

function rtmpAddr({ server }: Probed): string {
  return `127.0.0.1:${server.port('rtmp')}`;
}

async function startProbed(scope: Scope, config: Config): Promise<Probed> {
  const own = new OrderedScope();
  scope.after(() => own.end());
  const folder = tempDir(own);
  const file = join(tempDir(own), 'held.json');
  const args = [...NODE_ARGS, MAIN, '-c', writeConfig(own, config), '-p', folder];
  const server = new Millrace(start(own, process.execPath, args, { env: { ...process.env, [PROBE_FILE]: file } }));
  await server.ready();
  return new Probed(server, folder, file);
}

/** Answers decision callbacks: yes, unless the peer's URL says otherwise. Gives its own URL. */
async function startDecider(scope: Scope): Promise<string> {
  const decider: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url_param = '' } = JSON.parse(Buffer.concat(chunks).toString()) as { url_param?: string };
      if (url_param.includes(UNANSWERED_PARAM)) return;
      response.writeHead(url_param.includes(REFUSED_PARAM) ? 403 : 200).end();
    });
  });
  await new Promise<void>((resolve) => decider.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    decider.close();
    decider.closeAllConnections();
  });
  return `http://127.0.0.1:${(decider.address() as AddressInfo).port}/decide`;
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
