import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { makeCertificate } from '../../test/support/tls.ts';
import { FaultLog, HttpListener, type PlayRequest } from './index.ts';
import { createLimits, UNBOUNDED } from './peer-limits.fixture.ts';

const silent = (): void => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const faults = new FaultLog(log);
const played: (PlayRequest & { route: string })[] = [];
let listener: HttpListener;
let port: number;

before(async () => {
  const options = {
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    handshakeTimeoutMs: 5000,
    serverName: 'millrace/test',
  };
  listener = new HttpListener(options, log, faults);
  for (const urlPattern of ['/', '/hls/']) {
    listener.addRoute({
      urlPattern,
      extension: '.ts',
      contentType: 'video/mp2t',
      play: (request) => {
        played.push({ ...request, route: urlPattern });
        if (request.upgrade !== null) request.upgrade((webSocket) => webSocket.close(1000));
        else if (request.query === '')
          request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        else request.socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
      },
    });
  }
  port = (await listener.start()).port;
});

after(() => listener.stop());

/** Sends raw bytes and resolves to all that comes back until the connection ends. */
async function exchange(request: string, at: { port: number; localAddress?: string } = { port }): Promise<string> {
  const socket = connect({ host: '127.0.0.1', ...at });
  let answer = '';
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString();
  });
  socket.on('error', silent);
  socket.write(request);
  await once(socket, 'close');
  return answer;
}

test('a request goes to the longest pattern that fits, with its path decoded and its URL as it came', async () => {
  await exchange('GET /hls/a%20b.ts HTTP/1.1\r\nHost: h:1\r\n\r\n');
  await exchange('GET /live/%E4%B8%AD%zz.ts HTTP/1.1\r\nHost: h:1\r\n\r\n');
  await exchange('GET http://other/live/s.ts HTTP/1.1\r\nHost: h:1\r\n\r\n');
  const seen = played.splice(0).map(({ route, path, query, url }) => ({ route, path, query, url }));
  assert.deepEqual(seen, [
    { route: '/hls/', path: '/hls/a b', query: '', url: 'http://h:1/hls/a%20b.ts' },
    { route: '/', path: '/live/%E4%B8%AD%zz', query: '', url: 'http://h:1/live/%E4%B8%AD%zz.ts' },
    { route: '/', path: '/live/s', query: '', url: 'http://h:1/live/s.ts' },
  ]);
});

test('HEAD, OPTIONS, other methods and unknown paths get their answers, with CORS', async () => {
  const end = ' HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
  const head = await exchange(`HEAD /live/s.ts${end}`);
  assert.match(head, /^HTTP\/1.1 200 OK\r\n/);
  assert.match(head, /Content-Type: video\/mp2t\r\n/);
  assert.match(head, /Access-Control-Allow-Origin: \*\r\n/);
  assert.match(
    await exchange(`OPTIONS /live/s.ts${end}`),
    /^HTTP\/1.1 204 .*Access-Control-Allow-Methods: GET, HEAD, OPTIONS/s,
  );
  assert.match(await exchange(`POST /live/s.ts${end}`), /^HTTP\/1.1 405 .*POST is not allowed here/s);
  assert.match(
    await exchange(`GET /live/s.mp4${end}`),
    /^HTTP\/1.1 404 .*played here are: \/hls\/APP\/STREAM.ts, \/APP\/STREAM.ts/s,
  );
  assert.equal(played.length, 0);
});

test('a second request on a connection whose answer does not end closes it', async () => {
  const request = 'GET /live/s.ts?go HTTP/1.1\r\nHost: h\r\n\r\n';
  const answer = await exchange(request + request);
  assert.equal(played.splice(0).length, 1);
  assert.doesNotMatch(answer, /200 OK.*200 OK/s);
});

/** Asks so many times over one TLS connection, each time as soon as it has the answer's last byte. */
const EAGER_CLIENT = `
  import { connect } from 'node:tls';
  const [port, times] = process.argv.slice(1).map(Number);
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  let answers = 0;
  const ask = () => socket.write('GET /a/x HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n');
  socket.setNoDelay(true);
  socket.on('secureConnect', ask);
  socket.on('error', () => {});
  socket.on('close', () => console.log(answers + ' answers'));
  socket.on('data', (data) => {
    if (data.at(-1) !== 0x21) return;
    if (++answers < times) ask();
    else socket.end();
  });
`;

