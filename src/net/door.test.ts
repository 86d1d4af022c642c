import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { makeCertificate } from '../../test/support/tls.ts';
import { poll } from '../../test/support/wait-for.ts';
import { FakeClock } from '../streams/hub.fixture.ts';
import { Allowance } from './allowance.ts';
import { guardDoor, tellOverHttp, tellOverRtsp } from './door.ts';
import { readTlsFiles } from './listen.ts';
import { Refusals } from './refusals.ts';
import { Tally } from './tally.ts';

const silent = (): void => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

function allowance(all: number, perAddress = 0): Allowance {
  const kind = {
    things: 'connections',
    all: 'max_connections',
    perAddress: 'max_connections_per_address',
  } as const;
  const refusals = new Refusals(Refusals.memory(), { log, clock: new FakeClock() });
  return new Allowance(kind, { all, perAddress }, new Tally(Tally.memory(1), 0), refusals);
}

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function opened(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', silent);
  t.after(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function answerOf(socket: Socket, request: string): Promise<string> {
  let answer = '';
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString();
  });
  const closed = once(socket, 'close');
  if (request !== '') socket.write(request);
  await closed;
  return answer;
}

test('who finds no room is closed before the server sees him, and who leaves makes room', async (t) => {
  const seen: Socket[] = [];
  const server = createServer((socket) => {
    seen.push(socket.on('error', silent));
    t.after(() => void socket.destroy());
  });
  guardDoor(server, allowance(1));
  const port = await listening(t, server);
  const first = await opened(t, port);
  assert.equal(await answerOf(await opened(t, port), ''), '');
  assert.equal(seen.length, 1);
  first.destroy();
  await poll(
    'room',
    async () => {
      await opened(t, port);
      return seen.length;
    },
    (count) => count === 2,
  );
});

test('a TLS server makes no handshake with who finds no room', async (t) => {
  const { certFile, keyFile } = makeCertificate(t);
  const server = tls.createServer(readTlsFiles({ certFile, keyFile }), (socket) => socket.on('error', silent));
  guardDoor(server, allowance(1));
  const port = await listening(t, server);
  const secure = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  t.after(() => void secure.destroy());
  await once(secure, 'secureConnect');
  assert.equal(await answerOf(await opened(t, port), 'x'), '');
});

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

for (const [status, all, perAddress] of [
  ['503 Service Unavailable', 1, 0],
  ['429 Too Many Requests', 0, 1],
] as const) {
  test(`over HTTP the reason is told: ${status}`, async (t) => {
    let requests = 0;
    const server = http.createServer((_, response) => {
      requests++;
      response.end('in');
    });
    guardDoor(server, allowance(all, perAddress), tellOverHttp('test'));
    const port = await listening(t, server);
    const first = await opened(t, port);
    const answer = await answerOf(await opened(t, port), GET);
    assert.ok(answer.startsWith(`HTTP/1.1 ${status}\r\n`), answer);
    assert.match(answer, /\r\nRetry-After: 10\r\n.*\r\n\r\n1 connections are open.*, and no more are allowed\n$/s);
    assert.equal(requests, 0);
    const [bytes] = await Promise.all([once(first, 'data'), first.write(GET)]);
    assert.match(String(bytes[0]), /^HTTP\/1.1 200 /);
  });
}

test('over RTSP the first request is answered by its number, and what is no request not at all', async (t) => {
  const server = createServer((socket) => socket.on('error', silent));
  guardDoor(server, allowance(1), tellOverRtsp());
  const port = await listening(t, server);
  await opened(t, port);
  const asked = 'OPTIONS rtsp://h/a RTSP/1.0\r\nUser-Agent: x\r\ncseq:  77 \r\n\r\n';
  const answer = await answerOf(await opened(t, port), asked);
  const status = 'RTSP/1.0 503 1 connections are open, and no more are allowed';
  assert.equal(answer, `${status}\r\nCSeq: 77\r\nRetry-After: 10\r\n\r\n`);
  for (const nonsense of [
    'x',
    GET,
    'OPTIONS * RTSP/1.0\r\nCSeq: 12345678901\r\n\r\n',
    `${'x'.repeat(4096)}\r\n${asked}`,
  ]) {
    assert.equal(await answerOf(await opened(t, port), nonsense), '', nonsense);
  }
});

test('over HTTP who says nothing is not waited for long, and of many only some are told', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const server = http.createServer();
  guardDoor(server, allowance(1), tellOverHttp('test'));
  const port = await listening(t, server);
  await opened(t, port);
  const arrivals: Promise<unknown>[] = [];
  server.on('connection', silent);
  for (let i = 0; i < 70; i++) {
    const socket = await opened(t, port);
    arrivals.push(once(socket, 'close'));
  }
  let closed = 0;
  for (const arrival of arrivals) void arrival.then(() => closed++);
  const until = async (count: number): Promise<void> => {
    while (closed < count) await new Promise(setImmediate);
  };
  await until(6);
  t.mock.timers.tick(2000);
  await until(70);
});
