/** Many who come and say nothing, too little, or too slowly, on every port, while a publisher and players go on. */
import assert from 'node:assert/strict';
import { before } from 'node:test';
import type { ListenerName } from '../../support/millrace.ts';
import { drip, RawClient } from '../../support/raw-client.ts';
import { type Attack, besiege, type Siege, startSiege } from '../../support/siege.ts';
import { fileScope, type Scope } from '../../support/temp-dir.ts';

const PLAIN = ['rtmp', 'rtsp', 'ws-rtsp', 'http', 'api', 'profiles'] as const satisfies readonly ListenerName[];
const TLS = ['rtmps', 'rtsps', 'https'] as const satisfies readonly ListenerName[];
const WEB_SOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
const TIMED_OUT = 'millrace_peer_faults_total{protocol="RTMP",reason="timed out"}';

const scope = fileScope();
let siege: Siege;

before(async () => {
  siege = await startSiege(scope);
});

/** So many connections to a port, opened some at a time. */
async function crowd(scope: Scope, port: number, count: number, isTls = false): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const some = Math.min(100, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: some }, () => RawClient.open(scope, port, { isTls })))));
  }
  return clients;
}

/** The beginnings of what is spoken at each port: each may be sent byte by byte, and none of them ever ends. */
function beginnings(listener: ListenerName): readonly [start: string, again: string] {
  switch (listener) {
    case 'rtmp':
    case 'rtmps':
      return ['\x03', '\x00'];
    case 'rtsp':
    case 'rtsps':
      return ['OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nX-A: ', 'a'];
    default:
      return [`GET /live/calm.flv HTTP/1.1\r\nHost: h\r\n${WEB_SOCKET}X-A: `, 'a'];
  }
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'slow-loris on every port: bytes that come one by one and make nothing whole',
    run: async ({ server }, scope) => {
      const clients: RawClient[] = [];
      for (const listener of [...PLAIN, ...TLS]) {
        const isTls = (TLS as readonly string[]).includes(listener);
        for (const client of await crowd(scope, server.port(listener), 20, isTls)) {
          const [start, again] = beginnings(listener);
          drip(client, start, again, 100);
          clients.push(client);
        }
      }
      // the same behind a handshake: messages of WebSocket, chunks of RTMP, a body of the API
      for (const client of await crowd(scope, server.port('ws-rtsp'), 20)) {
        client.send(`GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${WEB_SOCKET}\r\n`);
        await client.until(/101 Switching Protocols/);
        drip(client, '\x82\xfe\xff\xff\x00\x00\x00\x00', 'a', 100);
        clients.push(client);
      }
      for (const client of await crowd(scope, server.port('rtmp'), 20)) {
        client.send(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536), Buffer.alloc(1536)]));
        drip(client, '\x03\x00\x00\x00\x00\x40\x00\x14\x00\x00\x00\x00', '\x00', 100);
        clients.push(client);
      }
      for (const client of await crowd(scope, server.port('api'), 20)) {
        client.send('POST /api/ctrl/kick_session HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n');
        drip(client, '{', ' ', 100);
        clients.push(client);
      }
      await Promise.all(clients.map((client) => client.ended()));
    },
    named: /no publish or play within 2000 ms|timeout/i,
    counted: [
      TIMED_OUT,
      ...['RTSP', 'HTTP', 'API'].map((name) => `millrace_peer_faults_total{protocol="${name}",reason="timed out"}`),
    ],
  },
  {
    name: '5,000 idle connections',
    run: async ({ server }, scope) => {
      const ports = ['rtmp', 'rtsp', 'http'] as const;
      const crowds = await Promise.all([
        ...ports.map((listener) => crowd(scope, server.port(listener), 1500)),
        ...TLS.map((listener) => crowd(scope, server.port(listener), 100, true)),
        crowd(scope, server.port('ws-rtsp'), 200),
      ]);
      const clients = crowds.flat();
      assert.equal(clients.length, 5000);
      const { error_code } = await server.api('/api/stat/lal_info');
      assert.equal(error_code, 0);
      await Promise.all(clients.map((client) => client.ended()));
    },
    named: /no publish or play within 2000 ms/,
    counted: [TIMED_OUT],
  },
  {
    name: 'more connections to the API than it takes, and to players’ ports as many as before',
    run: async ({ server }, scope) => {
      const clients = await crowd(scope, server.port('api'), 400);
      await Promise.all(clients.slice(300).map((client) => client.ended()));
      for (const client of clients) client.leave();
    },
    named: /connections to the API/,
    counted: ['millrace_refused_total{limit="max_api_connections"}'],
  },
  {
    name: 'a handshake that takes for ever, or is half done: RTMP, TLS, WebSocket; left lying, and left at once',
    run: async ({ server }, scope) => {
      const clients: RawClient[] = [];
      const halves = (listener: ListenerName, bytes: Buffer | string, count: number): Promise<void> =>
        crowd(scope, server.port(listener), count).then((some) => {
          for (const client of some) client.send(bytes);
          clients.push(...some);
        });
      const c0c1 = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]);
      // a record of a handshake that says that 16 KiB of it follow
      const hello = Buffer.from('160301400001003ffc0303', 'hex');
      await Promise.all([
        ...[Buffer.from([3]), c0c1.subarray(0, 700), c0c1].map((bytes) => halves('rtmp', bytes, 100)),
        ...TLS.map((listener) => halves(listener, hello, 100)),
        halves('http', `GET /live/calm.flv HTTP/1.1\r\nHost: h\r\n${WEB_SOCKET}`, 100),
        halves('ws-rtsp', `GET / HTTP/1.1\r\n${WEB_SOCKET}`, 100),
      ]);
      for (const [i, client] of clients.entries()) if (i % 2 === 0) client.leave();
      await Promise.all(clients.map((client) => client.ended()));
    },
    named: /TLS handshake/,
    counted: [TIMED_OUT, 'millrace_peer_faults_total{protocol="HTTP",reason="tls"}'],
  },
];

besiege(() => siege, ATTACKS);
