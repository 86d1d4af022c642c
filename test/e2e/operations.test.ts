/** What docs/operations.md says, done: the unit, an ordinary user, descriptors, nginx in front, a copy of the outbox. */
import assert from 'node:assert/strict';
import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { type ChaosReceiver, startChaosReceiver } from '../chaos/receiver.ts';
import { openSite } from '../chaos/site.ts';
import { come, count, firsts, visit } from '../chaos/visit.ts';
import { decodeStrict, publish } from '../support/ffmpeg.ts';
import { freePort } from '../support/free-port.ts';
import { HttpPlayer, WebSocketPlayer } from '../support/http.ts';
import { isInstalled } from '../support/installed.ts';
import { GOPS_CACHED, Millrace, startServer, writeConfig } from '../support/millrace.ts';
import { run, start } from '../support/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type Scope, tempDir } from '../support/temp-dir.ts';
import { makeCertificate } from '../support/tls.ts';
import { poll } from '../support/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
const CONF = join(ROOT, 'conf');
const DOCUMENT = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
const MAIN = join(ROOT, 'src/main.ts');
const NOBODY = 65_534;
/** What a stop may take, by src/main.ts. Seconds. */
const STOP_SEC = 10;

test('systemd finds nothing wrong with the unit, which gives a stop its time', async (t) => {
  const unit = readFileSync(join(CONF, 'millrace.service'), 'utf8');
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
  assert.ok(Number(value('TimeoutStopSec')) > STOP_SEC);
  assert.equal(value('KillMode'), 'mixed');
  if (!isInstalled('systemd-analyze')) return t.skip('systemd-analyze is not installed');
  const file = join(tempDir(t), 'millrace.service');
  // the program is not installed where the unit has it
  writeFileSync(file, unit.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
  const { code, stdout, stderr } = await run(t, 'systemd-analyze', ['verify', file]);
  assert.deepEqual([code, stdout.toString(), stderr], [0, '', '']);
});

/** Null where the test's user cannot become another one, or that one may not read this repository. */
async function asNobody(t: Scope): Promise<readonly string[] | null> {
  if (process.getuid?.() !== 0 || !isInstalled('setpriv')) return null;
  const command = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all'];
  const { code } = await run(t, 'setpriv', [...command, process.execPath, '--check', MAIN]);
  return code === 0 ? command : null;
}

test('an ordinary user serves, and keeps its files to its folder', async (t) => {
  const command = await asNobody(t);
  if (command === null) return t.skip('this takes root, setpriv, and a repository that everybody may read');
  const receiver = await startReceiver(t);
  const config = writeConfig(t, {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
    hls: { enable: true, out_path: './hls', fragment_duration_ms: 1000, fragment_num: 4 },
    log: { filename: './logs/millrace.log' },
    record: { enable_flv: true, flv_out_path: './flv' },
  });
  const folder = tempDir(t);
  for (const each of [config, join(config, '..'), folder]) chownSync(each, NOBODY, NOBODY);
  const args = [...command, process.execPath, MAIN, '-c', config, '-p', folder];
  const server = new Millrace(start(t, 'setpriv', args));
  await server.ready();
  publish(t, server.url('rtmp', 'live/plain'), 'h264-640x360');
  await decodeStrict(t, server.url('http', 'live/plain.flv'), 2);
  await receiver.waitFor('on_sub_stop', { stream_name: 'plain' });
  for (const each of ['millrace_data/outbox.db', 'logs/millrace.log', 'hls/plain', 'flv']) {
    assert.equal(statSync(join(folder, each)).uid, NOBODY, each);
  }
  await server.stop();
});

test('a player takes one descriptor, and five by RTSP over UDP', async (t) => {
  const server = await startServer(t, { ...GOPS_CACHED, rtsp: { enable: true, addr: '127.0.0.1:0' } });
  publish(t, server.url('rtmp', 'live/fd'), 'h264-640x360');
  await server.log.waitFor('the publisher', (line) => line['stream'] === 'fd');
  const descriptors = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${server.port('api')}/metrics`)).text();
    return Number(/^process_open_fds (\d+)$/m.exec(text)?.[1]);
  };
  await descriptors();
  const before = await descriptors();
  const players = Array.from({ length: 10 }, () => new HttpPlayer(t, server.url('http', 'live/fd.flv')));
  await Promise.all(players.map((player) => player.body(50_000)));
  assert.equal((await descriptors()) - before, 10);
  const args = ['-v', 'error', '-rtsp_transport', 'udp', '-i', server.url('rtsp', 'live/fd'), '-f', 'null', '-'];
  start(t, 'ffmpeg', args);
  await server.log.waitFor('the RTSP player', (line) => String(line['session']).startsWith('RTSPSUB'));
  await poll('descriptors of the RTSP player', descriptors, (all) => all - before === 15);
});

/** nginx with the configuration that the package ships, in front of a server of this machine. */
async function startNginx(t: TestContext, server: Millrace): Promise<number> {
  const port = await freePort();
  const folder = tempDir(t);
  const { certFile, keyFile } = makeCertificate(t);
  const shipped = readFileSync(join(CONF, 'nginx-millrace.conf'), 'utf8')
    .replaceAll('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replaceAll(/ssl_certificate \S+;/g, `ssl_certificate ${certFile};`)
    .replaceAll(/ssl_certificate_key \S+;/g, `ssl_certificate_key ${keyFile};`)
    .replaceAll('/var/log/nginx/', `${folder}/`)
    .replace('127.0.0.1:8080', `127.0.0.1:${server.port('http')}`)
    .replace('127.0.0.1:8083', `127.0.0.1:${server.port('api')}`);
  writeFileSync(join(folder, 'millrace.conf'), shipped);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (each) => `${each}_temp_path ${folder}/${each};`,
  );
  const main = [
    // one process, so that nothing of it outlives its end
    ...['daemon off;', 'master_process off;', 'error_log stderr;', `pid ${folder}/pid;`],
    `events {} http { access_log off; ${temp.join(' ')} include ${folder}/millrace.conf; }`,
  ];
  writeFileSync(join(folder, 'nginx.conf'), main.join('\n'));
  const path = `${process.env['PATH']}:/usr/sbin`;
  const nginx = start(t, 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    env: { ...process.env, PATH: path },
  });
  const isUp = (): Promise<boolean> =>
    get(port, '/healthz', 'admin.example.org').then(
      ({ status }) => status === 200,
      () => false,
    );
  const ended = nginx.finished.then(({ stderr }) => Promise.reject(new Error(`nginx ended: ${stderr}`)));
  await Promise.race([poll('nginx answers', isUp, (answer) => answer), ended]);
  ended.catch(() => {});
  return port;
}

interface Got {
  readonly status: number;
  readonly body: string;
}

/** A request to a host of nginx, from an address of this machine; resolves with the answer, or its begin where `until` is found in it. */
function get(port: number, path: string, host: string, localAddress = '127.0.0.1', until?: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, localAddress, headers: { host }, rejectUnauthorized: false };
    const asked = request(options, (response) => {
      let body = '';
      const done = (): void => resolve({ status: response.statusCode ?? 0, body });
      response.setEncoding('latin1');
      response.on('data', (text: string) => {
        body += text;
        if (until === undefined || !body.includes(until)) return;
        done();
        asked.destroy();
      });
      response.on('end', done);
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('nginx in front: every way to play, the API, and whose address is whose', async (t) => {
  if (!isInstalled('nginx')) return t.skip('nginx is not installed');
  const receiver = await startReceiver(t);
  const server = await startServer(t, {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
    hls: { enable: true, out_path: tempDir(t), fragment_duration_ms: 1000, fragment_num: 4 },
  });
  const port = await startNginx(t, server);
  const url = (scheme: string, path: string): string => `${scheme}://127.0.0.1:${port}/${path}`;
  const early = new HttpPlayer(t, url('https', 'live/film.flv'), { headers: ['X-Forwarded-For: 203.0.113.9'] });
  assert.equal((await early.head()).status, 200);
  publish(t, server.url('rtmp', 'live/film'), 'h264-640x360');
  await early.body(100_000);
  await Promise.all([
    decodeStrict(t, url('https', 'live/film.flv'), 2),
    decodeStrict(t, url('https', 'live/film.ts'), 2),
  ]);
  const webSocket = new WebSocketPlayer(t, url('wss', 'live/film.flv?token=1'));
  await webSocket.body(100_000);
  await poll(
    'a playlist',
    () => get(port, '/hls/film.m3u8', 'live.example.org'),
    ({ status }) => status === 200,
  );
  await decodeStrict(t, url('https', 'hls/film.m3u8'), 2);
  await checkAddresses(receiver, port, early);

  const { body } = await get(port, '/api/stat/group?stream_name=film', 'admin.example.org');
  assert.match(body, /"stream_name":"film"/);
  const events = await get(port, '/api/notify/stream?since=0', 'admin.example.org', '127.0.0.1', 'on_sub_stop');
  assert.equal(events.status, 200);

  await server.api('/api/ctrl/add_ip_blacklist', { ip: '127.0.0.2', duration_sec: 60 });
  const blocked = await get(port, '/live/film.flv', 'live.example.org', '127.0.0.2', 'FLV');
  assert.equal(blocked.status, 200, 'a viewer behind the proxy cannot be blocked by its address');
  await server.api('/api/ctrl/add_ip_blacklist', { ip: '127.0.0.1', duration_sec: 60 });
  assert.equal((await get(port, '/live/film.flv', 'live.example.org', '127.0.0.2')).status, 403);
});

/** The proxy's address is what the server sees; the viewer's own is in the query. */
async function checkAddresses(receiver: Receiver, port: number, early: HttpPlayer): Promise<void> {
  const { body: first } = await receiver.waitFor('on_sub_start', { url_param: '&viewer=127.0.0.1' });
  assert.match(String(first['remote_addr']), /^127\.0\.0\.1:\d+$/);
  early.leave();
  const stop = await receiver.waitFor('on_sub_stop', { session_id: first['session_id'] });
  assert.equal(stop.headers['millrace-reason'], 'peer closed');
  await receiver.waitFor('on_sub_start', { url_param: 'token=1&viewer=127.0.0.1' });
  await get(port, '/live/film.flv?viewer=8.8.8.8', 'live.example.org', '127.0.0.2', 'FLV');
  const { body: other } = await receiver.waitFor('on_sub_start', { url_param: 'viewer=8.8.8.8&viewer=127.0.0.2' });
  assert.match(String(other['remote_addr']), /^127\.0\.0\.1:\d+$/);
  assert.match(String(other['url']), /^http:\/\/live\.example\.org\/live\/film\.flv\?/);
}

test('a copy of the outbox, taken while the server works, delivers what waited when it was taken', async (t) => {
  const receiver = await startChaosReceiver(t, 0);
  receiver.script = ({ event }) => (event === 'on_server_start' ? null : 503);
  const site = openSite(t, { http_notify: receiver.config() });
  const server = await site.start();
  const stays = await come(t, server, 'stays');
  for (let i = 0; i < 10; i++) await visit(t, server, `before-${i % 3}`);
  await poll(
    'stops',
    () => waiting(server),
    (events) => events === 21,
  );

  assert.throws(() => new DatabaseSync(site.outbox).prepare('SELECT * FROM meta').all(), /locked/);
  let isCopying = true;
  const visits = (async () => {
    while (isCopying) await visit(t, server, 'meanwhile');
  })();
  const folder = tempDir(t);
  const copies = Array.from({ length: 10 }, (_, i) => join(folder, `copy-${i}`));
  for (const copy of copies) {
    const { code, stderr } = await run(t, join(CONF, 'backup-outbox.sh'), [site.outbox, copy]);
    assert.deepEqual([code, stderr], [0, '']);
  }
  isCopying = false;
  await visits;
  for (const copy of copies) checkWhole(join(copy, 'outbox.db'));
  stays.leave();
  await server.kill();

  await restore(t, copies[0] ?? '', receiver);
});

async function waiting(server: Millrace): Promise<number> {
  const { data } = await server.api('/api/notify/events?state=waiting&limit=1000');
  return (data?.['events'] as unknown[] | undefined)?.length ?? 0;
}

function checkWhole(file: string): void {
  const database = new DatabaseSync(file);
  assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
  database.close();
}

/** The statement by which docs/operations.md keeps numbers from being given twice. */
const NEW_NUMBERS = /UPDATE counters .*;/.exec(DOCUMENT)?.[0] ?? '';

async function restore(t: TestContext, copy: string, receiver: ChaosReceiver): Promise<void> {
  const site = openSite(t, {
    http_notify: receiver.config(),
    millrace: { notify: { outbox_path: join(copy, 'outbox.db') } },
  });
  const database = new DatabaseSync(join(copy, 'outbox.db'));
  database.exec(NEW_NUMBERS);
  database.close();
  const newest = Math.max(...receiver.deliveries.map(({ seq }) => seq));
  const begin = receiver.accepted.length;
  receiver.script = () => null;
  const server = await site.start();
  await visit(t, server, 'after');
  const came = () => receiver.accepted.slice(begin);
  await receiver.until('the last stop', () =>
    came().some(({ body, event }) => event === 'on_sub_stop' && body.includes('"after"')),
  );
  await poll(
    'what waits',
    () => waiting(server),
    (events) => events === 0,
  );
  const old = came().filter(({ body }) => body.includes('"before-'));
  assert.deepEqual([count(old, 'on_sub_start'), count(old, 'on_sub_stop')], [10, 10]);
  const stayed = firsts(came()).filter(({ body, event }) => event === 'on_sub_stop' && body.includes('"stays"'));
  assert.deepEqual(
    stayed.map(({ reason }) => reason),
    ['server crashed'],
  );
  const after = came().filter(({ body }) => body.includes('"after"'));
  assert.ok(
    after.every(({ seq }) => seq > newest),
    'numbers are given twice',
  );
  assert.ok(
    after.length > 0 && after.every(({ body }) => /"FLVSUB\d{7,}"/.test(body)),
    after.map(({ body }) => body).join('\n'),
  );
  await server.stop();
}

test('an outbox of a later version is left alone, and the start says why', async (t) => {
  const site = openSite(t, { http_notify: { enable: true, on_pub_start: 'http://127.0.0.1:9/on_pub_start' } });
  const server = await site.start();
  await server.stop();
  const database = new DatabaseSync(site.outbox);
  database.exec('PRAGMA user_version = 99');
  database.close();
  const before = readFileSync(site.outbox);
  const { code, stderr } = await site.launch().finished;
  assert.equal(code, 1);
  assert.match(stderr, /made by a later version of Millrace \(99, this one knows \d+\)/);
  assert.deepEqual(readFileSync(site.outbox), before);
});
