import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  type AnswerRoute,
  FaultLog,
  type HttpAnswer,
  HttpListener,
  type HttpRequestFacts,
  PLAYLIST_TYPE,
} from './index.ts';

const silent = (): void => {};
const faults: string[] = [];
const log = { debug: silent, info: silent, warn: silent, error: (_: object, text: string) => void faults.push(text) };
const top = mkdtempSync(join(tmpdir(), 'millrace-'));
const root = join(top, 'root');
/** What each path is answered. */
const answers = new Map<string, () => HttpAnswer | Promise<HttpAnswer>>();
const requests: HttpRequestFacts[] = [];
const sent = new Map<string, number>();
const finished: string[] = [];
/** An account with more bytes than its bound is cut off. */
const bounds = new Map<string, number>();

const route: AnswerRoute = {
  urlPattern: '/a/',
  description: 'NAME',
  accepts: (path) => answers.has(path.slice('/a/'.length)),
  answer: async (request) => {
    requests.push(request);
    const answer = answers.get(request.path.slice('/a/'.length));
    if (answer === undefined) throw new Error('no answer');
    return answer();
  },
  sent: (account, bytes) => {
    const sum = (sent.get(account) ?? 0) + bytes;
    sent.set(account, sum);
    return sum < (bounds.get(account) ?? Number.POSITIVE_INFINITY);
  },
  finished: (account) => void finished.push(account),
};

const LONG = Buffer.from(`#EXTM3U\n${'#EXTINF:3.000,\na.ts\n'.repeat(100)}`);
const BIG = Buffer.alloc(1_000_000, 'abcdefghij');
const segment = (body: HttpAnswer['body'], account?: string): HttpAnswer => ({
  status: 200,
  headers: { 'Content-Type': 'video/mp2t', ETag: '"7"' },
  body,
  ...(account === undefined ? {} : { account }),
});

let listener: HttpListener;
let port: number;
before(async () => {
  mkdirSync(join(root, 'in'), { recursive: true });
  writeFileSync(join(top, 'secret'), 'secret');
  writeFileSync(join(root, 'in/file'), BIG);
  symlinkSync(join(top, 'secret'), join(root, 'in/link'));
  symlinkSync(top, join(root, 'out'));
  symlinkSync(root, join(top, 'also-root'));
  const address = { host: '127.0.0.1', port: 0 };
  listener = new HttpListener(
    { address, tls: null, handshakeTimeoutMs: 5000, serverName: 'millrace/test' },
    log,
    new FaultLog(log),
  );
  listener.addRoute(route);
  port = (await listener.start()).port;
});
after(() => {
  listener.stop();
  rmSync(top, { recursive: true });
});

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
after(() => agent.destroy());

/** One request over the kept connection. */
async function ask(
  name: string,
  headers: http.OutgoingHttpHeaders = {},
  method = 'GET',
): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
  const request = http.request({ port, path: `/a/${name}`, headers, method, agent });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** Resolves when an answer with this account is over. */
async function over(account: string): Promise<void> {
  while (!finished.includes(account)) await new Promise(setImmediate);
}

test('a request comes as plain data, and a connection serves one after the other', async () => {
  answers.set('x y', () => ({ status: 204, headers: {}, body: null }));
  await ask('x%20y?a=1', { Host: 'h:1' });
  const first = requests.splice(0)[0];
  const { headers: _, remoteAddr, ...rest } = first ?? assert.fail('no request');
  assert.deepEqual(rest, { method: 'GET', path: '/a/x y', query: 'a=1', url: 'http://h:1/a/x%20y?a=1' });
  await ask('x%20y');
  assert.equal(requests.splice(0)[0]?.remoteAddr, remoteAddr);
});

