/** Tests of the API's server: methods, bodies, nonsense, and its start and end. */
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { FaultLog } from '../net/index.ts';
import type { Log } from '../streams/index.ts';
import { bench, CORS, IDLE, PAGE_NOT_FOUND, PARAM_MISSING, raw } from './api-bench.fixture.ts';
import { createApiServer } from './index.ts';

test('a body is JSON whatever its type is said to be, sent whole or in chunks', async (t) => {
  const { ask } = await bench(t);
  const body = '{"stream_name":"test110","session_id":"RTMPPUBSUB1","more":{"x":[1]}}';
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'nonsense',
    ';;',
    '',
  ]) {
    const reply = await ask('POST', '/api/ctrl/kick_session', body, { 'Content-Type': type });
    assert.equal(reply.body, '{"error_code":0,"desp":"succ"}', type);
  }
  const inChunks = await ask('POST', '/api/ctrl/kick_session', body, {
    'Transfer-Encoding': 'chunked',
  });
  assert.equal(inChunks.body, '{"error_code":0,"desp":"succ"}');
});

test('what is no endpoint is answered with 404 in the body, by every method', async (t) => {
  const { ask } = await bench(t);
  const paths = [
    '/',
    '/api',
    '/api/stat/nope',
    '/api/stat/group/',
    '/api/stat/Group',
    '/lal.html',
    '/%zz',
    '/%',
    '/a?b=c',
    '//',
  ];
  for (const path of paths) {
    const { status, headers, body } = await ask('GET', path);
    assert.equal(status, 200, path);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(body, PAGE_NOT_FOUND, path);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
    const { status, body } = await ask(method, '/api/stat/nope', 'x', { 'Content-Type': ';;' });
    assert.equal(status, 200, method);
    assert.equal(body, PAGE_NOT_FOUND, method);
  }
  assert.equal((await ask('PUT', '/api/stat/lal_info', '{}')).body, PAGE_NOT_FOUND);
});

test('HEAD has the headers of GET and no body', async (t) => {
  const { ask } = await bench(t);
  for (const path of ['/api/stat/lal_info', '/api/stat/group?stream_name=nope', '/nope']) {
    const get = await ask('GET', path);
    const head = await ask('HEAD', path);
    assert.equal(head.status, 200);
    assert.equal(head.body, '');
    assert.deepEqual({ ...head.headers, date: '' }, { ...get.headers, date: '' }, path);
  }
});

test('a browser’s preflight is let through', async (t) => {
  const { ask, kicks } = await bench(t);
  const { status, headers, body } = await ask('OPTIONS', '/api/ctrl/kick_session', undefined, {
    Origin: 'http://console.example',
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'content-type',
  });
  assert.equal(status, 200);
  for (const [name, value] of Object.entries(CORS)) assert.equal(headers[name], value);
  assert.equal(headers['access-control-allow-methods'], 'GET, HEAD, POST, OPTIONS');
  assert.equal(body, '{"error_code":0,"desp":"succ"}');
  assert.deepEqual(kicks, []);
});

