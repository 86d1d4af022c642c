/** Secrets: each is set to a value that can be found, used right and wrong, and looked for wherever people read. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFaulty } from '../../support/faults.ts';
import { publish } from '../../support/ffmpeg.ts';
import { HttpPlayer } from '../../support/http.ts';
import { startProcess, writeConfig } from '../../support/millrace.ts';
import { startReceiver } from '../../support/receiver.ts';
import { publishRtsp } from '../../support/rtsp.ts';
import { poll, withPatience } from '../../support/wait-for.ts';

const SIGNING = Buffer.from('s3cret-signing-key-of-the-webhooks').toString('base64');

/** The configuration's own: nobody ever reads them. */
const OWN = {
  simple: 's3cret-simple-key',
  rtspPassword: 's3cret-rtsp-password',
  hlsKey: 's3cret-hls-key',
  token: 's3cret-api-token',
  header: 's3cret-header',
  jwtKey: 's3cret-jwt-key-that-is-long-enough-for-hs256',
  signing: SIGNING,
  hookPassword: 's3cret-hook-password',
  hookToken: 's3cret-hook-token',
  pullPassword: 's3cret-pull-password',
  wrongPassword: 's3cret-wrong-password',
  wrongToken: 's3cret-wrong-token',
} as const;

const basic = (password: string): string => Buffer.from(`cam:${password}`).toString('base64');
const lalSecret = (stream: string): string => createHash('md5').update(`${OWN.simple}${stream}`).digest('hex');

