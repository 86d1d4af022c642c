/** The configuration is read again while streams run: what counts at once, what needs a restart, and that nobody notices. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../support/flv.ts';
import { HttpPlayer } from '../support/http.ts';
import { type ApiAnswer, type Config, type Millrace, startServer, writeConfig } from '../support/millrace.ts';
import { run } from '../support/process.ts';
import { startReceiver } from '../support/receiver.ts';
import { assertSigned, OTHER_SECRET, SECRET, startReloadable } from '../support/reloadable.ts';
import { tempDir } from '../support/temp-dir.ts';
import { makeCertificate } from '../support/tls.ts';
import { poll, withPatience } from '../support/wait-for.ts';

/** About a second of the published source. */
const SECOND_BYTES = 130_000;
/** A video frame lasts 33 ms. */
const GAP_MS = 70;

function lalSecret(key: string, stream: string): string {
  return createHash('md5')
    .update(key + stream)
    .digest('hex');
}

for (const threads of [1, 2]) {
  test(`threads ${threads}: receiver, secrets and who is let in change under a stream, which goes on`, async (t) => {
    const [before, after] = [await startReceiver(t), await startReceiver(t)];
    const millrace = (receiver: typeof before, notify: Config): Config => ({
      threads,
      notify: { ...receiver.ownConfig(), ...notify },
    });
    const first = {
      httpflv: { gop_num: 1 },
      http_notify: before.config(),
      millrace: millrace(before, { signing_secrets: [SECRET] }),
    };
    const { server, folder, reload } = await startReloadable(t, first);
    const publisher = publish(t, server.url('rtmp', 'live/one'), 'h264-640x360');
    assertSigned(await before.waitFor('on_pub_start', { stream_name: 'one' }), SECRET);
    const player = new HttpPlayer(t, server.url('http', 'live/one.flv?by=player'));
    const decoded = decodeStrict(t, server.url('http', 'live/one.flv?by=decoder'), 5);
    await Promise.all([
      before.waitFor('on_sub_start', { url_param: 'by=player' }),
      before.waitFor('on_sub_start', { url_param: 'by=decoder' }),
      player.body(SECOND_BYTES),
    ]);

    const answer = await reload({
      httpflv: { gop_num: 1 },
      http_notify: after.config(),
      simple_auth: { key: 'k', pub_rtmp_enable: true, sub_httpflv_enable: true },
      record: { enable_flv: true },
      millrace: millrace(after, { signing_secrets: [OTHER_SECRET], headers: { 'X-Site': 'two' } }),
    });
    const { applied, needs_restart: needsRestart, certificates } = answer.data ?? {};
    assert.deepEqual([answer.error_code, needsRestart, certificates], [0, [], []]);
    for (const key of ['http_notify.on_pub_stop', 'simple_auth.key', 'record.enable_flv', 'millrace.notify.headers']) {
      assert.ok((applied as string[]).includes(key), `${key} in ${applied}`);
    }
    const heard = before.callbacks.all.length;

    // who is here stays, and who comes must show the secret
    assert.equal((await fetch(server.url('http', 'live/one.flv'))).status, 403);
    assert.notEqual((await publish(t, server.url('rtmp', 'live/two'), 'h264-640x360').finished).code, 0);
    const withSecret = (stream: string): string => `lal_secret=${lalSecret('k', stream)}`;
    publish(t, server.url('rtmp', `live/two?${withSecret('two')}`), 'h264-640x360');
    const start = await after.waitFor('on_pub_start', { stream_name: 'two' });
    assertSigned(start, OTHER_SECRET);
    assert.throws(() => assertSigned(start, SECRET));
    assert.equal(start.headers['x-site'], 'two');
    const url = server.url('http', `live/two.flv?${withSecret('two')}`);
    assert.deepEqual(await probeLines(t, url), ['h264 640x360', 'aac 48000']);

    // records begin with the streams that begin
    await after.waitFor('on_record_start', { stream_name: 'two' });
    const files = readdirSync(join(folder, 'lal_record/flv'));
    assert.deepEqual(
      files.map((name) => name.slice(0, 4)),
      ['two-'],
    );

    await player.body(player.bodyNow().length + SECOND_BYTES);
    await decoded;
    assertSteadyTime(readFlv(player.bodyNow()), GAP_MS);
    player.leave();
    await after.waitFor('on_sub_stop', { url_param: 'by=player' });
    await publisher.stop();
    await after.waitFor('on_pub_stop', { stream_name: 'one' });
    assert.equal(
      before.callbacks.all.length,
      heard,
      'what happens after the reload is not told to the receiver before',
    );
  });

  test(`threads ${threads}: the name and password of RTSP`, async (t) => {
    const rtsp = { enable: true, addr: '127.0.0.1:0', auth_enable: true, auth_method: 1, username: 'u' };
    const config = (password: string): Config => ({
      rtmp: { gop_num: 1 },
      rtsp: { ...rtsp, password },
      millrace: { threads },
    });
    const { server, reload } = await startReloadable(t, config('pass-one'));
    publish(t, server.url('rtmp', 'live/locked'), 'h264-640x360');
    const play = (password: string): Promise<{ code: number | null }> => {
      const url = server.url('rtsp', 'live/locked').replace('//', `//u:${password}@`);
      return run(t, 'ffmpeg', ['-v', 'error', '-rtsp_transport', 'tcp', '-t', '0.5', '-i', url, '-f', 'null', '-']);
    };
    assert.equal((await play('pass-one')).code, 0);
    const { data, error_code } = await reload(config('pass-two'));
    assert.deepEqual([error_code, data?.['applied']], [0, ['rtsp.password']]);
    assert.doesNotMatch(server.logText(), /pass-one|pass-two/);
    assert.notEqual((await play('pass-one')).code, 0);
    assert.equal((await play('pass-two')).code, 0);
  });

  test(`threads ${threads}: a renewed certificate is served to who comes, a broken one is not`, async (t) => {
    const [served, renewed] = [makeCertificate(t), makeCertificate(t)];
    const { certFile, keyFile } = served;
    const at = '127.0.0.1:0';
    const config = {
      rtmp: { rtmps_enable: true, rtmps_addr: at, rtmps_cert_file: certFile, rtmps_key_file: keyFile },
      rtsp: { rtsps_enable: true, rtsps_addr: at, rtsps_cert_file: certFile, rtsps_key_file: keyFile },
      default_http: { https_cert_file: certFile, https_key_file: keyFile },
      httpflv: { enable_https: true, gop_num: 1 },
      millrace: { threads },
    };
    const { server, reload } = await startReloadable(t, config);
    publish(t, server.url('rtmps', 'live/tls'), 'h264-640x360');
    const player = new HttpPlayer(t, server.url('https', 'live/tls.flv'));
    await player.body(SECOND_BYTES);
    // by several connections, so that each thread is met
    const seen = async (): Promise<string[]> => {
      const ports = (['rtmps', 'rtsps', 'https'] as const).flatMap((name) => Array(8).fill(server.port(name)));
      return [...new Set(await Promise.all(ports.map(fingerprint)))];
    };
    const old = await seen();
    assert.equal(old.length, 1);
    assert.deepEqual((await reload(config)).data, { applied: [], needs_restart: [], certificates: [] });

    // a certificate whose key is still the one before
    copyFileSync(renewed.certFile, certFile);
    const broken = await reload({ ...config, log: { level: 0 } });
    assert.deepEqual([broken.error_code, broken.data?.['applied']], [2005, ['log.level']]);
    const errors = broken.data?.['errors'] as string[];
    const listeners = ['rtmp.rtmps_addr', 'rtsp.rtsps_addr', 'default_http.https_listen_addr'];
    assert.deepEqual(
      errors.map((error) => error.slice(0, error.indexOf(':'))),
      listeners,
    );
    assert.match(String(errors[0]), /cannot be used: .*key values mismatch/);
    assert.deepEqual(await seen(), old);

    copyFileSync(renewed.keyFile, keyFile);
    const { data, error_code } = await reload({ ...config, log: { level: 0 } });
    assert.deepEqual([error_code, data?.['certificates']], [0, listeners]);
    const now = await seen();
    assert.equal(now.length, 1);
    assert.notDeepEqual(now, old);
    await player.body(player.bodyNow().length + SECOND_BYTES);
    assertSteadyTime(readFlv(player.bodyNow()), GAP_MS);
  });
}