test('a playlist: not cached, compressed where that is accepted, 304 where it is known', async () => {
  answers.set('p', () => ({ status: 200, headers: { 'Content-Type': PLAYLIST_TYPE }, body: LONG }));
  const plain = await ask('p');
  assert.equal(plain.status, 200);
  assert.deepEqual(plain.body, LONG);
  assert.equal(plain.headers['content-length'], String(LONG.length));
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.equal(plain.headers['cache-control'], 'no-cache');
  assert.equal(plain.headers['vary'], 'Accept-Encoding');
  assert.equal(plain.headers['access-control-allow-origin'], '*');
  assert.match(plain.headers['access-control-expose-headers'] ?? '', /Content-Range/);
  const { etag } = plain.headers;
  assert.match(etag ?? '', /^W\/"/);

  for (const accepted of ['gzip', 'deflate, gzip;q=0.5, br', 'br , GZIP']) {
    const small = await ask('p', { 'Accept-Encoding': accepted });
    assert.equal(small.headers['content-encoding'], 'gzip', accepted);
    assert.equal(small.headers['content-length'], String(small.body.length));
    assert.ok(small.body.length < LONG.length / 5);
    assert.deepEqual(gunzipSync(small.body), LONG);
    assert.equal(small.headers.etag, etag);
  }
  for (const refused of ['gzip;q=0', 'gzip; q=0.000', 'br', 'xgzip']) {
    assert.equal((await ask('p', { 'Accept-Encoding': refused })).headers['content-encoding'], undefined, refused);
  }
  // a range of what changes means nothing
  assert.equal((await ask('p', { Range: 'bytes=0-3' })).status, 200);

  for (const known of [String(etag), `"x", ${etag}`, String(etag).slice(2), '*']) {
    const same = await ask('p', { 'If-None-Match': known, 'Accept-Encoding': 'gzip' });
    assert.equal(same.status, 304, known);
    assert.equal(same.headers.etag, etag);
    assert.equal(same.headers['content-encoding'], undefined);
    assert.equal(same.body.length, 0);
  }
  assert.equal((await ask('p', { 'If-None-Match': '"x"' })).status, 200);
});

for (const [kind, body] of [
  ['one buffer', BIG],
  ['many buffers', [BIG.subarray(0, 10), BIG.subarray(10, 10), BIG.subarray(10, 500_001), BIG.subarray(500_001)]],
  ['a file', { root, path: 'in/file' }],
  ['a file behind a link to the whole folder', { root: join(top, 'also-root'), path: '/in/file' }],
] as const) {
  test(`a segment of ${kind}: kept for ever, whole or in ranges, counted`, async () => {
    answers.set('s', () => segment(body, kind));
    sent.clear();
    finished.length = 0;
    const whole = await ask('s', { 'Accept-Encoding': 'gzip' });
    assert.equal(whole.status, 200);
    assert.ok(whole.body.equals(BIG));
    assert.equal(whole.headers['content-length'], '1000000');
    assert.equal(whole.headers['content-encoding'], undefined);
    assert.equal(whole.headers['accept-ranges'], 'bytes');
    assert.equal(whole.headers.etag, '"7"');
    assert.match(whole.headers['cache-control'] ?? '', /max-age=\d{5,}, immutable/);
    await over(kind);
    assert.deepEqual(
      finished.filter((account) => account === kind),
      [kind],
    );
    assert.equal(sent.get(kind), 1_000_000);

    for (const [range, from, to] of [
      ['bytes=0-0', 0, 1],
      ['bytes=5-', 5, 1_000_000],
      ['bytes=-7', 999_993, 1_000_000],
      ['bytes=300000-700000', 300_000, 700_001],
      ['bytes=999999-2000000', 999_999, 1_000_000],
      ['bytes=-2000000', 0, 1_000_000],
      ['bytes= 7-8', 7, 9],
    ] as const) {
      const part = await ask('s', { Range: range, 'If-Range': '"7"' });
      assert.equal(part.status, 206, range);
      assert.equal(part.headers['content-range'], `bytes ${from}-${to - 1}/1000000`);
      assert.equal(part.headers['content-length'], String(to - from));
      assert.ok(part.body.equals(BIG.subarray(from, to)), range);
    }
    for (const range of ['bytes=1000000-', 'bytes=-0', 'bytes=99999999999999999999-']) {
      const none = await ask('s', { Range: range });
      assert.equal(none.status, 416, range);
      assert.equal(none.headers['content-range'], 'bytes */1000000');
      assert.equal(none.headers['cache-control'], 'no-cache');
    }
    for (const range of ['bytes=0-1,3-4', 'bytes=4-2', 'bytes=-', 'lines=0-1', 'bytes=a-b', 'bytes = 0-1']) {
      assert.equal((await ask('s', { Range: range })).status, 200, range);
    }
    assert.equal((await ask('s', { Range: 'bytes=0-1', 'If-Range': '"6"' })).status, 200);
    assert.equal((await ask('s', { 'If-None-Match': '"7"' })).status, 304);

    sent.clear();
    const head = await ask('s', { Range: 'bytes=0-1' }, 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], '1000000');
    assert.equal(head.body.length, 0);
    assert.equal(sent.get(kind) ?? 0, 0);
  });
}

