/** A real server under attack: beside it a publisher and players who must notice nothing, and what must be as before after each attack. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseMetrics } from '../../src/ops/prometheus.fixture.ts';
import { assertUndisturbed } from './continuity.ts';
import { publish, type SourceName } from './ffmpeg.ts';
import { type Config, everyListener, type LogLine, type Millrace, startServer } from './millrace.ts';
import { type Running, start } from './process.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { OrderedScope, type Scope, tempDir } from './temp-dir.ts';
import { makeCertificate } from './tls.ts';
import { poll, withPatience } from './wait-for.ts';

/** Published through all attacks. */
export const CALM = 'calm';
const SOURCE: SourceName = 'h264-640x360';
/** Handshakes and requests must be done within this time, so that attacks by slowness end soon. Milliseconds. */
export const HANDSHAKE_MS = 2000;
/** Resident memory may be above what it was before the first attack by so much: what is free is not given back at once. Bytes. */
const MEMORY_SLACK = 256 * 1024 * 1024;
/** File descriptors that the server may have more than before: keep-alive connections to the receiver, files of HLS. */
const FILES_SLACK = 8;
/** Some seconds of the stream. */
const ENOUGH_BYTES = 500_000;
/** Lines of the log about one attack, however often it strikes. */
const MAX_LINES = 20;
/** Lines at all that an attack may cause, those of sessions' starts and stops left out. */
const MAX_ALL_LINES = 60;

export interface Attack {
  readonly name: string;
  /** Resolves when it is over, and asserts what the attacker gets. */
  run(siege: Siege, scope: Scope): Promise<void>;
  /** What the log says of it, at the least at level debug: faults of one kind are named a few times in a while. Null: nothing. */
  readonly named: RegExp | null;
  /** Errors that it may cause; others are faults of our own. */
  readonly errors?: RegExp;
  /** The beginnings of series of `/metrics` that count it; several where it strikes in several ways. */
  readonly counted?: readonly string[];
}

/** How the server is, as `/metrics` tells. */
interface Health {
  readonly memory: number;
  readonly files: number;
  readonly series: ReadonlyMap<string, number>;
}

export class Siege {
  readonly server: Millrace;
  readonly receiver: Receiver;
  readonly #recordings: { readonly file: string; readonly running: Running }[] = [];
  readonly #scope: Scope;
  #before: Health | null = null;

  constructor(server: Millrace, receiver: Receiver, scope: Scope) {
    this.server = server;
    this.receiver = receiver;
    this.#scope = scope;
  }