function jwt(stream: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ stream, action: '*' })}`;
  return `${signed}.${createHmac('sha256', OWN.jwtKey).update(signed).digest('base64url')}`;
}

/** What clients put into their URLs. The original's answers and callbacks have those URLs as they came (`url`, `url_param`). */
const GIVEN = {
  tv: lalSecret('tv'),
  ticket: jwt('tv'),
  cam: lalSecret('cam'),
  wrong: 's3cret-wrong-lal-secret',
  dangerous: 's3cret-dangerous',
  pullToken: 's3cret-pull-token',
} as const;
const AS_THEY_CAME = new Set(['url', 'url_param', 'tcUrl', 'body']);

function assertNone(what: string, text: string, secrets: Readonly<Record<string, string>>): void {
  for (const [name, secret] of Object.entries(secrets)) {
    const at = text.indexOf(secret);
    assert.equal(at, -1, `${name} in ${what}: ${text.slice(Math.max(0, at - 200), at + secret.length + 20)}`);
  }
}

const everyOwn = { ...OWN, right: basic(OWN.rtspPassword), wrongBasic: basic(OWN.wrongPassword) };

/** What a dialog of lines of text is answered, until the server closes or has answered so often. */
function exchange(port: number, requests: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => void socket.write(requests.join('')));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if ((text.match(/^RTSP\/1\.0 /gm)?.length ?? 0) >= requests.length) socket.destroy();
    });
    socket.on('close', () => resolve(text));
  });
}

test('no secret is in the log, the metrics or an answer, whoever uses it rightly or wrongly', async (t) => {
  const business = await startReceiver(t);
  let failing = true;
  business.answer = ({ event }) => (failing ? 500 : event === 'on_pub_stop' ? 404 : 200);
  const hook = (url: string): string =>
    `${url.replace('//', `//hook:${OWN.hookPassword}@`)}?token=${OWN.hookToken}&to=/${url.split('/').at(-1)}`;
  const hooks = Object.fromEntries(
    Object.entries(business.config()).map(([key, url]) => [key, typeof url === 'string' ? hook(url) : url]),
  );
  const { server, folder, cause } = await startFaulty(t, {
    rtsp: {
      ...{ enable: true, addr: '127.0.0.1:0', auth_enable: true, pub_auth_enable: true, auth_method: 0 },
      ...{ username: 'cam', password: OWN.rtspPassword },
    },
    hls: { enable: true, out_path: './hls/', fragment_duration_ms: 1000, sub_session_hash_key: OWN.hlsKey },
    simple_auth: {
      ...{ key: OWN.simple, dangerous_lal_secret: GIVEN.dangerous, pub_rtmp_enable: true, sub_rtmp_enable: true },
      ...{ sub_httpflv_enable: true, sub_httpts_enable: true, hls_m3u8_enable: true, pub_rtsp_enable: true },
      sub_rtsp_enable: true,
    },
    // a receiver that nothing listens at is complained about
    http_notify: { ...hooks, on_rtmp_connect: hook('http://127.0.0.1:1/on_rtmp_connect') },
    relay_push: { enable: true, addr_list: [`push:${OWN.pullPassword}@127.0.0.1:1`] },
    log: { level: 0, is_to_stdout: true, filename: 'logs/server.log' },
    millrace: {
      api: { token: OWN.token },
      notify: { signing_secrets: [`whsec_${OWN.signing}`], headers: { 'x-key': OWN.header } },
      admission: {
        ...{ on_play: hook('http://127.0.0.1:1/may_play'), fail_open: true },
        jwt: { publish: true, key: OWN.jwtKey, param: 'ticket' },
      },
    },
  });
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);

  const query = `lal_secret=${GIVEN.tv}&ticket=${GIVEN.ticket}`;
  for (const refused of [`lal_secret=${GIVEN.wrong}&ticket=${GIVEN.ticket}`, `lal_secret=${GIVEN.tv}&ticket=x.y.z`]) {
    const { finished } = publish(t, server.url('rtmp', `live/tv?${refused}`), 'h264-640x360');
    assert.notEqual((await withPatience(finished, () => 'a publisher is let in')).code, 0);
  }
  const publisher = publish(t, server.url('rtmp', `live/tv?${query}`), 'h264-640x360');
  const rtsp = server.url('rtsp', `live/cam?lal_secret=${GIVEN.cam}&ticket=${jwt('cam')}`);
  const as = (password: string): string => rtsp.replace('//', `//cam:${password}@`);
  const wrong = publishRtsp(t, as(OWN.wrongPassword), 'h264-640x360', 'tcp');
  assert.notEqual((await withPatience(wrong.finished, () => 'a camera is let in')).code, 0);
  publishRtsp(t, as(OWN.rtspPassword), 'h264-640x360', 'tcp');
  for (const password of [OWN.rtspPassword, OWN.wrongPassword]) {
    const headers = `Authorization: Basic ${basic(password)}\r\n`;
    const url = server.url('rtsp', `live/tv?lal_secret=${GIVEN.wrong}`);
    say(await exchange(server.port('rtsp'), [`DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1\r\n${headers}\r\n`]));
  }
  const player = new HttpPlayer(t, server.url('http', `live/tv.flv?lal_secret=${GIVEN.tv}`));
  await player.body(10_000);
  for (const path of ['live/tv.flv', 'live/tv.ts', 'hls/tv.m3u8', 'hls/tv/x.ts', 'nowhere']) {
    for (const secret of [GIVEN.wrong, GIVEN.dangerous]) {
      const response = await fetch(server.url('http', `${path}?lal_secret=${secret}`), { redirect: 'manual' });
      if (!response.ok) say(await response.text());
      else await response.body?.cancel();
    }
  }

  const api = `http://127.0.0.1:${server.port('api')}`;
  const headers = { authorization: `Bearer ${OWN.token}` };
  const call = async (path: string, body?: object): Promise<unknown> => {
    const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
    const text = await (await fetch(`${api}${path}`, init)).text();
    say(withoutWhatCame(text));
    return text;
  };
  for (const bad of [`/api/stat/lal_info?token=${OWN.wrongToken}`, `/nowhere?token=${OWN.token}`]) {
    say(await (await fetch(api + bad)).text());
  }
  say(
    await (await fetch(`${api}/api/stat/lal_info`, { headers: { authorization: `Bearer ${OWN.wrongToken}` } })).text(),
  );
  const tail = `live/gone?lal_secret=${GIVEN.wrong}&token=${GIVEN.pullToken}`;
  for (const url of [
    `rtmp://user:${OWN.pullPassword}@127.0.0.1:1/${tail}`,
    `rtsp://cam:${OWN.wrongPassword}@127.0.0.1:${server.port('rtsp')}/${tail}`,
    `rtsp://cam:${OWN.pullPassword}@/${tail}`,
    `htp://cam:${OWN.pullPassword}@h/${tail}`,
  ]) {
    await call('/api/ctrl/start_relay_pull', { url, stream_name: `p${said.length}` });
  }
  await poll(
    'two pulls are given up',
    async () => server.log.all.filter(({ msg }) => msg === 'a pull is given up').length,
    (count) => count === 2,
  );
  failing = false;
  await publisher.stop();
  const { body } = await business.waitFor('on_pub_stop', { stream_name: 'tv' });
  assert.equal(body['url_param'], query, 'callbacks bear what came');
  await call('/api/ctrl/kick_session', { stream_name: `x?lal_secret=${GIVEN.wrong}`, session_id: 'none' });
  await call('/api/record/start', { stream_name: 'cam', format: 'flv' });
  for (const path of [
    ...['/api/stat/lal_info', '/api/stat/all_group', '/api/stat/group?stream_name=cam', '/api/server/info'],
    ...['/api/notify/status', '/api/notify/events', '/api/record/list', '/metrics', '/readyz', '/healthz'],
  ]) {
    await call(path);
  }
  cause({ kind: 'throw', thread: 'main', message: `lost at rtmp://a:${OWN.pullPassword}@h/x?ticket=${GIVEN.ticket}` });
  const { code, stderr } = await withPatience(server.finished, () => 'the server lives on');
  assert.equal(code, 1);
  assert.equal(server.log.all.at(-1)?.level, 'fatal');
  say(stderr);

  const secrets = { ...everyOwn, ...GIVEN };
  assertNone('the answers', said.join('\n'), secrets);
  assertNone('the log', server.logText(), secrets);
  assertNone('the log file', readFileSync(join(folder, 'logs/server.log'), 'utf8'), secrets);
  // it did say all that was to be searched
  for (const expected of [/callback not delivered/, /a relay push failed/, /refused/, /nobody answered whether/]) {
    assert.ok(
      server.log.all.some(({ msg }) => expected.test(msg)),
      String(expected),
    );
  }
});