test('files: outside of the folder, behind links, missing or no files at all are not there', async () => {
  const paths = ['in/link', 'out/secret', '../secret', 'in/../../secret', 'in', 'in/none', 'in/file/x', 'in/\0', ''];
  finished.length = 0;
  for (const path of [...paths, `in/${'x'.repeat(300)}`]) {
    answers.set('f', () => segment({ root, path }, 'F'));
    const { status, body, headers } = await ask('f');
    assert.equal(status, 404, path);
    assert.match(body.toString(), /no such file/);
    assert.equal(headers['cache-control'], 'no-cache');
  }
  answers.set('f', () => segment({ root: join(top, 'none'), path: 'file' }));
  assert.equal((await ask('f')).status, 404);
  await new Promise(setImmediate);
  assert.equal(finished.splice(0).filter((account) => account === 'F').length, paths.length + 1);
});

test('a file that is cut while it is sent breaks the connection off, so that nobody takes it for whole', async () => {
  const file = join(root, 'in/shrinking');
  writeFileSync(file, Buffer.alloc(40_000_000));
  answers.set('f', () => segment({ root, path: 'in/shrinking' }));
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /a/f HTTP/1.1\r\nHost: h\r\n\r\n');
  await once(socket, 'data');
  socket.pause();
  truncateSync(file, 0);
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  socket.on('error', silent);
  socket.resume();
  await once(socket, 'close');
  assert.ok(bytes < 40_000_000, `${bytes}`);
});

test('a client that leaves is charged what was sent, and an account that is cut off gets no more', async () => {
  const body = Buffer.alloc(50_000_000);
  for (const [account, bound] of [
    ['leaves', Number.POSITIVE_INFINITY],
    ['is cut', 300_000],
  ] as const) {
    bounds.set(account, bound);
    answers.set('b', () => segment(body, account));
    const socket = connect(port, '127.0.0.1');
    socket.on('error', silent);
    socket.write('GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n');
    await once(socket, 'data');
    if (account === 'leaves') socket.destroy();
    else {
      socket.resume();
      await once(socket, 'close');
    }
    await over(account);
    const sum = sent.get(account) ?? 0;
    assert.ok(sum < 50_000_000 && sum % (128 * 1024) === 0, `${sum}`);
    if (account === 'is cut') assert.equal(sum, 3 * 128 * 1024);
  }
});

test('a client that takes nothing is cut off, whatever it sends meanwhile', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  // more than the kernel takes for a client that does not read
  answers.set('long', () => segment(Buffer.alloc(64 * 1024 * 1024), 'stalled'));
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET /a/long HTTP/1.1\r\nHost: h\r\n\r\n');
  let taken = 0;
  const take = (bytes: number): Promise<void> =>
    new Promise((resolve) => {
      const until = taken + bytes;
      const onData = (data: Buffer): void => {
        taken += data.length;
        if (taken < until) return;
        socket.off('data', onData).pause();
        resolve();
      };
      socket.on('data', onData).resume();
    });
  /** The kernel takes no more: what is sent stays the same for a while. */
  const full = async (): Promise<number> => {
    for (let before = 0; ; ) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const now = sent.get('stalled') ?? 0;
      if (now > 0 && now === before) return now;
      before = now;
    }
  };
  await take(1);
  const first = await full();
  t.mock.timers.tick(9999);
  await take(16 * 1024 * 1024);
  assert.ok((await full()) > first);
  t.mock.timers.tick(9999);
  socket.write('\r\n');
  await full();
  assert.ok(!finished.includes('stalled'), 'cut off before 10 s had passed');
  // of its last piece the kernel may have taken a part
  t.mock.timers.tick(10_001);
  for (let tries = 0; tries < 100 && !finished.includes('stalled'); tries++) await new Promise(setImmediate);
  assert.ok(finished.includes('stalled'));
  socket.destroy();
});

test('OPTIONS lets ranges through, other methods are refused, a fault is 500 and logged', async () => {
  answers.set('o', () => Promise.reject(new Error('broken')));
  const preflight = await ask('o', {}, 'OPTIONS');
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers['access-control-allow-headers'] ?? '', /Range/);
  assert.equal((await ask('o', {}, 'POST')).status, 405);
  const fault = await ask('o');
  assert.equal(fault.status, 500);
  assert.deepEqual(faults.splice(0), ['a fault of the server ended a request']);
  const unknown = await ask('unknown');
  assert.equal(unknown.status, 404);
  assert.match(unknown.body.toString(), /played here are: \/a\/NAME/);
});

test('a further request while one waits for its answer closes the connection', async () => {
  const { promise, resolve } = Promise.withResolvers<HttpAnswer>();
  answers.set('w', () => promise);
  const socket = connect(port, '127.0.0.1');
  socket.on('error', silent);
  const get = 'GET /a/w HTTP/1.1\r\nHost: h\r\n\r\n';
  socket.write(get + get);
  socket.resume();
  await once(socket, 'close');
  resolve(segment(BIG, 'late'));
  await over('late');
  assert.equal(sent.get('late'), undefined);
});
