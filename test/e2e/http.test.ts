/** What an HTTP or WebSocket player is answered: heads, CORS, HEAD, unknown paths, and what it is sent first. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { WebSocket } from 'ws';
import { type FfmpegPublisher, publish } from '../support/ffmpeg.ts';
import { mediaTags, readFlv } from '../support/flv.ts';
import { HttpPlayer } from '../support/http.ts';
import { type Millrace, startServer } from '../support/millrace.ts';
import { fileScope } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-credentials': 'true',
  'access-control-allow-headers': 'Content-Type',
};

const scope = fileScope();
let server: Millrace;
let publisher: FfmpegPublisher;

before(async () => {
  server = await startServer(scope, {
    rtmp: { gop_num: 1 },
    httpflv: { url_pattern: '/flv/', gop_num: 1 },
    httpts: { url_pattern: '/', gop_num: 0 },
  });
  publisher = publish(scope, server.url('rtmp', 'flv/web'), 'h264-aac');
  await server.log.waitFor('the publisher', (line) => line['stream'] === 'web');
});

for (const [path, contentType] of [
  ['flv/web.flv', 'video/x-flv'],
  ['flv/nobody.flv', 'video/x-flv'],
  ['live/web.ts', 'video/mp2t'],
] as const) {
  test(`GET /${path} is answered at once, stream or not`, async (t) => {
    const player = new HttpPlayer(t, server.url('http', path));
    const { status, headers } = await player.head();
    assert.equal(status, 200);
    assert.equal(headers['content-type'], contentType);
    assert.equal(headers['cache-control'], 'no-cache');
    assert.equal(headers['connection'], 'close');
    assert.equal(headers['content-length'], undefined);
    assert.equal(headers['transfer-encoding'], undefined);
    for (const [name, value] of Object.entries(CORS)) assert.equal(headers[name], value);
    if (path.endsWith('.flv')) assert.equal((await player.body(13)).subarray(0, 3).toString(), 'FLV');
  });
}

test('HEAD tells what GET would, opens no session and has no body', async () => {
  const response = await fetch(server.url('http', 'flv/head.flv'), { method: 'HEAD' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'video/x-flv');
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  assert.equal(await response.text(), '');
  assert.equal((await server.api('/api/stat/group?stream_name=head')).error_code, 1001);
});

test('a browser’s CORS preflight is let through', async () => {
  const headers = { Origin: 'http://example.test', 'Access-Control-Request-Method': 'GET' };
  const response = await fetch(server.url('http', 'flv/web.flv'), { method: 'OPTIONS', headers });
  assert.ok(response.ok);
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  assert.match(response.headers.get('access-control-allow-methods') ?? '', /GET/);
});

test('other paths and methods are refused with words', async () => {
  for (const path of ['', 'nothing', 'flv/web.mp4', 'other/web.flv', 'flv/web.m3u8']) {
    const response = await fetch(server.url('http', path));
    assert.equal(response.status, 404, path);
    assert.notEqual(await response.text(), '');
  }
  const response = await fetch(server.url('http', 'flv/web.flv'), { method: 'POST', body: 'x' });
  assert.equal(response.status, 405);
  assert.match(response.headers.get('allow') ?? '', /GET/);
});

test('names that could be file paths, and broken requests, harm nobody', async (t) => {
  for (const path of ['flv/..%2f..%2fetc.flv', 'flv/%00.flv', 'flv/.flv', `flv/${'n'.repeat(5000)}.flv`]) {
    const { status } = await new HttpPlayer(t, server.url('http', path)).head();
    assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
  }
  const tooLong = new HttpPlayer(t, server.url('http', 'flv/web.flv'), { headers: [`X-Long: ${'x'.repeat(20_000)}`] });
  assert.ok((await tooLong.head()).status >= 400);
  const later = new HttpPlayer(t, server.url('http', 'flv/web.flv'));
  await later.body(50_000);
});

test('a WebSocket at another path is refused', async (t) => {
  const webSocket = new WebSocket(server.url('ws', 'other/web.flv'));
  t.after(() => webSocket.terminate());
  const status = await new Promise((resolve, reject) => {
    webSocket.on('unexpected-response', (_, response) => resolve(response.statusCode));
    webSocket.on('open', () => reject(new Error('it was opened')));
    webSocket.on('error', () => {});
  });
  assert.equal(status, 404);
});

test('a kept connection plays after it has asked for other things', async (t) => {
  // the same connection: a HEAD first, as some players do, whose bytes are not the session's
  const player = new HttpPlayer(t, server.url('http', 'nothing'), { headers: ['Connection: keep-alive'] });
  assert.equal((await player.head()).status, 404);
  player.send('GET /flv/web.flv HTTP/1.1\r\nHost: here\r\n\r\n');
  const bytes = await player.body(100_000);
  assert.notEqual(bytes.indexOf('FLV\x01'), -1);
});

test('a newcomer is sent the cached GOP at once, also while the publisher is silent', async (t) => {
  await new HttpPlayer(t, server.url('http', 'flv/web.flv')).body(50_000);
  publisher.freeze();
  t.after(() => publisher.thaw());
  const newcomer = new HttpPlayer(t, server.url('http', 'flv/web.flv'));
  const tags = readFlv(await newcomer.body(10_000));
  assert.deepEqual(
    tags.slice(0, 3).map(({ type, isSequenceHeader }) => `${type} ${isSequenceHeader}`),
    ['script false', 'video true', 'audio true'],
  );
  const [first] = mediaTags(tags).filter(({ type }) => type === 'video');
  assert.equal(first?.isKey, true);

  // httpts caches no GOP: there the same newcomer waits
  const waiting = new HttpPlayer(t, server.url('http', 'live/web.ts'));
  await waiting.head();
  const subs = await poll(
    'both newcomers are listed',
    async () => (await server.api('/api/stat/group?stream_name=web')).data?.['subs'] as { protocol: string }[],
    (listed) => listed.some(({ protocol }) => protocol === 'TS'),
  );
  assert.ok(subs.some(({ protocol }) => protocol === 'FLV'));
  assert.ok(waiting.bodyNow().length < 1000, `${waiting.bodyNow().length} bytes`);
  publisher.thaw();
  await waiting.body(50_000);
});