test('over TLS, too, a connection serves one request after the other, however fast they come', async (t) => {
  const address = { host: '127.0.0.1', port: 0 };
  const tls = makeCertificate(t);
  const secure = new HttpListener({ address, tls, handshakeTimeoutMs: 5000, serverName: 'millrace/test' }, log, faults);
  const body = Buffer.alloc(300_000, '.');
  body.write('!', body.length - 1);
  secure.addRoute({
    urlPattern: '/a/',
    description: '',
    accepts: () => true,
    answer: async () => ({ status: 200, headers: { 'Content-Type': 'video/mp2t' }, body }),
  });
  const bound = await secure.start();
  t.after(() => secure.stop());
  const args = ['--input-type=module', '-e', EAGER_CLIENT, String(bound.port), '3000'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.equal(stdout, '3000 answers\n');
});

test('what is no HTTP is answered 400 and closed', async () => {
  assert.match(await exchange('NONSENSE\r\n\r\n'), /^HTTP\/1.1 400 /);
  assert.match(await exchange(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1.1 400 /);
});

test('WebSocket: handshake by route, 404 for unknown paths, 400 for a broken handshake', async () => {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/live/s.ts`);
  const [code] = await once(webSocket, 'close');
  assert.equal(code, 1000);
  assert.equal(played.splice(0)[0]?.path, '/live/s');
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nHost: h\r\n\r\n';
  assert.match(await exchange(`GET /live/s.mp4 HTTP/1.1\r\n${upgrade}`), /^HTTP\/1.1 404 /);
  assert.match(await exchange(`GET /live/s.ts HTTP/1.1\r\n${upgrade}`), /^HTTP\/1.1 400 /);
});

test('who asks more than he may in a second is answered 429 before any route is asked; another address is answered', async (t) => {
  const limits = createLimits({ maxRequestsPerSec: 2 });
  const options = { address: { host: '127.0.0.1', port: 0 }, tls: null, handshakeTimeoutMs: 5000, serverName: 'm/1' };
  const bounded = new HttpListener(options, log, faults, limits);
  const asked: string[] = [];
  bounded.addRoute({
    ...{ urlPattern: '/hls/', description: '', accepts: () => true },
    answer: async ({ path }) => {
      asked.push(path);
      return { status: 200, headers: { 'Content-Type': 'video/mp2t' }, body: Buffer.from('body') };
    },
  });
  bounded.addRoute({
    ...{ urlPattern: '/', extension: '.flv', contentType: 'video/x-flv' },
    play: ({ path }) => void asked.push(path),
  });
  const { port: boundedPort } = await bounded.start();
  t.after(() => bounded.stop());
  const from = (localAddress: string, requests: string): Promise<string> =>
    exchange(requests, { port: boundedPort, localAddress });
  const get = (path: string, more = '', method = 'GET'): string =>
    `${method} ${path} HTTP/1.1\r\nHost: h\r\n${more}\r\n`;
  const close = 'Connection: close\r\n';

  // the clock of the bounds stands still
  for (const path of ['/hls/1', '/hls/2']) assert.match(await from('127.0.0.1', get(path, close)), /^HTTP\/1\.1 200 /);
  // the connection goes on: a new one would cost more
  const refused = await from('127.0.0.1', get('/hls/3') + get('/hls/4', close));
  assert.equal(refused.match(/HTTP\/1\.1 429/g)?.length, 2);
  assert.match(refused, /^HTTP\/1\.1 429 Too Many Requests\r\nServer: m\/1\r\n.*Access-Control-Allow-Origin: \*\r\n/s);
  assert.match(refused, /\r\nRetry-After: 1\r\n.*\r\n\r\nmore than 2 requests a second come from this address\n/s);
  assert.match(await from('127.0.0.1', get('/hls/5', close, 'HEAD')), /^HTTP\/1\.1 429 .*\r\n\r\n$/s);
  assert.match(await from('127.0.0.1', get('/a/b.flv', close)), /^HTTP\/1\.1 429 /);
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  assert.match(await from('127.0.0.1', get('/a/b.flv', upgrade)), /^HTTP\/1\.1 429 .*\r\nRetry-After: 1\r\n/s);
  assert.deepEqual(asked.splice(0), ['/hls/1', '/hls/2']);
  assert.match(await from('127.0.0.2', get('/hls/6', close)), /^HTTP\/1\.1 200 /);
  assert.equal(new Map(limits.refusals.counts()).get('max_requests_per_sec_per_address'), 5);
  limits.update(UNBOUNDED);
  assert.match(await from('127.0.0.1', get('/hls/7', close)), /^HTTP\/1\.1 200 /);
});
