/** What hostile peers do at the RTSP port and the UDP ports, and players who never read, while a publisher and players go on. */
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { serializeAvcConfig } from '../../../src/media/avc.ts';
import { digestResponse, serializeDigest } from '../../../src/wire/rtsp/auth.ts';
import { HttpPlayer } from '../../support/http.ts';
import { RawClient } from '../../support/raw-client.ts';
import { openRtmp, publishRtmp } from '../../support/rtmp-attacker.ts';
import {
  cutOffRtsp,
  KEY_PICTURE,
  openRtsp,
  PPS,
  publishUdp,
  rtpPacket,
  SPS,
  sendTo,
  udpSocket,
} from '../../support/rtsp-attacker.ts';
import { type Attack, besiege, CALM, type Siege, startSiege } from '../../support/siege.ts';
import { fileScope } from '../../support/temp-dir.ts';
import { poll, withPatience } from '../../support/wait-for.ts';

const FOREIGN = 'millrace_refused_total{limit="foreign_packets"}';
const fault = (reason: string): string => `millrace_peer_faults_total{protocol="RTSP",reason="${reason}"}`;
const LOGIN = { username: 'user', password: 'p4ss', realm: 'millrace', algorithm: 'MD5' } as const;
const CALM_TRACKS = 2;
/** Of nothing received (RFC 3550 6.4.2). */
const RECEIVER_REPORT = Buffer.from('80c9000100000007', 'hex');

const scope = fileScope();
let siege: Siege;

before(async () => {
  const { username, password } = LOGIN;
  siege = await startSiege(scope, { rtsp: { auth_enable: true, auth_method: 1, username, password } });
});

