/** What hostile clients do at the HTTP ports, while a publisher and players go on. */
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { HttpPlayer } from '../../support/http.ts';
import type { ListenerName } from '../../support/millrace.ts';
import { RawClient } from '../../support/raw-client.ts';
import { type Attack, besiege, CALM, type Siege, startSiege } from '../../support/siege.ts';
import { fileScope, type Scope } from '../../support/temp-dir.ts';
import { poll } from '../../support/wait-for.ts';
import { watch } from './viewer.fixture.ts';

const HTTP_PORTS = ['http', 'ws-rtsp', 'api'] as const satisfies readonly ListenerName[];
const fault = (protocol: string, reason: string): string =>
  `millrace_peer_faults_total{protocol="${protocol}",reason="${reason}"}`;
/** Marks what only a request that was smuggled in would give. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n';

const scope = fileScope();
let siege: Siege;

before(async () => {
  siege = await startSiege(scope);
});

/** A WebSocket player whose handshake is done. */
async function openWebSocket(scope: Scope, port: number, path: string): Promise<RawClient> {
  const client = await RawClient.open(scope, port);
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  client.send(`GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`);
  await client.until(/101 Switching Protocols/);
  return client;
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'HLS session guessing',
    run: async ({ server, receiver }, scope) => {
      const from = receiver.callbacks.all.length;
      const { ask, hash } = await watch(siege, scope, { connections: 20 });
      const guess = async (path: string): Promise<void> => {
        assert.equal((await ask(server.url('http', path))).status, 404, path);
      };
      const id = (n: number): string => (n * 7919).toString(16).padStart(32, '0');
      const paths = Array.from(
        { length: 3000 },
        (_, i) => `hls/${CALM}${i % 2 === 0 ? '.m3u8' : '/playlist.m3u8'}?session_id=${id(i)}`,
      );
      await Promise.all(paths.map(guess));
      // the session of another stream, part of a session, and none where one is asked for
      await guess(`hls/other.m3u8?session_id=${hash}`);
      await guess(`hls/${CALM}.m3u8?session_id=${hash.slice(0, 31)}`);
      await guess(`hls/${CALM}/${CALM}-1-1.ts`);
      await receiver.waitFor('on_sub_start', { protocol: 'HLS' }, from);
      const starts = receiver.callbacks.all.slice(from).filter(({ event }) => event === 'on_sub_start');
      assert.equal(starts.length, 1);
    },
    named: /HLS refused: there is no session/,
    counted: [fault('HLS', 'refused')],
  },
  {
    name: 'path climbing',
    run: async ({ server }, scope) => {
      const climbs = ['../', '..%2f', '%2e%2e/', '%2e%2e%2f', '..\\', '..%5c', '..%c0%af', '%252e%252e%252f', '....//'];
      const targets = ['etc/passwd', 'millrace.conf.json', 'hls/calm/playlist.m3u8'];
      for (const listener of ['http', 'api', 'profiles'] as const) {
        for (const climb of climbs) {
          for (const target of targets) {
            for (const root of ['/', '/hls/', '/hls/calm/', '/live/', '/debug/pprof/']) {
              const path = `${root}${climb.repeat(8)}${target}`;
              for (const ending of ['', '.flv', '.ts', '%00.m3u8']) {
                const client = await RawClient.open(scope, server.port(listener));
                client.send(`GET ${path}${ending} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
                const answer = await Promise.race([client.until(/Content-Type: video/), client.ended()]).catch(
                  () => '',
                );
                client.leave();
                assert.doesNotMatch(answer, /root:|conf_version|#EXTM3U/, path);
                // a player may wait for a stream of so odd a name
                const isNothing = /^HTTP\/1\.1 (302|4\d\d|200 OK[\s\S]*("error_code":404|Type: video))/.test(answer);
                assert.ok(isNothing || answer === '', `${path}${ending}: ${answer.slice(0, 200)}`);
              }
            }
          }
        }
      }
    },
    named: /HTTP refused: a name may not|HLS refused: the name/,
    counted: [fault('HTTP', 'refused')],
  },
  {
    name: 'request smuggling',
    run: async ({ server }, scope) => {
      const length = SMUGGLED.length;
      const bodies = [
        `Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        `Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        `Content-Length: 0\r\nContent-Length: ${length}\r\n\r\n${SMUGGLED}`,
        `Content-Length: 0, ${length}\r\n\r\n${SMUGGLED}`,
        `Content-Length : ${length}\r\n\r\n${SMUGGLED}`,
        `Content-Length: +${length}\r\n\r\n${SMUGGLED}`,
        `Content-Length: -1\r\n\r\n${SMUGGLED}`,
        `Content-Length: 0x${length.toString(16)}\r\n\r\n${SMUGGLED}`,
        `Content-Length: 99999999999999999999999\r\n\r\n${SMUGGLED}`,
        `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        `Transfer-Encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        `Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${SMUGGLED}`,
        `Transfer-Encoding: chunked\r\n\r\n0 \n\n${SMUGGLED}`,
        `X: y\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
        `X: y\rContent-Length: ${length}\r\n\r\n${SMUGGLED}`,
      ];
      for (const listener of HTTP_PORTS) {
        for (const method of ['GET', 'POST']) {
          for (const body of bodies) {
            const path = listener === 'api' ? '/api/stat/lal_info' : '/nothing';
            const client = await RawClient.open(scope, server.port(listener));
            client.send(`${method} ${path} HTTP/1.1\r\nHost: h\r\n${body}`);
            // ends the connection where nothing else has
            client.send('\r\n\r\nx\r\n\r\n');
            await client.ended();
            // what is no request is said to be none; but for that there is one answer
            const whole = listener === 'api' ? /"error_code":(?!1002)/g : /HTTP\/1\.1 (?!400)/g;
            const answers = client.text().match(whole)?.length ?? 0;
            assert.ok(answers <= 1, `${listener} ${JSON.stringify(body)}:\n${client.text()}`);
          }
        }
      }
      // a second request in the first one's packet, while the first one's answer never ends
      const player = await RawClient.open(scope, server.port('http'));
      player.send(`GET /live/${CALM}.flv HTTP/1.1\r\nHost: h\r\n\r\nGET /live/other.flv HTTP/1.1\r\nHost: h\r\n\r\n`);
      await player.ended();
    },
    named: /(HTTP|API) refused: /,
    counted: [fault('HTTP', 'malformed'), fault('API', 'malformed')],
  },
  {
    name: 'WebSocket frames of 2^63, and others that are none',
    run: async ({ server, receiver }, scope) => {
      const before = receiver.ofStream(CALM).filter(({ event }) => event === 'on_sub_start').length;
      const frames = [
        '82ff8000000000000000',
        '82ff7fffffffffffffff',
        '82ff0020000000000000',
        // not masked, reserved bits, an opcode that is none, a control frame in parts and one that is too long
        '820161',
        'f28100000000',
        '838000000000',
        '0980000000000980',
        '89fe007e00000000',
        // a continuation of nothing, text that is no UTF-8, a close code that is none
        '808000000000',
        '818200000000c328',
        '88820000000003e7',
      ];
      for (const path of [`/live/${CALM}.flv`, `/live/${CALM}.ts`]) {
        for (const frame of frames) {
          const client = await openWebSocket(scope, server.port('http'), path);
          client.send(Buffer.from(frame, 'hex'));
          await client.ended();
        }
      }
      // fragments without an end, and pings whose answers nobody reads
      const endless = await openWebSocket(scope, server.port('http'), `/live/${CALM}.flv`);
      endless.send(Buffer.from('02fe400000000000', 'hex'));
      endless.send(Buffer.alloc(0x4000));
      const piece = Buffer.concat([Buffer.from('00fe400000000000', 'hex'), Buffer.alloc(0x4000)]);
      for (let i = 0; i < 100; i++) endless.send(piece);
      await endless.ended();
      const pinging = await openWebSocket(scope, server.port('http'), `/live/${CALM}.flv`);
      pinging.socket.pause();
      const ping = Buffer.concat([Buffer.from('89fd00000000', 'hex'), Buffer.alloc(125)]);
      for (let i = 0; i < 20_000; i++) pinging.send(ping);
      pinging.leave();
      for (const frame of frames.slice(0, 4)) {
        const client = await openWebSocket(scope, server.port('ws-rtsp'), '/');
        client.send(Buffer.from(frame, 'hex'));
        await client.ended();
      }
      const starts = (): number => receiver.ofStream(CALM).filter(({ event }) => event === 'on_sub_start').length;
      const count = (): Promise<number> => Promise.resolve(starts());
      await poll('a start of each', count, (found) => found >= before + 2 * frames.length + 2);
    },
    named: /WebSocket error: /,
    counted: [fault('WebSocket', 'limit'), fault('WebSocket', 'malformed')],
  },
  {
    name: 'endless headers, and a request line without an end',
    run: async ({ server }, scope) => {
      const flood = async (listener: ListenerName, start: string, line: string): Promise<void> => {
        const client = await RawClient.open(scope, server.port(listener));
        client.send(start);
        const more = (): void => {
          while (client.socket.writable && client.socket.write(line)) {
            // until the server takes no more
          }
        };
        client.socket.on('drain', more);
        more();
        await client.ended();
      };
      for (const listener of [...HTTP_PORTS, 'profiles'] as const) {
        await flood(listener, 'GET / HTTP/1.1\r\nHost: h\r\n', `X-${'a'.repeat(100)}: b\r\n`.repeat(10));
        await flood(listener, 'GET / HTTP/1.1\r\nHost: h\r\nX: ', 'a'.repeat(10_000));
        await flood(listener, 'GET /', 'a'.repeat(10_000));
      }
    },
    named: /(HTTP|API) refused: .*Header overflow/i,
    counted: [fault('HTTP', 'limit')],
  },
  {
    name: 'playlists asked for as fast as one client can, and less often than one address may',
    run: async ({ server }, scope) => {
      const { ask, query } = await watch(siege, scope, { connections: 20 });
      const url = server.url('http', `hls/${CALM}.m3u8?${query}`);
      const answers = await Promise.all(Array.from({ length: 4000 }, () => ask(url)));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    },
    named: null,
  },
  {
    name: 'an HLS download broken off half-way: what was sent is counted, and the session goes on',
    run: async ({ server, receiver }, scope) => {
      const from = receiver.callbacks.all.length;
      const { ask, query } = await watch(siege, scope);
      const { body: start } = await receiver.waitFor('on_sub_start', { protocol: 'HLS' }, from);
      const playlist = (await ask(server.url('http', `hls/${CALM}.m3u8?${query}`))).text;
      const segment = playlist.split('\n').find((line) => line.includes('.ts'));
      assert.ok(segment, playlist);
      const url = new URL(segment, server.url('http', `hls/${CALM}.m3u8`)).href;
      const whole = (await ask(url)).text.length;
      const client = new HttpPlayer(scope, url);
      await client.body(1);
      client.leave();
      const { body } = await receiver.waitFor('on_sub_stop', { session_id: start['session_id'] });
      const wrote = Number(body['wrote_bytes_sum']) - playlist.length - whole;
      assert.ok(wrote > 0 && wrote <= whole, `${wrote} of ${whole}`);
    },
    named: /session stopped/,
  },
];

besiege(() => siege, ATTACKS);