/** JSON without the fields in which URLs stand as clients sent them; own secrets must not even be there. */
function withoutWhatCame(text: string): string {
  assertNone('an answer', text, everyOwn);
  if (!text.startsWith('{')) return text;
  return JSON.stringify(JSON.parse(text, (key, value: unknown) => (AS_THEY_CAME.has(key) ? undefined : value)));
}

test('what is wrong with a configuration is said without its secrets', async (t) => {
  const file = writeConfig(t, {
    rtsp: { password: [OWN.rtspPassword] },
    simple_auth: { key: { [OWN.simple]: OWN.simple }, dangerous_lal_secret: [GIVEN.dangerous] },
    hls: { sub_session_hash_key: [OWN.hlsKey] },
    http_notify: { on_pub_start: `htp://hook:${OWN.hookPassword}@h/?token=${OWN.hookToken}` },
    relay_push: { addr_list: [`rtmp://push:${OWN.pullPassword}@h/live`] },
    millrace: {
      api: { token: [OWN.token] },
      notify: {
        signing_secrets: [`whsec-${OWN.signing}`],
        headers: { 'x-key': `${OWN.header}\n` },
      },
      admission: { on_play: `http//hook:${OWN.hookPassword}@h/?key=${OWN.hookToken}`, jwt: { key: [OWN.jwtKey] } },
    },
  });
  const ended = startProcess(t, ['check', '-c', file]).finished;
  const { code, stdout, stderr } = await withPatience(ended, () => 'the check did not end');
  assert.equal(code, 1);
  for (const key of [
    'rtsp.password',
    'simple_auth.key',
    'on_pub_start',
    'addr_list',
    'api.token',
    'x-key',
    'jwt.key',
  ]) {
    assert.ok(stderr.includes(key), `${key} in ${stderr}`);
  }
  assertNone('what the check says', stdout.toString() + stderr, OWN);
});