async function readBytesOf(streamName: string): Promise<number> {
  const { data } = await siege.server.api(`/api/stat/group?stream_name=${streamName}`);
  return (data as { pub: { read_bytes_sum: number } } | null)?.pub.read_bytes_sum ?? -1;
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'RTP floods to the UDP ports of an RTSP publisher, from foreign addresses and ports',
    run: async ({ server }, scope) => {
      const { socket, ports, client } = await publishUdp(
        scope,
        server.port('rtsp'),
        server.url('rtsp', 'live/flooded'),
      );
      // of its address those ports are heard that speak first
      await sendTo(socket, ports[1], RECEIVER_REPORT);
      for (let i = 0; i < 10; i++) await sendTo(socket, ports[0], rtpPacket(i, i * 3000, KEY_PICTURE));
      const before = await poll(
        'its packets',
        () => readBytesOf('flooded'),
        (bytes) => bytes > 0,
      );
      const packet = rtpPacket(100, 1e9, Buffer.alloc(1000, 0x65));
      for (const address of ['127.0.0.1', '127.0.0.2', '127.1.2.3']) {
        const foreign = await udpSocket(scope, address);
        for (let i = 0; i < 3000; i++) await sendTo(foreign, ports[i % 2 === 0 ? 0 : 1], packet);
      }
      const bytes = await readBytesOf('flooded');
      assert.ok(bytes < before + 3000, `${before}, then ${bytes} bytes`);
      // the kernel may have lost some in the flood; who it was for still hears its own peer
      await poll(
        'its packets after the flood',
        async () => {
          await sendTo(socket, ports[0], rtpPacket(20, 20 * 3000, KEY_PICTURE));
          return readBytesOf('flooded');
        },
        (now) => now > bytes,
      );
      client.socket.destroy();
    },
    named: /a packet of another than the peer is dropped/,
    counted: [FOREIGN],
  },
  {
    name: 'RTP floods to a GB28181 port, from foreign addresses',
    run: async ({ server }, scope) => {
      const { data } = await server.api('/api/ctrl/start_rtp_pub', { stream_name: 'camera', timeout_ms: 60_000 });
      const port = Number(data?.['port']);
      const camera = await udpSocket(scope);
      const send = (n: number): Promise<void> => sendTo(camera, port, rtpPacket(n, n * 3600, Buffer.alloc(100, 0xff)));
      for (let i = 0; i < 10; i++) await send(i);
      const before = await poll(
        'its packets',
        () => readBytesOf('camera'),
        (bytes) => bytes > 0,
      );
      const junk = [rtpPacket(9, 1e9, Buffer.alloc(1200)), Buffer.alloc(1400, 0xa5), Buffer.alloc(3)];
      for (const address of ['127.0.0.2', '127.0.0.3']) {
        const foreign = await udpSocket(scope, address);
        for (let i = 0; i < 5000; i++) await sendTo(foreign, port, junk[i % junk.length] ?? Buffer.alloc(1));
      }
      const bytes = await readBytesOf('camera');
      assert.ok(bytes < before + 3000, `${before}, then ${bytes} bytes`);
      await server.api('/api/ctrl/kick_session', { stream_name: 'camera', session_id: data?.['session_id'] });
    },
    named: /"strangers":\d{3,}.*PS port closed/,
    counted: [FOREIGN],
  },
  {
    name: 'digest replay, and passwords guessed',
    run: async ({ server }, scope) => {
      const port = server.port('rtsp');
      const url = server.url('rtsp', `live/${CALM}`);
      const own = await openRtsp(scope, port);
      const nonce = await nonceFor(own, url);
      assert.equal((await own.ask('DESCRIBE', url, [proof(url, nonce)])).status, 200);
      for (let i = 0; i < 20; i++) {
        const thief = await openRtsp(scope, port);
        const replayed = await thief.ask('DESCRIBE', url, [proof(url, nonce)]);
        assert.equal(replayed.status, 401);
        assert.match(replayed.headers.get('WWW-Authenticate') ?? '', /stale=true/);
        thief.socket.destroy();
      }
      const guesser = await openRtsp(scope, port);
      for (let i = 0; i < 10; i++) await guesser.ask('DESCRIBE', url, [proof(url, nonce, `guess ${i}`)]);
      await cutOffRtsp(guesser);
    },
    named: /RTSP refused: a digest of another connection or time/,
    counted: [fault('refused')],
  },
  {
    name: 'the failing path of authentication: proofs that are none',
    run: async ({ server }, scope) => {
      const url = server.url('rtsp', `live/${CALM}`);
      const none = [
        '',
        'Basic',
        'Basic !',
        'Basic dXNlcjpwNHNz',
        'Digest',
        'Digest =',
        'Digest username="user',
        'Bearer x',
      ];
      const empty = ['Digest username="", realm="", nonce="", uri="", response=""', `Digest ${'a=b, '.repeat(2000)}`];
      const qop = `Digest username="user", realm="millrace", nonce="x", uri="${url}", qop=auth-int, response="0"`;
      for (const header of [
        ...none,
        ...empty,
        qop,
        qop.replace('auth-int', 'auth'),
        `Digest algorithm=MD9, ${qop.slice(7)}`,
      ]) {
        const client = await openRtsp(scope, server.port('rtsp'));
        for (let i = 0; i < 10; i++) {
          assert.equal((await client.ask('DESCRIBE', url, [['Authorization', header]])).status, 401, header);
        }
        await cutOffRtsp(client);
      }
    },
    named: /RTSP refused: a wrong name or password/,
    counted: [fault('refused')],
  },
  {
    name: 'an RTSP session id used on a second connection',
    run: async ({ server }, scope) => {
      const url = server.url('rtsp', `live/${CALM}`);
      const own = await openRtsp(scope, server.port('rtsp'));
      const login = proof(url, await nonceFor(own, url));
      assert.equal((await own.ask('DESCRIBE', url, [login])).status, 200);
      await own.setup(url, 0, 'RTP/AVP/TCP;unicast;interleaved=0-1');
      assert.equal((await own.ask('PLAY', url)).status, 200);
      const { session } = own;
      assert.ok(session);
      const thief = await openRtsp(scope, server.port('rtsp'));
      for (const method of ['PLAY', 'PAUSE', 'TEARDOWN', 'SETUP', 'GET_PARAMETER', 'RECORD']) {
        assert.equal((await thief.ask(method, url, [['Session', session]])).status, 454, method);
      }
      thief.socket.destroy();
      const before = own.packets.length;
      await withPatience(
        own.until(() => own.packets.length > before + 20),
        () => 'the packets have ceased',
      );
      own.socket.destroy();
    },
    named: /a session serves on the connection that it was set up on/,
    counted: [fault('refused')],
  },
  {
    name: 'TEARDOWN while media flows: of players and publishers, answered, ignored and broken off',
    run: async ({ server }, scope) => {
      const url = server.url('rtsp', `live/${CALM}`);
      for (const end of ['answered', 'broken off', 'played again', 'twice'] as const) {
        const client = await openRtsp(scope, server.port('rtsp'));
        const login = proof(url, await nonceFor(client, url));
        const play = async (): Promise<void> => {
          assert.equal((await client.ask('DESCRIBE', url, [login])).status, 200);
          for (let i = 0; i < CALM_TRACKS; i++) {
            await client.setup(url, i, `RTP/AVP/TCP;unicast;interleaved=${i * 2}-${i * 2 + 1}`);
          }
          assert.equal((await client.ask('PLAY', url)).status, 200);
        };
        await play();
        const before = client.packets.length;
        await withPatience(
          client.until(() => client.packets.length > before),
          () => 'no packets',
        );
        if (end === 'broken off') {
          client.socket.write(client.bytes('TEARDOWN', url));
          client.socket.destroy();
          continue;
        }
        assert.equal((await client.ask('TEARDOWN', url)).status, 200);
        client.session = null;
        if (end === 'played again') await play();
        else if (end === 'twice') assert.equal((await client.ask('TEARDOWN', url)).status, 454);
        else {
          // nothing flows behind the answer
          const { length } = client.packets;
          assert.equal((await client.ask('OPTIONS', url)).status, 200);
          assert.equal(client.packets.length, length);
        }
        client.socket.destroy();
      }
      const publisher = await publishUdp(scope, server.port('rtsp'), server.url('rtsp', 'live/torn'));
      const flow = setInterval(
        () => void sendTo(publisher.socket, publisher.ports[0], rtpPacket(1, 1, KEY_PICTURE)),
        1,
      );
      scope.after(() => clearInterval(flow));
      assert.equal((await publisher.client.ask('TEARDOWN', server.url('rtsp', 'live/torn'))).status, 200);
      publisher.client.socket.destroy();
    },
    named: null,
  },
  {
    name: 'a player that never reads: over RTSP, RTMP, HTTP-FLV and WebSocket; others of the same stream go on',
    run: async ({ server, receiver }, scope) => {
      const publisher = await publishRtmp(scope, server.port('rtmp'), 'unread');
      const config = serializeAvcConfig({ kind: 'video', codec: 'H264', sps: [SPS], pps: [PPS], width: 0, height: 0 });
      publisher.send({
        ...{ type: 'video', streamId: 1, timestamp: 0 },
        payload: Buffer.concat([Buffer.from('1700000000', 'hex'), config]),
      });
      const picture = Buffer.concat([Buffer.from('17010000000003000065', 'hex'), Buffer.alloc(0x30000 - 1, 0xff)]);
      let time = 0;
      const flow = setInterval(() => {
        publisher.send({ type: 'video', streamId: 1, timestamp: time, payload: picture });
        time += 40;
      }, 40);
      scope.after(() => clearInterval(flow));

      const reader = await RawClient.open(scope, server.port('http'));
      let taken = 0;
      reader.socket.removeAllListeners('data').on('data', (bytes: Buffer) => {
        taken += bytes.length;
      });
      reader.send('GET /live/unread.flv HTTP/1.1\r\nHost: h\r\n\r\n');
      const flv = new HttpPlayer(scope, server.url('http', 'live/unread.flv'));
      await flv.head();
      flv.pause();
      const webSocket = await RawClient.open(scope, server.port('http'));
      const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
      webSocket.send(
        `GET /live/unread.ts HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`,
      );
      await webSocket.until(/101/);
      webSocket.socket.pause();
      const rtmp = await openRtmp(scope, server.port('rtmp'));
      await rtmp.connectApp('live');
      rtmp.call('play', 3, 'unread');
      await rtmp.status('NetStream.Play.Start');
      rtmp.socket.pause();
      const url = server.url('rtsp', 'live/unread');
      const rtsp = await openRtsp(scope, server.port('rtsp'));
      assert.equal((await rtsp.ask('DESCRIBE', url, [proof(url, await nonceFor(rtsp, url))])).status, 200);
      await rtsp.setup(url, 0, 'RTP/AVP/TCP;unicast;interleaved=0-1');
      assert.equal((await rtsp.ask('PLAY', url)).status, 200);
      rtsp.socket.pause();

      for (const protocol of ['FLV', 'TS', 'RTMP', 'RTSP']) {
        const { headers } = await receiver.waitFor('on_sub_stop', { protocol, stream_name: 'unread' });
        assert.match(String(headers['millrace-reason']), /too slow|timed out/);
      }
      const before = taken;
      await poll(
        'bytes of the one who reads',
        () => Promise.resolve(taken),
        (now) => now > before + 1_000_000,
      );
      const { data } = await server.api('/api/stat/group?stream_name=unread');
      assert.equal((data as { subs: unknown[] }).subs.length, 1);
      clearInterval(flow);
      publisher.socket.destroy();
    },
    named: /too slow|timed out/,
    // segments of so large pictures may be too many for the disk
    errors: /HLS segments are lost/,
    counted: ['millrace_dropped_frames_total{protocol="RTSP"', 'millrace_dropped_frames_total{protocol="RTMP"'],
  },
  {
    name: 'endless headers, and interleaved packets without end that nobody asked for',
    run: async ({ server }, scope) => {
      for (const line of [`X-${'a'.repeat(100)}: b\r\n`, 'a'.repeat(1000)]) {
        const client = await RawClient.open(scope, server.port('rtsp'));
        client.send('OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nX: ');
        for (let i = 0; i < 1000; i++) client.send(line);
        await client.ended();
      }
      const stray = await RawClient.open(scope, server.port('rtsp'));
      const packet = Buffer.concat([Buffer.from('2409ffff', 'hex'), Buffer.alloc(0xffff)]);
      for (let i = 0; i < 200; i++) stray.send(packet);
      await stray.ended();
    },
    named: /RTSP protocol error: .*bytes/,
    counted: [fault('limit'), fault('timed out')],
  },
];

/** What the server challenges this connection with. */
async function nonceFor(client: Awaited<ReturnType<typeof openRtsp>>, url: string): Promise<string> {
  const challenge = await client.ask('DESCRIBE', url);
  assert.equal(challenge.status, 401);
  return /nonce="([^"]+)"/.exec(challenge.headers.get('WWW-Authenticate') ?? '')?.[1] ?? '';
}

/** The header that proves the password for DESCRIBE. */
function proof(url: string, nonce: string, password: string = LOGIN.password): ['Authorization', string] {
  const qop = { nc: '00000001', cnonce: 'c' };
  const response = digestResponse({ ...LOGIN, password, nonce, uri: url, method: 'DESCRIBE', qop });
  const named = { username: LOGIN.username, realm: LOGIN.realm, nonce, uri: url, response, cnonce: qop.cnonce };
  return ['Authorization', serializeDigest(named, { algorithm: LOGIN.algorithm, qop: 'auth', nc: qop.nc })];
}

besiege(() => siege, ATTACKS);