test('a body over 1 MiB is refused, one of 1 MiB is read', async (t) => {
  const { ask, raw } = await bench(t);
  const sized = (bytes: number): string => {
    const head = '{"stream_name":"test110","filler":"';
    return `${head}${'x'.repeat(bytes - head.length - 2)}"}`;
  };
  assert.match((await ask('POST', '/api/stat/group', sized(1024 * 1024))).body, /^\{"error_code":0/);
  const head = 'POST /api/stat/group HTTP/1.1\r\nHost: a\r\n';
  const tooLong = await raw(`${head}Content-Length: 1048577\r\n\r\n`);
  assert.match(tooLong, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(tooLong, /\r\n\r\n\{"error_code":1002,"desp":"param missing","data":null\}$/);
});

test('what is no HTTP is answered in the envelope, and the connection closed', async (t) => {
  const { raw, ask } = await bench(t);
  const requests = [
    'nonsense\r\n\r\n',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /api/stat/group HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
    'POST /api/stat/group HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n',
    'POST /api/stat/group HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    `GET /api/stat/group?stream_name=${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  ];
  for (const request of requests) {
    const answer = await raw(request);
    const name = request.slice(0, 60);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/, name);
    assert.match(answer, /\r\nAccess-Control-Allow-Origin: \*\r\n/i, name);
    assert.match(answer, /\r\nServer: millrace\/1\.2\.3\r\n/i, name);
    assert.ok(answer.endsWith(`\r\n\r\n${PARAM_MISSING}`), `${name}: ${answer}`);
  }
  assert.match((await ask('GET', '/api/stat/lal_info')).body, /^\{"error_code":0/);
});

test('old and unusual HTTP is understood: no Host, HTTP/1.0, a whole URL, requests in a row', async (t) => {
  const { raw } = await bench(t);
  const success = /^HTTP\/1\.1 200 OK\r\n.*\{"error_code":0/s;
  assert.match(await raw('GET /api/stat/lal_info HTTP/1.1\r\nConnection: close\r\n\r\n'), success);
  assert.match(await raw('GET /api/stat/lal_info HTTP/1.0\r\n\r\n'), success);
  assert.match(
    await raw('GET http://h:1/api/stat/lal_info HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n'),
    success,
  );
  const one = 'GET /api/stat/lal_info HTTP/1.1\r\nHost: a\r\n';
  const two = await raw(`${one}\r\n${one}Connection: close\r\n\r\n`);
  assert.equal(two.split('"error_code":0').length, 3);
});

test('an endpoint that fails is answered in the envelope and logged', async (t) => {
  const { ask, logged } = await bench(t, {
    lalInfo: () => {
      throw new Error('torn');
    },
    group: () => {
      throw new Error('torn too');
    },
  });
  const reply = await ask('GET', '/api/stat/lal_info');
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['content-type'], 'application/json');
  assert.equal(reply.body, '{"error_code":500,"desp":"internal error"}');
  assert.equal(
    (await ask('GET', '/api/stat/group?stream_name=a')).body,
    '{"error_code":500,"desp":"internal error","data":null}',
  );
  assert.deepEqual(
    logged.map(([level, fields]) => [level, 'path' in fields && fields.path]),
    [
      ['error', '/api/stat/lal_info'],
      ['error', '/api/stat/group'],
    ],
  );
});

test('a port in use is an error that names the port', async (t) => {
  const { port } = await bench(t);
  const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
  const second = createApiServer(IDLE, {
    host: '127.0.0.1',
    port,
    serverName: 'x',
    log,
    faults: new FaultLog(log),
    token: '',
  });
  await assert.rejects(second.listen(), new RegExp(`127\\.0\\.0\\.1:${port}: the port is in use`));
  await second.close();
});

test('without a host every address is listened on', async (t) => {
  const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
  const server = createApiServer(IDLE, { port: 0, serverName: 'x', log, faults: new FaultLog(log), token: '' });
  t.after(() => server.close());
  const { port } = await server.listen();
  assert.match(await raw(port, 'GET /api/stat/lal_info HTTP/1.0\r\n\r\n'), /"error_code":0/);
});

test('close ends idle, silent and half-spoken connections at once, and frees the port', async (t) => {
  const { port, close } = await bench(t);
  const connect = (first: string): { spoken: Promise<void>; closed: Promise<void> } => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(first));
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    return { spoken: new Promise((resolve) => socket.once('connect', () => resolve())), closed };
  };
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', path: '/api/stat/lal_info', agent }, resolve).on('error', reject);
  });
  const idleClosed = new Promise<void>((resolve) => response.socket.once('close', () => resolve()));
  response.resume();
  const others = [connect(''), connect('POST /api/stat/group HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{')];
  await Promise.all(others.map(({ spoken }) => spoken));
  // An answer on a later connection proves that the server has accepted the earlier ones.
  assert.match(await raw(port, 'GET /api/stat/lal_info HTTP/1.0\r\n\r\n'), /"error_code":0/);
  await close();
  await Promise.all([idleClosed, ...others.map(({ closed }) => closed)]);
  await assert.rejects(raw(port, ''), /ECONNREFUSED/);
  await close();
});
