/** What Millrace is compared with: the floor, and nginx and node-media-server where they are installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { type Source, sourceFile } from './load.ts';
import { type MediaServer, NODE_ARGS } from './millrace.ts';
import type { Child, Workshop } from './processes.ts';

const BARE_NODE = join(import.meta.dirname, 'bare-node.ts');
/** Where Debian's libnginx-mod-rtmp puts its module. */
const NGINX_RTMP_MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
/** npm folder of node-media-server: outside the project, which does not depend on it. */
export const NODE_MEDIA_SERVER_FOLDER = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'millrace-bench',
);
const NODE_MEDIA_SERVER = join(NODE_MEDIA_SERVER_FOLDER, 'node_modules', 'node-media-server');
/** How long a server may take until its ports answer, milliseconds. */
const PATIENCE_MS = 10_000;

/** The program that does nothing but send the source's tags, one `send` for each of them. */
export async function startFloor(workshop: Workshop, source: Source): Promise<MediaServer> {
  const port = await freePort();
  return servingFlv(workshop.startNative('floor', [sourceFile(workshop, source), port, 0]), port);
}

/** The same on the Node.js of this run, with a write for each picture or each tag. */
export async function startBareNode(workshop: Workshop, source: Source, each: 'picture' | 'tag'): Promise<MediaServer> {
  const port = await freePort();
  const args = [...NODE_ARGS, BARE_NODE, sourceFile(workshop, source), String(port), each];
  return servingFlv(workshop.start(process.execPath, args), port);
}

function servingFlv(child: Child, port: number): Promise<MediaServer> {
  return serving('floor', child, [port], { playUrls: () => ({ 'HTTP-FLV': `http://127.0.0.1:${port}/x` }) });
}

/** nginx with its RTMP module, in one process; null where it is not installed. */
export async function startNginxRtmp(workshop: Workshop): Promise<MediaServer | null> {
  const nginx = findProgram('nginx');
  if (nginx === null || !existsSync(NGINX_RTMP_MODULE)) return null;
  const port = await freePort();
  const folder = workshop.newFolder('nginx');
  const config = `
    load_module ${NGINX_RTMP_MODULE};
    rtmp { server { listen 127.0.0.1:${port}; access_log off; application live { live on; } } }`;
  return serving('nginx-rtmp', startNginx(workshop, nginx, folder, config), [port], {
    playUrls: (stream) => ({ RTMP: `rtmp://127.0.0.1:${port}/live/${stream}` }),
  });
}

/** Serves a folder's files. */
export interface FileServer {
  readonly pid: number;
  url(path: string): string;
  stop(): Promise<void>;
}

/** nginx in one process with the files of `root`; null where it is not installed. */
export async function startNginxFiles(workshop: Workshop, root: string): Promise<FileServer | null> {
  const nginx = findProgram('nginx');
  if (nginx === null) return null;
  const port = await freePort();
  const folder = workshop.newFolder('nginx');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`);
  const config = `
    http {
      ${temporary.join(' ')}
      sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000000;
      types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
      server { listen 127.0.0.1:${port}; root ${root}; }
    }`;
  const child = startNginx(workshop, nginx, folder, config);
  await untilServing(child, [port]);
  return { pid: child.pid, url: (path) => `http://127.0.0.1:${port}/${path}`, stop: () => child.stop() };
}

/** In one process. */
function startNginx(workshop: Workshop, program: string, folder: string, config: string): Child {
  const file = join(folder, 'nginx.conf');
  const log = join(folder, 'error.log');
  const common = `
    daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${log};
    worker_rlimit_nofile 16384;
    events { worker_connections 8192; }`;
  writeFileSync(file, config + common);
  return workshop.start(program, ['-c', file, '-p', folder, '-e', log]);
}

/** node-media-server on the Node.js of this run; null where it is not installed. */
export async function startNodeMediaServer(workshop: Workshop): Promise<MediaServer | null> {
  if (!existsSync(NODE_MEDIA_SERVER)) return null;
  const { version }: { version: string } = JSON.parse(readFileSync(join(NODE_MEDIA_SERVER, 'package.json'), 'utf8'));
  const [rtmp, http] = [await freePort(), await freePort()];
  const folder = workshop.newFolder('node-media-server');
  const config = { bind: '127.0.0.1', rtmp: { port: rtmp }, http: { port: http }, webadmin: { enable: false } };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, store: { path: './data' }, auth: {} }));
  const args = [join(NODE_MEDIA_SERVER, 'bin', 'app.js'), '-c', join(folder, 'config.json')];
  const child = workshop.start(process.execPath, args, { cwd: folder });
  return serving(`node-media-server ${version}`, child, [rtmp, http], {
    playUrls: (stream) => ({
      'HTTP-FLV': `http://127.0.0.1:${http}/live/${stream}.flv`,
      RTMP: `rtmp://127.0.0.1:${rtmp}/live/${stream}`,
    }),
  });
}

/** Installs node-media-server into its folder, from the npm registry. */
export function installNodeMediaServer(): void {
  if (existsSync(NODE_MEDIA_SERVER)) return;
  mkdirSync(NODE_MEDIA_SERVER_FOLDER, { recursive: true });
  const where = ['--prefix', NODE_MEDIA_SERVER_FOLDER, '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...where, 'node-media-server'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function serving(
  name: string,
  child: Child,
  ports: readonly number[],
  { playUrls }: Pick<MediaServer, 'playUrls'>,
): Promise<MediaServer> {
  await untilServing(child, ports);
  const publishUrl = (stream: string): string => playUrls(stream).RTMP ?? '';
  return { name, pid: child.pid, publishUrl, playUrls, stop: () => child.stop() };
}

/** Rejects where the program ends without having served. */
async function untilServing(child: Child, ports: readonly number[]): Promise<void> {
  const ended = child.waitForLine('stdout', () => false);
  await Promise.race([Promise.all(ports.map(untilOpen)), ended]);
  ended.catch(() => {});
}

async function untilOpen(port: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isOpen(port))) {
    if (performance.now() > deadline) throw new Error(`nothing listens on port ${port} after ${PATIENCE_MS} ms`);
    await after(20);
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** A port that was free a moment ago: these programs cannot choose one themselves. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Its path; null: it is not installed. Debian keeps servers in /usr/sbin, which is not on everybody's path. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? null;
}
