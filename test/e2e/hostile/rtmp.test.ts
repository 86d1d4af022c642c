/** What hostile peers do at the RTMP port, while a publisher and players go on. */
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { serializeAvcConfig } from '../../../src/media/avc.ts';
import { source } from '../../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../../support/flv.ts';
import { HttpPlayer } from '../../support/http.ts';
import { start } from '../../support/process.ts';
import {
  amfNumber,
  amfString,
  chunk,
  cutOff,
  message,
  nestedObjects,
  openRtmp,
  publishRtmp,
  setChunkSize,
} from '../../support/rtmp-attacker.ts';
import { type Attack, besiege, type Siege, startSiege } from '../../support/siege.ts';
import { fileScope } from '../../support/temp-dir.ts';
import { poll } from '../../support/wait-for.ts';

const [VIDEO, SCRIPT, COMMAND_AMF3, COMMAND] = [9, 18, 17, 20];
const MALFORMED = 'millrace_peer_faults_total{protocol="RTMP",reason="malformed"}';
const LIMIT = 'millrace_peer_faults_total{protocol="RTMP",reason="limit"}';

const scope = fileScope();
let siege: Siege;

before(async () => {
  siege = await startSiege(scope);
});

const ATTACKS: readonly Attack[] = [
  {
    name: 'chunk sizes of 0, 2^31 - 1, 2^31 and 2^32 - 1',
    run: async ({ server }, scope) => {
      for (const size of [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
        const client = await openRtmp(scope, server.port('rtmp'));
        client.socket.write(setChunkSize(size));
        await cutOff(client);
      }
      // the largest that is allowed: nothing is allocated for it
      const clients = await Promise.all(
        Array.from({ length: 50 }, (_, i) => publishRtmp(scope, server.port('rtmp'), `chunk-size-${i}`)),
      );
      for (const client of clients) {
        client.socket.write(setChunkSize(16 * 1024 * 1024));
        client.socket.write(chunk({ csid: 4, length: 0xffffff, typeId: VIDEO }, Buffer.alloc(1000)));
      }
      await Promise.all(
        clients.map((client) => publishRtmp(scope, server.port('rtmp'), `after-${clients.indexOf(client)}`)),
      );
    },
    named: /RTMP protocol error: .*chunk size/i,
    counted: ['millrace_peer_faults_total{protocol="RTMP"'],
  },
  {
    name: 'chunk streams by the thousand, half a message on each, on many connections',
    run: async ({ server }, scope) => {
      const streams = Array.from({ length: 2000 }, (_, i) =>
        chunk({ csid: 64 + i, length: 0x10000, typeId: VIDEO }, Buffer.alloc(128)),
      );
      const bytes = Buffer.concat(streams);
      const clients = await Promise.all(Array.from({ length: 100 }, () => openRtmp(scope, server.port('rtmp'))));
      for (const client of clients) client.socket.write(bytes);
      await Promise.all(clients.map(cutOff));
      const publisher = await publishRtmp(scope, server.port('rtmp'), 'chunk-streams');
      publisher.socket.write(bytes);
      await cutOff(publisher);
    },
    named: /half-received messages need \d+ bytes, at most \d+ allowed/,
    counted: [LIMIT],
  },
  {
    name: 'messages that never end',
    run: async ({ server }, scope) => {
      // of a peer that has not asked for a stream, and of publishers whose bytes then stop
      const early = await openRtmp(scope, server.port('rtmp'));
      early.socket.write(chunk({ csid: 4, length: 0xffffff, typeId: VIDEO }));
      await cutOff(early);
      const publishers = await Promise.all(
        ['a', 'b', 'c', 'd'].map((name) => publishRtmp(scope, server.port('rtmp'), `endless-${name}`)),
      );
      for (const client of publishers) {
        client.socket.write(chunk({ csid: 4, length: 0xfffff0, typeId: VIDEO }, Buffer.alloc(128)));
        for (let i = 0; i < 50_000; i++) client.socket.write(Buffer.concat([Buffer.from([0xc4]), Buffer.alloc(128)]));
      }
      await Promise.all(publishers.map(cutOff));
    },
    named: /a message of 16777215 bytes|timed out/,
    counted: [LIMIT, 'millrace_sessions_ended_total{protocol="RTMP",base_type="PUB",reason="timed out"'],
  },
  {
    name: 'AMF nesting: 10,000 deep in connect, publish and script data, AMF0 and AMF3',
    run: async ({ server }, scope) => {
      const nested = nestedObjects(10_000);
      const port = server.port('rtmp');
      const strike = async (name: string, typeId: number): Promise<void> => {
        const client = await openRtmp(scope, port);
        if (name !== 'connect') await client.connectApp('live');
        const lead = typeId === COMMAND_AMF3 ? [Buffer.from([0])] : [];
        client.socket.write(setChunkSize(1_000_000));
        client.socket.write(message(typeId, Buffer.concat([...lead, amfString(name), amfNumber(1), nested])));
        await cutOff(client);
      };
      for (const name of ['connect', 'publish', 'nonsense']) await strike(name, COMMAND);
      await strike('publish', COMMAND_AMF3);
      // AMF3 arrays in arrays, behind the marker that switches to it
      const amf3 = Buffer.concat([Buffer.from([0x11]), Buffer.alloc(30_000, Buffer.from([0x09, 0x03, 0x01]))]);
      const client = await openRtmp(scope, port);
      client.socket.write(setChunkSize(1_000_000));
      client.socket.write(
        message(COMMAND_AMF3, Buffer.concat([Buffer.from([0]), amfString('connect'), amfNumber(1), amf3])),
      );
      await cutOff(client);
      const publisher = await publishRtmp(scope, port, 'nested');
      publisher.socket.write(setChunkSize(1_000_000));
      publisher.socket.write(
        message(SCRIPT, Buffer.concat([amfString('@setDataFrame'), amfString('onMetaData'), nested])),
      );
      publisher.call('createStream', 7);
      await Promise.race([publisher.answer(({ transactionId }) => transactionId === 7), cutOff(publisher)]);
    },
    named: /nest|deep|level/i,
    counted: ['millrace_peer_faults_total{protocol="RTMP"'],
  },
  {
    name: 'AMF lengths of 2^32 - 1: arrays and long strings without their contents',
    run: async ({ server }, scope) => {
      const huge = Buffer.from('ffffffff', 'hex');
      for (const marker of [8, 10, 12]) {
        const client = await openRtmp(scope, server.port('rtmp'));
        const value = Buffer.concat([Buffer.from([marker]), huge]);
        client.socket.write(message(COMMAND, Buffer.concat([amfString('connect'), amfNumber(1), value])));
        await cutOff(client);
      }
    },
    named: /RTMP protocol error/,
    counted: [MALFORMED],
  },
  {
    name: 'SPS with absurd sizes',
    run: async ({ server }, scope) => {
      for (const [i, sps] of absurdSps().entries()) {
        const name = `sps-${i}`;
        const client = await publishRtmp(scope, server.port('rtmp'), name);
        const config = serializeAvcConfig({
          kind: 'video',
          codec: 'H264',
          sps: [sps],
          pps: [PPS],
          width: 0,
          height: 0,
        });
        client.send({
          ...{ type: 'video', streamId: 1, timestamp: 0 },
          payload: Buffer.concat([Buffer.from('1700000000', 'hex'), config]),
        });
        for (let time = 0; time < 4000; time += 500) {
          const payload = Buffer.from('17010000000000000565888400ff', 'hex');
          client.send({ type: 'video', streamId: 1, timestamp: time, payload });
        }
        client.call('createStream', 7);
        await client.answer(({ transactionId }) => transactionId === 7);
        const { data } = await server.api(`/api/stat/group?stream_name=${name}`);
        assert.deepEqual([data?.['video_width'], data?.['video_height']], [0, 0]);
        client.socket.destroy();
      }
    },
    // a picture without a known size is carried as it is: players' decoders decide
    named:
      /"stream":"sps-1".*the SPS cannot be read, the size of the picture is not known: .* is 1113025, at most 139264/,
    counted: [MALFORMED],
  },
  {
    name: 'timestamps that jump by years',
    run: async ({ server }, scope) => {
      const client = await publishRtmp(scope, server.port('rtmp'), 'years');
      const player = new HttpPlayer(scope, server.url('http', 'live/years.flv'));
      await player.head();
      const config = serializeAvcConfig({ kind: 'video', codec: 'H264', sps: [SPS], pps: [PPS], width: 0, height: 0 });
      client.send({
        ...{ type: 'video', streamId: 1, timestamp: 0 },
        payload: Buffer.concat([Buffer.from('1700000000', 'hex'), config]),
      });
      const jumps = [
        0,
        2 ** 31,
        10_000,
        2 ** 32 - 50,
        2 ** 31 - 1,
        5,
        2 ** 30,
        2 ** 30 - 86_400_000,
        0xffffff,
        100_000,
      ];
      let sent = 0;
      for (let round = 0; round < 20; round++) {
        for (const jump of jumps) {
          for (let i = 0; i < 5; i++) {
            const payload = Buffer.from(`${i === 0 ? '17' : '27'}010000000000000565888400ff`, 'hex');
            client.send({ type: 'video', streamId: 1, timestamp: (jump + i * 33) % 2 ** 32, payload });
            sent++;
          }
        }
      }
      const tags = () =>
        readFlv(player.bodyNow()).filter(({ type, isSequenceHeader }) => type === 'video' && !isSequenceHeader);
      await poll(
        'all pictures',
        () => Promise.resolve(tags().length),
        (length) => length === sent,
      );
      assertSteadyTime(tags(), 60_000);
      const span = (tags().at(-1)?.timestamp ?? 0) - (tags()[0]?.timestamp ?? 0);
      assert.ok(span < 60_000, `${span} ms`);
    },
    named: /its clock jumped/,
    errors: /HLS segments are lost/,
    counted: ['millrace_time_jumps_total'],
  },
  {
    name: 'a publisher that sends as fast as it can',
    run: async ({ server, receiver }, scope) => {
      const input = ['-v', 'error', '-stream_loop', '3', '-i', source('h264-640x360'), '-c', 'copy'];
      const url = server.url('rtmp', 'live/fast');
      const { finished } = start(scope, 'ffmpeg', [...input, '-f', 'flv', url]);
      await receiver.waitFor('on_pub_start', { stream_name: 'fast' });
      const player = new HttpPlayer(scope, server.url('http', 'live/fast.flv'));
      await player.head();
      player.pause();
      await finished;
      await receiver.waitFor('on_pub_stop', { stream_name: 'fast' });
    },
    named: /fast/,
    // segments come faster than they are written: those that are too many are left out
    errors: /HLS segments are lost/,
    counted: ['millrace_received_bytes_total'],
  },
];

/** 640x360, as x264 writes them. */
const SPS = Buffer.from('Z0LADdoFB+wEQAAAAwBAAAAPA8UKqA==', 'base64');
const PPS = Buffer.from('aM4PyA==', 'base64');

/** Sequence parameter sets of pictures that there cannot be: too large, cropped away, of 2^32 reference frames. */
function absurdSps(): Buffer[] {
  const ue = (value: number): string => {
    const bits = (value + 1).toString(2);
    return '0'.repeat(bits.length - 1) + bits;
  };
  const sps = (refFrames: number, width: number, height: number, crop: readonly number[]): Buffer => {
    const cropping = crop.length === 0 ? '0' : `1${crop.map(ue).join('')}`;
    // id, frame_num, picture order 2, reference frames, gaps, sizes, frames only, direct inference, cropping, no VUI, stop
    const bits = `${ue(0)}${ue(0)}${ue(2)}${ue(refFrames)}0${ue(width)}${ue(height)}11${cropping}01`;
    const bytes = bits.match(/.{1,8}/g)?.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)) ?? [];
    return Buffer.from([0x67, 66, 0, 30, ...bytes]);
  };
  const most = 2 ** 32 - 2;
  return [
    sps(1, most, most, []),
    sps(1, 1054, 1054, []),
    sps(1, 39, 22, [most, most, most, most]),
    sps(most, 39, 22, []),
    Buffer.concat([Buffer.from([0x67, 66, 0, 30]), Buffer.alloc(60_000)]),
  ];
}

besiege(() => siege, ATTACKS);
