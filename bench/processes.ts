/** Starts what a benchmark needs (the server, the floor, a publisher, players) and reads what it costs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** Clock ticks a second in /proc/PID/stat. */
const TICKS = 100;

/** A folder for the run, and everything started in it; `end` stops and removes all. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  readonly #children: ChildProcess[] = [];

  /** Compiles `native/NAME.c` and gives the program's path. */
  compile(name: string): string {
    const program = join(this.folder, name);
    if (!existsSync(program)) execFileSync('cc', ['-O2', '-w', '-o', program, join(here, 'native', `${name}.c`)]);
    return program;
  }

  /** 10 s of H264 1280x720 at 30 frames/s and AAC, 2.1 Mbit/s in all. */
  source(): string {
    const file = join(this.folder, 'source.flv');
    const video = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30'];
    const audio = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
    const codecs =
      '-c:v libx264 -preset veryfast -b:v 2000k -maxrate 2000k -bufsize 2000k -g 60 -bf 2 -c:a aac -b:a 128k';
    execFileSync('ffmpeg', ['-v', 'error', '-y', ...video, ...audio, '-t', '10', ...codecs.split(' '), file]);
    return file;
  }

  start(command: string, args: string[], cwd = this.folder): ChildProcess {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
    this.#children.push(child);
    return child;
  }

  /** Starts the server with these settings over an otherwise plain configuration. */
  async startServer(millrace: object = {}): Promise<RunningServer> {
    const config = {
      rtmp: { enable: true, addr: '127.0.0.1:0' },
      default_http: { http_listen_addr: '127.0.0.1:0' },
      httpflv: { enable: true, url_pattern: '/' },
      httpts: { enable: true, url_pattern: '/' },
      millrace,
    };
    const folder = join(this.folder, `server-${this.#children.length}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'conf.json'), JSON.stringify(config));
    const startedAt = performance.now();
    const child = this.start(process.execPath, [join(here, '../src/main.ts'), '-c', 'conf.json'], folder);
    if (child.stdout === null || child.pid === undefined) throw new Error('the server did not start');
    const ports: Record<string, number> = {};
    for await (const line of createInterface(child.stdout)) {
      const entry: { listener?: string; port?: number; ready?: boolean } = JSON.parse(line);
      if (entry.listener !== undefined && entry.port !== undefined) ports[entry.listener] = entry.port;
      if (entry.ready === true) break;
    }
    child.stdout.resume();
    return { pid: child.pid, ports, startMs: performance.now() - startedAt, stop: () => stop(child) };
  }

  async end(): Promise<void> {
    for (const child of this.#children) await stop(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface RunningServer {
  readonly pid: number;
  readonly ports: Readonly<Record<string, number>>;
  /** From the start of the process until every listener was bound. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** What serving cost while players were held. */
export interface Cost {
  /** CPU seconds a second: 1 is one core. */
  readonly cores: number;
  readonly cpuUsPerPlayerSecond: number;
  readonly rssMb: number;
  readonly alive: number;
  readonly mbps: number;
}

/** Holds `players` players on `url` for `seconds` and reads the CPU that process `pid` uses meanwhile. */
export async function measurePlayers(
  workshop: Workshop,
  pid: number,
  url: string,
  players: number,
  seconds: number,
): Promise<Cost> {
  const sink = spawn(workshop.compile('sink'), [url, String(players), String(seconds)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  sink.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  for await (const line of createInterface(sink.stderr)) if (line.includes('measuring')) break;
  const before = cpuSeconds(pid);
  const startedAt = performance.now();
  await once(sink, 'close');
  const took = (performance.now() - startedAt) / 1000;
  const cores = (cpuSeconds(pid) - before) / took;
  const seen: { alive: number; mbps: number } = JSON.parse(out);
  return {
    cores,
    cpuUsPerPlayerSecond: (cores * 1e6) / Math.max(1, seen.alive),
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    alive: seen.alive,
    mbps: seen.mbps,
  };
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
