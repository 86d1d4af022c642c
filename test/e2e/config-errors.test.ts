/** What keeps the server from starting: all faults of the configuration at once, and ports that are taken. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Millrace, startProcess, startServer, writeConfig } from '../support/millrace.ts';
import type { Finished } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { withPatience } from '../support/wait-for.ts';

function ended(t: TestContext, args: readonly string[], cwd?: string): Promise<Finished> {
  return withPatience(startProcess(t, args, cwd).finished, () => 'the server did not end');
}

test('every fault is told at once, each with its key, what was found and what is allowed', async (t) => {
  const file = writeConfig(t, {
    rtmp: { enable: 'yes', gop_num: -1 },
    httpflv: { url_pattern: 7 },
    http_notify: { enable: true, on_pub_start: 'not a URL' },
    log: { level: 12 },
  });
  const { code, stdout, stderr } = await ended(t, ['-c', file]);
  assert.equal(code, 1);
  assert.equal(stdout.toString(), '');
  const lines = stderr.trim().split('\n');
  for (const [key, found] of [
    ['rtmp.enable', '"yes"'],
    ['rtmp.gop_num', '-1'],
    ['httpflv.url_pattern', '7'],
    ['http_notify.on_pub_start', 'not a URL'],
    ['log.level', '12'],
  ] as const) {
    const line = lines.find((each) => each.includes(key));
    assert.ok(line?.includes(found), `${key} in:\n${stderr}`);
  }
  assert.equal(lines.filter((line) => line.startsWith(' ')).length, 5);
});

test('a file that is not there, and one that is not JSON', async (t) => {
  const dir = tempDir(t);
  const missing = await ended(t, ['-c', join(dir, 'none.json')]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /none\.json.*no such file/);

  writeFileSync(join(dir, 'broken.json'), '{\n  "rtmp": {\n    "enable": true,,\n  }\n}\n');
  const broken = await ended(t, ['-p', dir, '-c', 'broken.json']);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /broken\.json.*line 3/s);
});

test('an unknown key is a warning that names the nearest known one', async (t) => {
  const server = await startServer(t, { rtmp: { gop_numb: 3 } });
  const warning = server.log.all.find(({ level, msg }) => level === 'warn' && msg.includes('gop_numb'));
  assert.match(warning?.msg ?? '', /rtmp\.gop_num\b/);
});

for (const [key, section] of [
  ['rtmp.addr', (addr: string) => ({ rtmp: { addr } })],
  ['default_http.http_listen_addr', (addr: string) => ({ default_http: { http_listen_addr: addr } })],
  ['http_api.addr', (addr: string) => ({ http_api: { addr } })],
] as const) {
  test(`a port of ${key} that is taken stops the start and is named with its key`, async (t) => {
    const port = await takePort(t);
    const { code, stderr } = await ended(t, ['-c', writeConfig(t, section(`127.0.0.1:${port}`))]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(String(port)), stderr);
    assert.ok(stderr.includes(key), stderr);
  });
}

test('TLS files that cannot be read are an error in the log, and the rest goes on', async (t) => {
  const rtmp = { rtmps_enable: true, rtmps_addr: '127.0.0.1:0', rtmps_cert_file: 'no.crt', rtmps_key_file: 'no.key' };
  const server = await startServer(t, { rtmp });
  const errors = server.log.all.filter(({ level }) => level === 'error');
  assert.equal(errors.length, 1);
  assert.match(JSON.stringify(errors[0]), /no\.crt/);
  assert.ok(server.port('rtmp') > 0);
});

test('-c is found from the working folder, and without it lalserver.conf.json is', async (t) => {
  const dir = tempDir(t);
  const { port } = (await listenOnce(t)).address() as AddressInfo;
  writeFileSync(
    join(dir, 'lalserver.conf.json'),
    JSON.stringify({ rtmp: { enable: true, addr: `127.0.0.1:${port}` } }),
  );
  const { stderr } = await ended(t, ['-p', dir]);
  assert.match(stderr, /rtmp\.addr/);
});

test('-v and -h answer and end; what is unknown is refused', async (t) => {
  const version = await ended(t, ['-v']);
  assert.deepEqual([version.code, version.stderr], [0, '']);
  assert.match(version.stdout.toString(), /^\d+\.\d+\.\d+\n$/);
  assert.match((await ended(t, ['-h'])).stdout.toString(), /-c FILE/);
  const unknown = await ended(t, ['--nonsense']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /--nonsense/);
  const folder = await ended(t, ['-p', '/nowhere/at/all']);
  assert.equal(folder.code, 1);
  assert.match(folder.stderr, /\/nowhere\/at\/all/);
});

test('the packaged configuration is one that the server takes', async (t) => {
  const packaged = join(import.meta.dirname, '../../conf/millrace.conf.json');
  const server = new Millrace(startProcess(t, ['-p', tempDir(t), '-c', packaged]));
  // its ports are fixed: on a machine where one is taken the server says so, and has read the file
  const outcome = await server.ready().then(
    () => 'ready',
    (error: Error) => error.message,
  );
  assert.match(outcome, /^ready$|cannot listen on/);
});

async function takePort(t: TestContext): Promise<number> {
  return ((await listenOnce(t)).address() as AddressInfo).port;
}

async function listenOnce(t: TestContext): Promise<net.Server> {
  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => void server.close());
  await once(server, 'listening');
  return server;
}
