/** The example receivers of callbacks, each against the real server and a real stream. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { publish } from '../support/ffmpeg.ts';
import { freePort } from '../support/free-port.ts';
import { HttpPlayer } from '../support/http.ts';
import { isInstalled } from '../support/installed.ts';
import { type Config, type Millrace, startServer } from '../support/millrace.ts';
import { type Running, run, start } from '../support/process.ts';
import { EVENTS } from '../support/receiver.ts';
import { type Scope, tempDir } from '../support/temp-dir.ts';
import { Arrivals, poll, withPatience } from '../support/wait-for.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples/receivers');
const SECRET = `whsec_${randomBytes(32).toString('base64')}`;

interface Language {
  readonly name: string;
  /** What must be on the machine. */
  readonly needs: string | null;
  /** The command that starts the receiver. */
  command(scope: Scope): Promise<readonly [string, ...string[]]>;
}

const LANGUAGES: readonly Language[] = [
  { name: 'TypeScript', needs: null, command: async () => [process.execPath, join(EXAMPLES, 'receiver.ts')] },
  { name: 'Python', needs: 'python3', command: async () => ['python3', join(EXAMPLES, 'receiver.py')] },
  { name: 'Go', needs: 'go', command: buildGo },
];

async function buildGo(scope: Scope): Promise<readonly [string]> {
  const folder = tempDir(scope);
  const program = join(folder, 'receiver');
  const env = { ...process.env, CGO_ENABLED: '0', GOCACHE: join(folder, 'cache'), GOPATH: join(folder, 'path') };
  const built = await run(scope, 'go', ['build', '-o', program, join(EXAMPLES, 'receiver.go')], { env });
  assert.deepEqual([built.code, built.stderr], [0, '']);
  return [program];
}

/** A receiver's process, and the lines that it writes: one for each event that it handles. */
interface Receiver extends Running {
  readonly lines: Arrivals<string>;
}

/** Receivers of one place: one follows another, at the same port and with the same data. */
class Place {
  readonly port: number;
  readonly #scope: Scope;
  readonly #command: readonly [string, ...string[]];
  readonly #data: string;

  constructor(scope: Scope, command: readonly [string, ...string[]], port: number) {
    this.#scope = scope;
    this.#command = command;
    this.port = port;
    this.#data = join(tempDir(scope), 'receiver.data');
  }

