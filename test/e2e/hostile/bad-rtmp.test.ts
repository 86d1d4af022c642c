/** Input over RTMP that took other servers down, each item of the list by its name, against two player threads. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before } from 'node:test';
import type { AmfValue } from '../../../src/containers/flv/index.ts';
import { BadServer } from '../../support/bad-server.ts';
import { HttpPlayer } from '../../support/http.ts';
import {
  amfNumber,
  amfString,
  chunk,
  cutOff,
  message,
  openRtmp,
  publishRtmp,
  setChunkSize,
} from '../../support/rtmp-attacker.ts';
import { type Attack, besiege, CALM, type Siege, startSiege } from '../../support/siege.ts';
import { fileScope, tempDir } from '../../support/temp-dir.ts';
import { poll, withPatience } from '../../support/wait-for.ts';

const [AUDIO, VIDEO, SCRIPT, COMMAND] = [8, 9, 18, 20];
const fault = (reason: string): string => `millrace_peer_faults_total{protocol="RTMP",reason="${reason}"}`;
const KEY_PICTURE = Buffer.from('17010000000000000565888400ff', 'hex');

const scope = fileScope();
let siege: Siege;
/** Holds the folders of HLS and of records, and nothing else. */
let folder: string;

before(async () => {
  folder = tempDir(scope);
  siege = await startSiege(scope, {
    hls: { enable: true, url_pattern: '/hls/', out_path: join(folder, 'hls/'), fragment_duration_ms: 1000 },
    record: { enable_flv: true, flv_out_path: join(folder, 'records/') },
    millrace: { threads: 2 },
  });
});

