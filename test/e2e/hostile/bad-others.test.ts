/** Input over RTSP and HTTP that took other servers down, each item of the list by its name, against two player threads. */
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { HttpPlayer } from '../../support/http.ts';
import type { ListenerName } from '../../support/millrace.ts';
import { RawClient } from '../../support/raw-client.ts';
import { KEY_PICTURE, openRtsp, publishUdp, rtpPacket, SDP, sendTo } from '../../support/rtsp-attacker.ts';
import { type Attack, besiege, CALM, type Siege, startSiege } from '../../support/siege.ts';
import { fileScope, type Scope } from '../../support/temp-dir.ts';
import { poll } from '../../support/wait-for.ts';

const fault = (protocol: string, reason: string): string =>
  `millrace_peer_faults_total{protocol="${protocol}",reason="${reason}"}`;

const scope = fileScope();
let siege: Siege;

before(async () => {
  siege = await startSiege(scope, { millrace: { threads: 2 } });
});

/** Sends bytes, and gives what is answered until the connection ends. */
async function exchange(scope: Scope, port: number, bytes: Buffer | string, isTls = false): Promise<string> {
  const client = await RawClient.open(scope, port, { isTls });
  client.send(bytes);
  return client.ended();
}

/** A publisher over its connection, of one video on channels 0 and 1 and one audio on 2 and 3. */
async function publishTcp(scope: Scope, name: string) {
  const { server } = siege;
  const client = await openRtsp(scope, server.port('rtsp'));
  await client.publish(server.url('rtsp', `live/${name}`), SDP);
  return client;
}

/** It publishes still: what it sends is taken. */
async function goesOn(client: Awaited<ReturnType<typeof publishTcp>>, name: string): Promise<void> {
  const url = siege.server.url('rtsp', `live/${name}`);
  for (let i = 0; i < 3; i++) client.packet(0, rtpPacket(60_000 + i, 9e6 + i * 3000, KEY_PICTURE));
  assert.equal((await client.ask('OPTIONS', url)).status, 200);
  assert.equal((await client.ask('TEARDOWN', url)).status, 200);
  client.socket.destroy();
}