  async open(api: string): Promise<Receiver> {
    const [program, ...args] = this.#command;
    const all = [...args, '--port', String(this.port), '--data', this.#data, '--api', api];
    const env = { ...process.env, WEBHOOK_SECRET: SECRET };
    const running = start(this.#scope, program, all, { env });
    const lines = new Arrivals<string>((line) => line);
    assert.ok(running.child.stdout);
    createInterface({ input: running.child.stdout }).on('line', (line) => lines.add(line));
    const failed = running.finished.then(({ code, stderr }) => {
      throw new Error(`the receiver ended with ${code}\n${stderr}`);
    });
    await Promise.race([lines.waitFor('it listens', (line) => line.startsWith('listening on ')), failed]);
    failed.catch(() => {});
    return { ...running, lines };
  }

  url(event: string): string {
    return `http://127.0.0.1:${this.port}/${event}`;
  }

  config(): Config {
    const urls = Object.fromEntries(EVENTS.map((event) => [event, this.url(event)]));
    return {
      http_notify: { enable: true, update_interval_sec: 1, ...urls },
      millrace: { notify: { signing_secrets: [SECRET] } },
    };
  }
}

/** The events among a receiver's lines: `SEQ EVENT STREAM SESSION`, and more on stops. */
function handled(lines: Arrivals<string>): string[] {
  return lines.all.filter((line) => /^\d+ on_/.test(line));
}

/** A player that takes some of the stream and leaves; gives the bytes that it received. */
async function watch(t: TestContext, server: Millrace, stream: string): Promise<number> {
  const player = new HttpPlayer(t, server.url('http', `live/${stream}.flv`));
  await player.body(50_000);
  await server.api('/api/ctrl/kick_session', { stream_name: stream, session_id: await newest(server, stream) });
  await player.closed();
  return player.received;
}

async function newest(server: Millrace, stream: string): Promise<string> {
  const { data } = await server.api(`/api/stat/group?stream_name=${stream}`);
  assert.ok(data);
  return (data['subs'] as { session_id: string }[]).at(-1)?.session_id ?? '';
}

async function allDelivered(server: Millrace): Promise<void> {
  const backlog = async (): Promise<number> => {
    const { data } = await server.api('/api/notify/status');
    assert.ok(data);
    return (data['receivers'] as { backlog: number }[]).reduce((sum, each) => sum + each.backlog, 0);
  };
  await poll('events that wait', backlog, (events) => events === 0);
}

interface Recorded {
  readonly seq: number;
  readonly attempts: readonly { readonly status: number | null }[];
}

async function recorded(server: Millrace, stream: string): Promise<readonly Recorded[]> {
  const { data } = await server.api(`/api/notify/events?stream_name=${stream}`);
  assert.ok(data);
  return data['events'] as Recorded[];
}

/** Posts a callback by the library that others use; gives the status of the answer. */
async function post(url: string, id: string, at: Date, secret: string, body = '{"stream_name":"posted"}') {
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': `v1a,abc ${new Webhook(secret).sign(id, at, body)}`,
    'millrace-seq': '1000000',
  };
  const { status } = await fetch(url, { method: 'POST', headers, body });
  return status;
}

for (const { name, needs, command } of LANGUAGES) {
  const skip = needs !== null && !isInstalled(needs) && `${needs} is not installed`;

  test(`${name}: takes each event of a stream once and in order, also those of the time when it was down`, {
    skip,
  }, async (t) => {
    const place = new Place(t, await command(t), await freePort());
    // the API's port is not known before the server runs, and on_server_start waits for the receiver
    const server = await startServer(t, place.config());
    const api = `http://127.0.0.1:${server.port('api')}`;
    const first = await place.open(api);
    publish(t, server.url('rtmp', 'live/film'), 'h264-640x360');
    await first.lines.waitFor('the publisher', (line) => / on_pub_start film RTMPPUBSUB\d+$/.test(line));
    const bytes = await watch(t, server, 'film');
    const stop = await first.lines.waitFor('the stop', (line) => line.includes(' on_sub_stop film FLVSUB'));
    assert.ok(stop.endsWith(`, ${bytes} bytes sent, kicked`), stop);

    // the server sends it again, with the id that it had
    await allDelivered(server);
    const seq = Number(stop.split(' ')[0]);
    const { data } = await server.api('/api/notify/replay', { from: seq, to: seq });
    assert.deepEqual(data, { replayed: 1 });
    await allDelivered(server);
    const deliveries = (await recorded(server, 'film')).find((event) => event.seq === seq)?.attempts ?? [];
    assert.equal(deliveries.filter(({ status }) => status === 200 || status === 204).length, 2);

    first.child.kill('SIGKILL');
    await first.finished;
    const more = [await watch(t, server, 'film'), await watch(t, server, 'film')];
    const isTold = (events: readonly Recorded[]): boolean => events.length === 7;
    await poll('the stops of both', () => recorded(server, 'film'), isTold);
    const second = await place.open(api);
    const begin = second.lines.all.findIndex((line) => line.startsWith('listening on '));
    assert.ok(
      begin > 0 && second.lines.all.slice(0, begin).includes('caught up with 4 events'),
      second.lines.all.join('\n'),
    );
    const last = await watch(t, server, 'film');
    await second.lines.waitFor('the last stop', (line) => line.includes(`, ${last} bytes sent, kicked`));
    await allDelivered(server);

    const events = [...handled(first.lines), ...handled(second.lines)];
    const ofFilm = events.filter((line) => line.split(' ')[2] === 'film');
    const kinds = ofFilm.map((line) => line.split(' ')[1]);
    const visit = ['on_sub_start', 'on_sub_stop'];
    assert.deepEqual(kinds, ['on_pub_start', ...visit, ...visit, ...visit, ...visit]);
    const numbers = ofFilm.map((line) => Number(line.split(' ')[0]));
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    );
    for (const [i, count] of more.entries()) {
      assert.match(ofFilm[4 + 2 * i] ?? '', new RegExp(`, ${count} bytes sent, reason not known$`));
    }
    assert.equal(new Set(events.map((line) => line.split(' ')[0])).size, events.length);

    second.child.kill('SIGTERM');
    const { code, stderr } = await withPatience(second.finished, () => 'the receiver did not end');
    assert.deepEqual([code, stderr], [0, '']);
  });

  test(`${name}: refuses what is not signed right, and takes what comes twice once`, { skip }, async (t) => {
    const place = new Place(t, await command(t), await freePort());
    const server = await startServer(t);
    const { lines } = await place.open(`http://127.0.0.1:${server.port('api')}`);
    const url = place.url('on_pub_start');
    const now = new Date();
    assert.equal(await post(url, 'msg-1', now, `whsec_${randomBytes(32).toString('base64')}`), 401);
    assert.equal(await post(url, 'msg-1', new Date(now.getTime() - 600_000), SECRET), 401);
    assert.equal(await post(url, 'msg-1', new Date(now.getTime() + 600_000), SECRET), 401);
    assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 401);
    const taken = [
      await post(url, 'msg-1', now, SECRET),
      await post(url, 'msg-1', now, SECRET),
      await post(url, 'msg-2', now, SECRET, '{"stream_name":"last"}'),
    ];
    assert.ok(
      taken.every((status) => status === 200 || status === 204),
      taken.join(' '),
    );
    await lines.waitFor('the last', (line) => line === '1000000 on_pub_start last ');
    assert.deepEqual(handled(lines), ['1000000 on_pub_start posted ', '1000000 on_pub_start last ']);
  });
}