/** Of the certificate that is served there. */
async function fingerprint(port: number): Promise<string> {
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

test('keys that need a restart are named, again and again, and change nothing', async (t) => {
  const { server, reload } = await startReloadable(t, {});
  const wanted = { server_id: '2', rtmp: { addr: '127.0.0.1:1' }, httpflv: { url_pattern: '/other/', gop_num: 1 } };
  const restart = ['server_id', 'rtmp.addr', 'httpflv.url_pattern'];
  const certificates: string[] = [];
  const first = await reload(wanted);
  assert.deepEqual(first.data, { applied: ['httpflv.gop_num'], needs_restart: restart, certificates });
  assert.deepEqual((await reload(wanted)).data, { applied: [], needs_restart: restart, certificates });
  const warning = await server.log.waitFor('the warning', ({ msg }) => /need a restart/.test(msg));
  assert.deepEqual([warning.level, warning['keys']], ['warn', restart]);
  assert.equal((await server.api('/api/stat/lal_info')).data?.['server_id'], '1');
  publish(t, server.url('rtmp', 'live/same'), 'h264-640x360');
  await decodeStrict(t, server.url('http', 'live/same.flv'), 1);
});

test('SIGHUP reads the file; one with errors changes nothing, and each is said without a secret', async (t) => {
  const token = 'do not show me';
  const { server, write, writeText } = await startReloadable(t, { simple_auth: { key: 'hidden' } });
  const errorLine = async (): Promise<unknown> => {
    const from = server.log.all.length;
    server.signal('SIGHUP');
    const line = await server.log.waitFor('the errors', ({ msg }) => /nothing was changed/.test(msg), from);
    assert.equal(line.level, 'error');
    return line['errors'];
  };
  writeText('{ "rtmp": ');
  assert.match(String(await errorLine()), /millrace\.conf\.json: .*line 1/);
  write({ rtmp: { gop_num: -1 }, simple_auth: { key: 7_654_321 }, millrace: { api: { token } }, log: { level: 3 } });
  const errors = ['rtmp.gop_num: found -1 (number), allowed: an integer of 0 or more'];
  errors.push('simple_auth.key: found a number that is not shown, allowed: a string');
  assert.deepEqual(await errorLine(), errors);
  const refused = await server.api('/api/server/reload', {});
  assert.deepEqual(refused, { error_code: 2004, desp: 'not reloaded, nothing was changed', data: { errors } });
  // neither a key of tokens that is none, which the schema cannot see
  const jwt = { play: true, key: '-----BEGIN nothing' };
  write({ log: { level: 3 }, millrace: { admission: { jwt } } });
  assert.match(String(await errorLine()), /no public key or certificate/);
  assert.equal((await server.api('/api/stat/lal_info')).error_code, 0, 'no token is asked for');

  write({ millrace: { api: { token } } });
  server.signal('SIGHUP');
  const line = await server.log.waitFor('the reload', ({ msg }) => msg === 'the configuration was reloaded');
  assert.deepEqual([line['applied'], line['needsRestart']], [['simple_auth.key', 'millrace.api.token'], []]);
  const api = `http://127.0.0.1:${server.port('api')}/api/server/reload`;
  assert.equal((await fetch(api, { method: 'POST' })).status, 401);
  const Authorization = `Bearer ${token}`;
  const last = (await (await fetch(api, { method: 'POST', headers: { Authorization } })).json()) as ApiAnswer;
  assert.equal(last.error_code, 0);
  assert.doesNotMatch(server.logText(), /do not show me|hidden|7654321|BEGIN/);
});

test('the log’s level', async (t) => {
  const { server, reload } = await startReloadable(t, { log: { level: 2 } });
  assert.equal(server.log.all.filter(({ level }) => level === 'debug').length, 0);
  await reload({ log: { level: 1 } });
  publish(t, server.url('rtmp', 'live/loud'), 'h264-640x360');
  await server.log.waitFor('a session', ({ msg }) => msg === 'session started');
  const from = server.log.all.length;
  await reload({ log: { level: 4 } });
  publish(t, server.url('rtmp', 'live/quiet'), 'h264-640x360');
  await poll(
    'the publisher',
    () => server.api('/api/stat/group?stream_name=quiet'),
    ({ error_code }) => error_code === 0,
  );
  // a line that was to come would have come before this one
  await reload({ log: { level: 1 } });
  await server.log.waitFor('the call', ({ path }) => path === '/api/server/reload', from);
  assert.deepEqual(
    server.log.all.filter(({ stream }) => stream === 'quiet'),
    [],
  );
});

test('pushes, pulls and HLS of streams that begin', async (t) => {
  const other = await startServer(t, { rtmp: { gop_num: 1 } });
  const addr = `127.0.0.1:${other.port('rtmp')}`;
  const hls = { enable: true, url_pattern: '/hls/', fragment_num: 3, use_memory_as_disk_flag: true };
  const config = (durationMs: number, more: Config): Config => ({
    httpflv: { gop_num: 1 },
    hls: { ...hls, fragment_duration_ms: durationMs },
    ...more,
  });
  const { server, reload } = await startReloadable(t, config(4000, {}));
  publish(t, server.url('rtmp', 'live/old'), 'h264-640x360');
  publish(t, other.url('rtmp', 'live/far'), 'h264-640x360');
  assert.match(await playlist(server, 'old'), /#EXT-X-TARGETDURATION:4/);
  const answer = await reload(
    config(1000, { relay_push: { enable: true, addr_list: [addr] }, static_relay_pull: { enable: true, addr } }),
  );
  assert.equal(answer.error_code, 0);
  assert.deepEqual(await probeLines(t, server.url('http', 'live/far.flv')), ['h264 640x360', 'aac 48000']);
  publish(t, server.url('rtmp', 'live/new'), 'h264-640x360');
  assert.match(await playlist(server, 'new'), /#EXT-X-TARGETDURATION:2/);
  assert.deepEqual(await probeLines(t, other.url('http', 'live/new.flv')), ['h264 640x360', 'aac 48000']);
  assert.match(await playlist(server, 'old'), /#EXT-X-TARGETDURATION:4/);
  assert.equal((await other.api('/api/stat/group?stream_name=old')).error_code, 1001);
});

async function playlist(server: Millrace, stream: string): Promise<string> {
  const ask = async (): Promise<string> => (await fetch(server.url('http', `hls/${stream}.m3u8`))).text();
  return poll('a playlist', ask, (text) => text.includes('.ts'));
}

test('takeover of streams that begin, reports in the log, and where may be connected to', async (t) => {
  const { server, reload } = await startReloadable(t, {});
  const { error_code } = await reload({
    debug: { log_group_interval_sec: 1 },
    millrace: { publish: { takeover: 'replace' }, outbound: { allow: ['192.0.2.1'] } },
  });
  assert.equal(error_code, 0);
  const first = publish(t, server.url('rtmp', 'live/taken'), 'h264-640x360');
  await server.log.waitFor('the first publisher', ({ msg, stream }) => msg === 'session started' && stream === 'taken');
  publish(t, server.url('rtmp', 'live/taken'), 'h264-640x360');
  assert.notEqual((await first.finished).code, 0);
  await server.log.waitFor('the takeover', ({ reason }) => reason === 'replaced');
  await server.log.waitFor('a report', ({ msg }) => msg === 'group report');
  const { desp } = await server.api('/api/ctrl/start_relay_pull', { url: 'rtmp://127.0.0.1:1/live/far' });
  assert.match(desp, /^not allowed to connect to 127\.0\.0\.1:1/);
});

test('the endpoint takes no parameters, and no GET', async (t) => {
  const { server } = await startReloadable(t, {});
  assert.match(
    (await server.api('/api/server/reload', { file: '/etc/passwd' })).desp,
    /^param missing: file is not known/,
  );
  assert.equal((await server.api('/api/server/reload')).error_code, 404);
});

/** Runs a command in a terminal, waits for what it writes when it listens, takes the terminal away, and gives its exit status. */
const HANG_UP = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b''
while b'is ready' not in said:
    said += os.read(terminal, 4096)
os.kill(pid, 1)
while b'was reloaded' not in said:
    said += os.read(terminal, 4096)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

test('in a terminal SIGHUP reads the file as well, but the terminal’s end ends the server', async (t) => {
  const file = writeConfig(t, {});
  const main = join(import.meta.dirname, '../../src/main.ts');
  const { stdout, stderr } = await withPatience(
    run(t, 'python3', ['-c', HANG_UP, process.execPath, main, '-c', file, '-p', tempDir(t)]),
    () => 'the server did not end',
  );
  assert.deepEqual([stdout.toString(), stderr], ['0\n', '']);
});
