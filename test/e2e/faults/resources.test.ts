/** What a machine runs out of: file descriptors, and memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setInterval as every } from 'node:timers/promises';
import { TestClient } from '../../../src/protocols/rtmp/client.fixture.ts';
import { startFaulty } from '../../support/faults.ts';
import { publish } from '../../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../../support/flv.ts';
import { HttpPlayer } from '../../support/http.ts';
import type { Millrace } from '../../support/millrace.ts';
import { startReceiver } from '../../support/receiver.ts';
import { OrderedScope, type Scope } from '../../support/temp-dir.ts';
import { poll } from '../../support/wait-for.ts';

const MIB = 1024 * 1024;

test('no descriptor is left: who plays goes on, events wait, records, segments and pulls fail by themselves, and all is well with the next free ones', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  const receiver = await startReceiver(own);
  const { server, limitDescriptors } = await startFaulty(own, {
    http_notify: receiver.config(),
    hls: { enable: true, out_path: './hls/', fragment_duration_ms: 1000, fragment_num: 30 },
    record: { enable_flv: true, flv_out_path: './flv/' },
    millrace: { notify: receiver.ownConfig(), record: { split_duration_sec: 1 } },
  });
  const publisher = publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
  const other = publish(own, server.url('rtmp', 'live/other'), 'h264-640x360');
  const player = new HttpPlayer(own, server.url('http', 'live/tv.flv'));
  await player.body(10_000);
  await receiver.waitFor('on_record_start', { stream_name: 'tv' });
  const playlist = async (): Promise<string> => (await fetch(server.url('http', 'hls/tv.m3u8'))).text();
  await poll('two segments', playlist, (text) => (text.match(/#EXTINF/g)?.length ?? 0) >= 2);
  const pull = { url: 'rtmp://127.0.0.1:1/live/x', pull_retry_num: -1 };
  assert.equal((await server.api('/api/ctrl/start_relay_pull', pull)).error_code, 0);

  limitDescriptors(1);
  const from = server.log.all.length;
  const said = (what: RegExp, field: string, why: RegExp) =>
    server.log.waitFor(String(what), (line) => what.test(line.msg) && why.test(String(line[field])), from);
  await said(/^a record failed/, 'failure', /EMFILE/);
  await said(/^HLS segments are lost/, 'reason', /EMFILE/);
  await said(/^a pull failed and is tried again/, 'why', /EMFILE/);
  await player.body(player.received + 100_000);
  await other.stop();

  limitDescriptors(1024);
  await receiver.waitFor('on_pub_stop', { stream_name: 'other' });
  const again = server.log.all.length;
  await server.log.waitFor(
    'the pull has a descriptor',
    ({ msg, why }) => /^a pull failed/.test(msg) && /ECONNREFUSED/.test(String(why)),
    again,
  );
  const behindGap = /#EXT-X-DISCONTINUITY\n#EXTINF/;
  await poll('a segment behind the gap', playlist, (text) => behindGap.test(text));
  assertSteadyTime(readFlv(player.bodyNow()), 100);
  const before = receiver.callbacks.all.length;
  await publisher.stop();
  publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
  await receiver.waitFor('on_record_start', { stream_name: 'tv' }, before);
  const { data } = await server.api('/api/notify/status');
  assert.equal(data?.['database'], 'ok');
});

/** Bytes of a frame, frames a second, frames of a GOP: 16 Mbit/s, and 4 MiB that newcomers are sent at once. */
const FRAME_BYTES = 80_000;
const FRAME_MS = 40;
const GOP_FRAMES = 50;
const STALLED = 100;

/** Publishes what looks like H264 until the scope ends. */
async function publishHeavy(scope: Scope, server: Millrace, stream: string): Promise<void> {
  const client = await TestClient.open(server.port('rtmp'));
  scope.after(() => void client.socket.destroy());
  await client.connectApp('live');
  client.call('publish', 3, stream, 'live');
  await client.status('NetStream.Publish.Start');
  const config = Buffer.from(
    '1700000000014d401fffe1000b674d401fec05a808800000010004 68ee3c80'.replaceAll(' ', ''),
    'hex',
  );
  const send = (payload: Buffer, timestamp: number): void =>
    client.send({ type: 'video', streamId: 1, timestamp, payload });
  send(config, 0);
  const controller = new AbortController();
  scope.after(() => controller.abort());
  const pump = async (): Promise<void> => {
    let frame = 0;
    for await (const _ of every(FRAME_MS, null, { signal: controller.signal })) {
      const isKey = frame % GOP_FRAMES === 0;
      const payload = Buffer.alloc(FRAME_BYTES, 7);
      payload.set([isKey ? 0x17 : 0x27, 1, 0, 0, 0]);
      payload.writeUInt32BE(FRAME_BYTES - 9, 5);
      payload.writeUInt8(isKey ? 0x65 : 0x41, 9);
      send(payload, frame++ * FRAME_MS);
    }
  };
  pump().catch(() => {});
}

test('a hundred players that read nothing, of a stream with large GOPs, in a small heap: memory stays bounded, they are dropped, and one that reads loses nothing', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  const { server, residentBytes } = await startFaulty(
    own,
    {
      ...{ rtmp: { gop_num: 2 }, httpflv: { gop_num: 2 }, httpts: { gop_num: 2 } },
      millrace: { limits: { idle_timeout_ms: 5000 } },
    },
    { nodeArgs: ['--max-old-space-size=48'] },
  );
  await publishHeavy(own, server, 'heavy');
  const player = new HttpPlayer(own, server.url('http', 'live/heavy.flv'));
  await player.body(8 * MIB);
  const before = residentBytes();
  const stalled = Array.from({ length: STALLED }, (_, i) => {
    const each = new HttpPlayer(own, server.url('http', `live/heavy.${i % 2 === 0 ? 'flv' : 'ts'}`));
    each.pause();
    return each;
  });
  let most = before;
  await poll(
    'they are dropped',
    async () => {
      most = Math.max(most, residentBytes());
      return server.log.all.filter(({ msg, reason }) => msg === 'session stopped' && reason === 'timed out').length;
    },
    (count) => count === stalled.length,
  );
  // what waits for each is the same memory, not a copy of it
  assert.ok(most - before < 150 * MIB, `${Math.round(before / MIB)} MiB before, ${Math.round(most / MIB)} MiB at most`);
  assertSteadyTime(readFlv(player.bodyNow()), 500);
});