/** The connection still answers. */
async function answers(client: Awaited<ReturnType<typeof openRtmp>>, transactionId: number): Promise<void> {
  client.call('createStream', transactionId);
  const answered = client.answer((command) => command.name === '_result' && command.transactionId === transactionId);
  await withPatience(answered, () => 'no answer');
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'Set Chunk Size 2^31 - 1',
    run: async ({ server }, scope) => {
      const clients = await Promise.all(
        Array.from({ length: 50 }, (_, i) => publishRtmp(scope, server.port('rtmp'), `chunk-${i}`)),
      );
      for (const client of clients) client.socket.write(setChunkSize(2 ** 31 - 1));
      await Promise.all(clients.map(cutOff));
    },
    named: /Set Chunk Size 2147483647, 1 to 16777216 allowed/,
    counted: [fault('limit')],
  },
  {
    name: 'chunk stream ids in 2- and 3-byte form',
    run: async ({ server }, scope) => {
      const client = await openRtmp(scope, server.port('rtmp'));
      await client.connectApp('live');
      for (const [i, csid] of [63, 64, 319, 320, 65_599].entries()) {
        const call = Buffer.concat([amfString('createStream'), amfNumber(10 + i), Buffer.from([5])]);
        client.socket.write(message(COMMAND, call, csid));
        await client.answer(({ transactionId }) => transactionId === 10 + i);
      }
      client.socket.destroy();
    },
    named: null,
  },
  {
    name: 'truncated AMF objects and arrays',
    run: async ({ server }, scope) => {
      const object = Buffer.concat([
        ...[Buffer.from([3]), field('app'), amfString('live'), field('list'), Buffer.from('080000000a', 'hex')],
        ...[field('x'), amfNumber(1), field('strict'), Buffer.from('0a00000003', 'hex'), amfNumber(1)],
        ...[Buffer.from('000009', 'hex'), Buffer.from('000009', 'hex')],
      ]);
      const command = Buffer.concat([amfString('connect'), amfNumber(1), object]);
      for (let length = 0; length < command.length; length += 3) {
        const client = await openRtmp(scope, server.port('rtmp'));
        client.socket.write(message(COMMAND, command.subarray(0, length)));
        await cutOff(client);
      }
      // of a publisher: what cannot be read is left out, and the rest goes on
      const publisher = await publishRtmp(scope, server.port('rtmp'), 'truncated');
      const metadata = Buffer.concat([amfString('@setDataFrame'), amfString('onMetaData'), object]);
      for (let length = 0; length < Math.min(metadata.length, 127); length++) {
        publisher.socket.write(message(SCRIPT, metadata.subarray(0, length)));
      }
      await answers(publisher, 9);
    },
    named: /RTMP protocol error/,
    counted: [fault('malformed')],
  },
  {
    name: 'commands whose optional fields are missing',
    run: async ({ server }, scope) => {
      const names = ['connect', 'createStream', 'publish', 'play', 'deleteStream', 'closeStream', 'FCPublish', 'pause'];
      for (const name of [
        ...names,
        'FCUnpublish',
        'releaseStream',
        'FCSubscribe',
        'seek',
        'getStreamLength',
        '',
        'x',
      ]) {
        for (const rest of [[], [amfNumber(5)], [amfNumber(5), Buffer.from([5])], [amfNumber(5), Buffer.from([6])]]) {
          const client = await openRtmp(scope, server.port('rtmp'));
          await client.connectApp('live');
          client.socket.write(message(COMMAND, Buffer.concat([amfString(name), ...rest])));
          client.call('createStream', 9);
          await Promise.race([
            client.answer(({ transactionId }) => transactionId === 9).catch(() => {}),
            cutOff(client),
          ]);
          client.socket.destroy();
        }
      }
    },
    named: /RTMP (refused|protocol error)/,
    counted: [fault('refused')],
  },
  {
    name: 'false where a stream name belongs',
    run: async ({ server }, scope) => {
      const values: AmfValue[] = [false, true, 0, Number.NaN, null, '', '?', '/'];
      for (const command of ['publish', 'play']) {
        for (const value of values) {
          const client = await openRtmp(scope, server.port('rtmp'));
          await client.connectApp('live');
          client.call(command, 3, value, 'live');
          const code = command === 'publish' ? 'NetStream.Publish.BadName' : 'NetStream.Play.StreamNotFound';
          await Promise.race([client.status(code).catch(() => ''), cutOff(client)]);
          assert.doesNotMatch(client.statuses().join(), /Start/, `${command} ${String(value)}`);
          await cutOff(client);
        }
      }
      const client = await openRtmp(scope, server.port('rtmp'));
      await client.connectApp('live');
      for (const name of ['FCPublish', 'FCUnpublish', 'releaseStream', 'deleteStream']) client.call(name, 4, false);
      await answers(client, 9);
      client.socket.destroy();
    },
    named: /RTMP refused: .*needs a stream name/,
    counted: [fault('refused')],
  },
  {
    name: 'timestamps over 2^32 or negative',
    run: async ({ server }, scope) => {
      const client = await publishRtmp(scope, server.port('rtmp'), 'times');
      const player = new HttpPlayer(scope, server.url('http', 'live/times.flv'));
      await player.head();
      for (const timestamp of [2 ** 32 - 1, 0, 0xffffff, 0xfffffe, 2 ** 31, 2 ** 32 - 40, 5, 2 ** 31 - 1]) {
        client.socket.write(message(VIDEO, KEY_PICTURE, 6, timestamp));
        client.socket.write(message(AUDIO, Buffer.from('af012110', 'hex'), 4, timestamp));
      }
      // deltas that go beyond: type 1 headers with an extended delta of 2^32 - 1
      for (let i = 0; i < 10; i++) {
        const head = Buffer.concat([
          Buffer.from([0x46]),
          chunk({ csid: 6, length: KEY_PICTURE.length, typeId: VIDEO }).subarray(1, 8),
        ]);
        head.fill(0xff, 1, 4);
        client.socket.write(Buffer.concat([head, Buffer.from('ffffffff', 'hex'), KEY_PICTURE]));
      }
      await answers(client, 9);
    },
    named: null,
  },
  {
    name: 'type 3 chunk with no header before it, abort in mid-message',
    run: async ({ server }, scope) => {
      for (const bytes of ['c5', 'c00a', 'c10a0a', '85000000']) {
        const client = await openRtmp(scope, server.port('rtmp'));
        client.socket.write(Buffer.from(bytes, 'hex'));
        await cutOff(client);
      }
      const client = await publishRtmp(scope, server.port('rtmp'), 'aborted');
      const abort = (csid: number): Buffer => message(2, Buffer.from([0, 0, 0, csid]), 2);
      for (let i = 0; i < 100; i++) {
        client.socket.write(chunk({ csid: 6, length: 1000, typeId: VIDEO }, Buffer.alloc(128)));
        client.socket.write(Buffer.concat([abort(6), abort(6), abort(7)]));
      }
      await answers(client, 9);
      // of a chunk stream that is none, and too short to say of which
      client.socket.write(
        Buffer.concat([message(2, Buffer.from('ffffffff', 'hex'), 2), message(2, Buffer.from([0]), 2)]),
      );
      await cutOff(client);
    },
    named: /which had no header before it/,
    counted: [fault('malformed')],
  },
  {
    name: '`..` in app or stream name that becomes a file path',
    run: async ({ server }, scope) => {
      const names = [
        ...[
          ['live', '..'],
          ['live', '../x'],
          ['..', 'x'],
          ['../..', 'x'],
          ['live', '../../../../tmp/x'],
        ],
        ...[
          ['live', '..\\x'],
          ['live', '%2e%2e%2fx'],
          ['..\\..', 'y'],
          ['live/..', 'z'],
          ['/', '/etc/passwd'],
        ],
        ...[
          ['live', 'x\0.flv'],
          ['a/../../b', 'c'],
        ],
      ] as const;
      for (const [app, name] of names) {
        const client = await openRtmp(scope, server.port('rtmp'));
        await client.connectApp(app);
        client.call('publish', 3, name, 'live');
        await withPatience(
          client.until(() => client.statuses().length > 0),
          () => 'no answer',
        );
        for (let time = 0; time < 3000; time += 500) client.socket.write(message(VIDEO, KEY_PICTURE, 6, time));
        await Promise.race([answers(client, 9).catch(() => {}), cutOff(client)]);
        client.socket.destroy();
      }
      assert.deepEqual(
        readdirSync(folder).filter((name) => name !== 'hls' && name !== 'records'),
        [],
      );
      for (const part of ['hls', 'records']) {
        for (const name of readdirSync(join(folder, part))) assert.doesNotMatch(name, /^\.\.?$|[/\\]/, part);
      }
    },
    named: /a name may not be/,
    counted: [fault('refused')],
  },
  {
    name: 'teardown while writing: players who are reset in the midst of what they are sent',
    run: async ({ server }, scope) => {
      for (let round = 0; round < 5; round++) {
        const players = Array.from(
          { length: 40 },
          (_, i) => new HttpPlayer(scope, server.url('http', `live/${CALM}.${i % 2 === 0 ? 'flv' : 'ts'}`)),
        );
        await Promise.all(players.map((player) => player.body(1000)));
        for (const player of players) player.reset();
        const clients = await Promise.all(
          Array.from({ length: 20 }, async () => {
            const client = await openRtmp(scope, server.port('rtmp'));
            await client.connectApp('live');
            client.call('play', 3, CALM);
            await client.status('NetStream.Play.Start');
            return client;
          }),
        );
        for (const client of clients) client.socket.resetAndDestroy();
      }
    },
    named: null,
  },
  {
    name: 'a relay whose target refuses, a pull from a broken source',
    run: async ({ server }, scope) => {
      const garbage = await new BadServer((socket) => void socket.write(Buffer.alloc(100_000, 0xa5))).start(scope);
      const silent = await new BadServer(() => {}).start(scope);
      const closing = await new BadServer((socket) => void socket.destroy()).start(scope);
      for (const [i, port] of [garbage.port, silent.port, closing.port, 1].entries()) {
        for (const scheme of ['rtmp', 'rtsp']) {
          const url = `${scheme}://127.0.0.1:${port}/live/broken-${i}-${scheme}`;
          const options = { pull_timeout_ms: 1000, pull_retry_num: 1, auto_stop_pull_after_no_out_ms: -1 };
          const { error_code } = await server.api('/api/ctrl/start_relay_pull', { url, ...options });
          assert.ok(error_code === 0 || error_code >= 2000, `${error_code}`);
        }
      }
      const stops = siege.receiver.callbacks;
      const isOver = (): Promise<number> =>
        Promise.resolve(stops.all.filter(({ event }) => event === 'on_relay_pull_stop').length);
      await poll('the ends of the pulls', isOver, (count) => count >= 4);
    },
    named: /broken-0/,
  },
];

/** The name of an AMF object's field. */
function field(name: string): Buffer {
  return Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name)]);
}

besiege(() => siege, ATTACKS);