const ATTACKS: readonly Attack[] = [
  {
    name: '`..%5c<script>` in a path shown on a page',
    run: async ({ server }, scope) => {
      for (const listener of ['http', 'ws-rtsp', 'api', 'profiles'] as const) {
        for (const path of [
          '/..%5c<script>',
          '/<script>alert(1)</script>.html',
          '/lal.html/<script>',
          '/%3Cscript%3E',
        ]) {
          for (const query of ['', '?<script>', '?a="><script>']) {
            const request = `GET ${path}${query} HTTP/1.1\r\nHost: <script>\r\nConnection: close\r\n\r\n`;
            const answer = await exchange(scope, server.port(listener), request);
            const [head = '', body = ''] = answer.split('\r\n\r\n');
            const isPage = /content-type: text\/html/i.test(head);
            assert.ok(!isPage || !/<script>(?!<)/.test(body.replace(/<script type/g, '')), `${listener} ${path}`);
            assert.doesNotMatch(head, /<script>/, `${listener} ${path}`);
          }
        }
      }
    },
    named: null,
  },
  {
    name: 'an RTSP session id used on a second connection',
    run: async ({ server }, scope) => {
      const own = await publishTcp(scope, 'owned');
      const { session } = own;
      assert.ok(session);
      const url = server.url('rtsp', 'live/owned');
      for (let i = 0; i < 20; i++) {
        const thief = await openRtsp(scope, server.port('rtsp'));
        for (const method of ['TEARDOWN', 'PAUSE', 'RECORD', 'SETUP']) {
          assert.equal((await thief.ask(method, url, [['Session', session]])).status, 454);
        }
        thief.socket.destroy();
      }
      await goesOn(own, 'owned');
    },
    named: /a session serves on the connection that it was set up on/,
    counted: [fault('RTSP', 'refused')],
  },
  {
    name: 'NUL in a request line',
    run: async ({ server }, scope) => {
      await exchange(scope, server.port('rtsp'), 'OPTIONS rtsp://h/\0 RTSP/1.0\r\nCSeq: 1\r\n\r\n\0\r\n\r\n');
      await exchange(scope, server.port('rtsp'), '\0OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n');
      for (const listener of ['http', 'ws-rtsp', 'api'] as const) {
        const answer = await exchange(scope, server.port(listener), 'GET /live/a\0b.flv HTTP/1.1\r\nHost: h\r\n\r\n');
        assert.doesNotMatch(answer, /Content-Type: video/);
      }
    },
    named: /the control character 0 in a line/,
    counted: [fault('RTSP', 'other protocol'), fault('HTTP', 'malformed')],
  },
  {
    name: 'SETUP with port 0, interleaved channel 255, port 65535',
    run: async ({ server }, scope) => {
      const url = server.url('rtsp', `live/${CALM}`);
      const refused = ['client_port=0-1', 'client_port=65535-65536', 'client_port=-1-0', 'client_port=99999-100000'];
      for (const port of [...refused, 'client_port=5-5', 'client_port=', 'client_port=a-b']) {
        const client = await openRtsp(scope, server.port('rtsp'));
        assert.equal((await client.ask('DESCRIBE', url)).status, 200);
        assert.equal((await client.setup(url, 0, `RTP/AVP;unicast;${port}`)).status, 461, port);
        client.socket.destroy();
      }
      for (const channels of ['255-256', '255', '256-257', '-1-0', '3-3']) {
        const client = await openRtsp(scope, server.port('rtsp'));
        assert.equal((await client.ask('DESCRIBE', url)).status, 200);
        const { status } = await client.setup(url, 0, `RTP/AVP/TCP;unicast;interleaved=${channels}`);
        assert.equal(status, 461, channels);
        client.socket.destroy();
      }
      const client = await openRtsp(scope, server.port('rtsp'));
      assert.equal((await client.ask('DESCRIBE', url)).status, 200);
      assert.equal((await client.setup(url, 0, 'RTP/AVP/TCP;unicast;interleaved=254-255')).status, 200);
      assert.equal((await client.ask('PLAY', url)).status, 200);
      await client.until(() => client.packets.some(({ channel }) => channel === 254));
      client.socket.destroy();
    },
    named: /RTSP refused: taken are RTP\/AVP\/TCP/,
    counted: [fault('RTSP', 'refused')],
  },
  {
    name: 'huge or negative Content-Length',
    run: async ({ server }, scope) => {
      for (const length of ['-1', '999999999999999999999', '4294967296', '262145', '1e3', '0x10', '', '1, 2']) {
        const request = `ANNOUNCE rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: ${length}\r\n\r\n`;
        assert.match(await exchange(scope, server.port('rtsp'), request), /^RTSP\/1\.0 4(00|13) /, length);
      }
      for (const length of ['-1', '999999999999999999999', '1e3', '0x10']) {
        const request = `POST /api/ctrl/kick_session HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n{}`;
        assert.match(await exchange(scope, server.port('api'), request), /"error_code":1002/, length);
      }
      const large = `POST /api/ctrl/kick_session HTTP/1.1\r\nHost: h\r\nContent-Length: 4294967296\r\n\r\n{}`;
      const client = await RawClient.open(scope, server.port('api'));
      client.send(large);
      await client.until(/"error_code":1002/);
      client.leave();
    },
    named: /RTSP protocol error: (a body of|Content-Length is)/,
    counted: [fault('RTSP', 'limit'), fault('RTSP', 'malformed'), fault('API', 'malformed')],
  },
  {
    name: 'RTCP length beyond its data',
    run: async (_siege, scope) => {
      const client = await publishTcp(scope, 'rtcp');
      const reports = [
        '80c8ffff',
        '81c9ffff00000001',
        '80c80006',
        '9fcb0001',
        'bfca000000',
        '80',
        '',
        '80c80000'.repeat(300),
      ];
      for (const report of reports) client.packet(1, Buffer.from(report, 'hex'));
      // a sender report of 31 blocks that has none, a description whose item is longer than it
      client.packet(1, Buffer.from(`9fc80006${'00'.repeat(24)}`, 'hex'));
      client.packet(1, Buffer.from('81ca00020000000701ff6162', 'hex'));
      await goesOn(client, 'rtcp');
    },
    named: /"stream":"rtcp"/,
  },
  {
    name: 'invalid RTP',
    run: async ({ server }, scope) => {
      const client = await publishTcp(scope, 'rtp');
      const invalid = [
        ...['', '80', '00', `40${'00'.repeat(11)}`, `8f60${'00'.repeat(10)}`, `90600001${'00'.repeat(8)}`],
        ...[`9060000100000000000000070000ffff`, `a060000100000000000000077fff`, `a06000010000000000000007000000ff`],
        // fragments (FU-A) without their start, an aggregate (STAP-A) beyond its data, NAL units of no length
        ...['806000020000000000000007', '8060000300000000000000077c01ff', '806000040000000000000007780fff65'],
        ...['80600005000000000000000778000065', '8060000600000000000000077c', '80600007000000000000000700'],
      ];
      for (const packet of invalid) {
        for (const channel of [0, 2]) client.packet(channel, Buffer.from(packet, 'hex'));
      }
      // every sequence number at once, and the same one a thousand times
      for (let i = 0; i < 65_536; i += 64)
        client.packet(0, rtpPacket(i, i * 3000, Buffer.from([0x41, 0x9a, i & 0xff])));
      for (let i = 0; i < 1000; i++) client.packet(0, rtpPacket(7, 2 ** 32 - i, KEY_PICTURE));
      await goesOn(client, 'rtp');
      const udp = await publishUdp(scope, server.port('rtsp'), server.url('rtsp', 'live/udp'));
      for (const packet of invalid) await sendTo(udp.socket, udp.ports[0], Buffer.from(packet, 'hex'));
      assert.equal((await udp.client.ask('TEARDOWN', server.url('rtsp', 'live/udp'))).status, 200);
      udp.client.socket.destroy();
    },
    named: /an RTP packet of \d+ bytes|of version/,
  },
  {
    name: 'AAC AU-size mismatch',
    run: async (_siege, scope) => {
      const client = await publishTcp(scope, 'au');
      // AU headers in bits, then sizes: larger than what follows, smaller, none at all, of more headers than there are bytes
      const payloads = [
        '0010fff8',
        '00100008ffff',
        '00200010001001',
        '0000',
        'ffff',
        '0010',
        '001000',
        '00110008ff',
        '0008ff',
      ];
      for (const [i, payload] of payloads.entries()) {
        client.packet(2, rtpPacket(i, i * 1024, Buffer.from(payload, 'hex'), 97));
      }
      for (let i = 0; i < 2000; i++) client.packet(2, rtpPacket(100 + i, i * 1024, Buffer.from('0010fff8', 'hex'), 97));
      await goesOn(client, 'au');
    },
    named: /"stream":"au"/,
  },
  {
    name: 'plain RTSP on a TLS port, and every protocol on every other port',
    run: async ({ server }, scope) => {
      const words: Readonly<Record<string, Buffer>> = {
        rtsp: Buffer.from('OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n'),
        http: Buffer.from('GET / HTTP/1.0\r\n\r\n'),
        rtmp: Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]),
        tls: Buffer.from('1603010005010000010000', 'hex'),
        socks: Buffer.from('050100', 'hex'),
        ssh: Buffer.from('SSH-2.0-x\r\n'),
        nothing: Buffer.from('\r\n\r\n'),
      };
      const ports = ['rtmp', 'rtmps', 'rtsp', 'rtsps', 'ws-rtsp', 'http', 'https', 'profiles'] as const;
      const strike = async (listener: ListenerName, bytes: Buffer, isTls: boolean): Promise<void> => {
        await exchange(scope, server.port(listener), bytes, isTls);
      };
      await Promise.all(
        ports.flatMap((listener) => [
          ...Object.values(words).map((bytes) => strike(listener, bytes, false)),
          ...(['rtmps', 'rtsps', 'https'].includes(listener)
            ? Object.values(words).map((bytes) => strike(listener, bytes, true))
            : []),
        ]),
      );
    },
    named: /TLS handshake failed: wrong version number/,
    counted: [fault('RTSP', 'tls'), fault('RTMP', 'other protocol'), fault('RTSP', 'other protocol')],
  },
  {
    name: 'teardown while writing: RTSP players who are reset, and publishers under players',
    run: async ({ server, receiver }, scope) => {
      for (let round = 0; round < 5; round++) {
        const name = `torn-${round}`;
        const publisher = await publishTcp(scope, name);
        const flow = setInterval(() => {
          for (let i = 0; i < 20; i++) publisher.packet(0, rtpPacket(i, i * 3000, KEY_PICTURE));
        }, 5);
        scope.after(() => clearInterval(flow));
        const url = server.url('rtsp', `live/${name}`);
        const players = await Promise.all(
          Array.from({ length: 10 }, async () => {
            const client = await openRtsp(scope, server.port('rtsp'));
            await client.play(url);
            return client;
          }),
        );
        const flv = new HttpPlayer(scope, server.url('http', `live/${name}.flv`));
        await flv.head();
        for (const [i, { socket }] of players.entries()) if (i % 2 === 0) socket.resetAndDestroy();
        publisher.socket.resetAndDestroy();
        clearInterval(flow);
        for (const { socket } of players) socket.destroy();
        flv.leave();
      }
      const ends = (): number => receiver.callbacks.all.filter(({ event }) => event === 'on_pub_stop').length;
      await poll(
        'the ends',
        () => Promise.resolve(ends()),
        (count) => count >= 5,
      );
    },
    named: null,
  },
];

besiege(() => siege, ATTACKS);