  /** Begins to play the calm stream from these URLs. */
  async play(urls: readonly string[]): Promise<void> {
    const dir = tempDir(this.#scope);
    for (const [i, url] of urls.entries()) {
      const file = join(dir, `${i}.flv`);
      // the stream is known soon, and what is looked at to know it is recorded, too
      const input = ['-analyzeduration', '2000000', '-i', url];
      const running = start(this.#scope, 'ffmpeg', ['-v', 'warning', ...input, '-c', 'copy', '-f', 'flv', file]);
      this.#recordings.push({ file, running });
    }
    await poll(
      'the players',
      () => this.#calmBytes(),
      (sums) => sums.length === this.#recordings.length + 1,
    );
    this.#before = await this.#health();
  }

  /** Strikes, and fails where anything is not as it was before. */
  async endure(t: TestContext, attack: Attack): Promise<void> {
    const firstLine = this.server.log.all.length;
    const { series } = await this.#health();
    const scope = new OrderedScope();
    try {
      await attack.run(this, scope);
    } finally {
      await scope.end();
    }
    const healthy = await fetch(`http://127.0.0.1:${this.server.port('api')}/healthz`);
    assert.equal(healthy.status, 200);
    await this.#assertOthersGone();
    await this.#assertGoesOn();
    await this.#assertSettled();
    const lines = this.server.log.all.slice(firstLine);
    this.#assertNamed(attack, lines);
    const now = (await this.#health()).series;
    for (const name of attack.counted ?? []) {
      const sum = (of: ReadonlyMap<string, number>): number =>
        [...of].reduce((total, [key, value]) => (key.startsWith(name) ? total + value : total), 0);
      assert.ok(sum(now) > sum(series), `${name} has not grown: ${sum(series)}, then ${sum(now)}`);
    }
    t.diagnostic(`${lines.length} lines`);
  }

  /** Ends the players: what they recorded has every frame. */
  async assertUndisturbed(): Promise<void> {
    await poll(
      'enough of the stream',
      () => this.#calmBytes(),
      (sums) => sums.every((sum) => sum > ENOUGH_BYTES),
    );
    for (const { running } of this.#recordings) running.child.kill('SIGINT');
    for (const { file, running } of this.#recordings) {
      const { stderr } = await withPatience(running.finished, () => 'a player did not end');
      assert.equal(stderr, '');
      await assertUndisturbed(this.#scope, file, SOURCE);
    }
    assert.deepEqual(await this.#endedCalmly(), []);
  }

  /** Whoever came has gone: every start has its stop. */
  async #assertOthersGone(): Promise<void> {
    const open = (): Promise<string[]> => {
      const ids = new Set<string>();
      for (const { event, body } of this.receiver.callbacks.all) {
        const id = `${body['stream_name']} ${body['session_id']}`;
        if (body['stream_name'] === CALM && event === 'on_pub_start') continue;
        if (/^on_(pub|sub|relay_pull)_start$/.test(event)) ids.add(id);
        if (/^on_(pub|sub|relay_pull)_stop$/.test(event)) ids.delete(id);
      }
      return Promise.resolve([...ids]);
    };
    const calm = this.#recordings.length;
    const isCalm = (ids: readonly string[]): boolean =>
      ids.length === calm && ids.every((id) => id.startsWith(`${CALM} `));
    await poll('sessions without a stop, beside the calm ones', open, isCalm);
    assert.deepEqual(await this.#endedCalmly(), []);
  }

  /** Stops of the calm publisher, or of players who came first. */
  #endedCalmly(): Promise<string[]> {
    const stops = this.receiver.ofStream(CALM).filter(({ event }) => event === 'on_pub_stop');
    return Promise.resolve(stops.map(({ raw }) => raw));
  }

  /** The calm publisher and players move bytes after the attack. */
  async #assertGoesOn(): Promise<void> {
    const before = await this.#calmBytes();
    assert.equal(before.length, this.#recordings.length + 1, 'the calm sessions');
    await poll(
      'bytes of the calm sessions',
      () => this.#calmBytes(),
      (now) => now.length === before.length && now.every((sum, i) => sum > (before[i] ?? 0) + 10_000),
    );
  }

  async #calmBytes(): Promise<number[]> {
    const { data } = await this.server.api(`/api/stat/group?stream_name=${CALM}`);
    const { pub, subs } = (data ?? { pub: null, subs: [] }) as {
      pub: { session_id: string; read_bytes_sum: number } | null;
      subs: { session_id: string; wrote_bytes_sum: number }[];
    };
    const sums = subs.map(({ wrote_bytes_sum }) => wrote_bytes_sum);
    return pub === null || pub.session_id === '' ? sums : [pub.read_bytes_sum, ...sums];
  }

  /** Memory and file descriptors are given back. */
  async #assertSettled(): Promise<void> {
    const before = this.#before;
    assert.ok(before);
    await poll(
      `memory and files as they were (${before.memory} bytes, ${before.files})`,
      async () => {
        const { memory, files } = await this.#health();
        return { memory, files };
      },
      ({ memory, files }) => memory <= before.memory + MEMORY_SLACK && files <= before.files + FILES_SLACK,
    );
  }

  #assertNamed({ named, errors }: Attack, lines: readonly LogLine[]): void {
    const text = (isMeant: (level: string) => boolean): string[] =>
      lines.filter(({ level }) => isMeant(level)).map((line) => JSON.stringify(line));
    const faults = text((level) => level === 'error').filter((line) => errors?.test(line) !== true);
    assert.deepEqual(faults, [], 'errors are faults of our own');
    const told = text((level) => level !== 'debug').filter((line) => !/"session (started|stopped)"/.test(line));
    assert.ok(told.length <= MAX_ALL_LINES, `${told.length} lines:\n${told.slice(0, MAX_ALL_LINES).join('\n')}`);
    if (named === null) return;
    const all = text(() => true);
    assert.ok(
      all.some((line) => named.test(line)),
      `the log does not name it by ${named}:\n${all.slice(-100).join('\n')}`,
    );
    const times = told.filter((line) => named.test(line)).length;
    assert.ok(times <= MAX_LINES, `the log names it ${times} times:\n${told.join('\n')}`);
  }

  async #health(): Promise<Health> {
    const response = await fetch(`http://127.0.0.1:${this.server.port('api')}/metrics`);
    assert.equal(response.status, 200);
    const series = new Map<string, number>();
    for (const { samples } of parseMetrics(await response.text())) {
      for (const { name, labels, value } of samples) {
        const text = Object.entries(labels).map(([label, of]) => `${label}="${of}"`);
        series.set(`${name}{${text.join(',')}}`, value);
      }
    }
    return {
      memory: series.get('process_resident_memory_bytes{}') ?? Number.NaN,
      files: series.get('process_open_fds{}') ?? Number.NaN,
      series,
    };
  }
}

/** Everything on, with short times, a publisher and players: over HTTP-FLV and RTMP, and from further URLs. */
export async function startSiege(scope: Scope, overrides: Config = {}): Promise<Siege> {
  const listeners = everyListener(makeCertificate(scope));
  const receiver = await startReceiver(scope);
  const { millrace = {}, rtsp = {}, ...others } = overrides as Record<string, Config>;
  const server = await startServer(scope, {
    ...listeners,
    httpts: { enable_https: true, gop_num: 1 },
    rtsp: { ...listeners.rtsp, ...rtsp },
    hls: {
      ...{ enable: true, enable_https: true, url_pattern: '/hls/', out_path: './hls/', fragment_duration_ms: 1000 },
      ...{ fragment_num: 4, sub_session_hash_key: 'secret', sub_session_timeout_ms: 2000 },
    },
    pprof: { enable: true, addr: '127.0.0.1:0' },
    http_notify: receiver.config(),
    ...others,
    millrace: { limits: { handshake_timeout_ms: HANDSHAKE_MS }, ...millrace },
  });
  publish(scope, server.url('rtmp', `live/${CALM}`), SOURCE);
  await receiver.waitFor('on_pub_start', { stream_name: CALM });
  const siege = new Siege(server, receiver, scope);
  await siege.play([server.url('http', `live/${CALM}.flv`), server.url('rtmp', `live/${CALM}`)]);
  return siege;
}

/** A test for each attack, one after the other, and one that nobody has noticed anything. */
export function besiege(siege: () => Siege, attacks: readonly Attack[]): void {
  for (const attack of attacks) test(attack.name, (t) => siege().endure(t, attack));
  test('publisher and players have gone on without a gap', () => siege().assertUndisturbed());
}
