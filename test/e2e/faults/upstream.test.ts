/** Servers that streams are pulled from and pushed to, failing in every state of the dialog: by a relay before a real one. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Cut, startCuttingRelay } from '../../support/cutting-relay.ts';
import { publish } from '../../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../../support/flv.ts';
import { HttpPlayer } from '../../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../../support/millrace.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { fileScope, OrderedScope } from '../../support/temp-dir.ts';
import { poll } from '../../support/wait-for.ts';

const CUTS: readonly Cut[] = ['hangs', 'resets', 'ends', 'garbage'];
/** More than a key frame's interval. */
const INTO_MEDIA = 350_000;
/** Bytes of the server after which it fails: from before its first word, through the dialog, into the media. */
const RTMP_BYTES = [0, 1, 1000, 1537, 3073, 3085, 3150, 3300, 3400, 3600, INTO_MEDIA];
const RTSP_BYTES = [0, 10, 150, 400, 700, 900, 1100, 1300, INTO_MEDIA];
/** So many pulls at a time; each has its time-out. */
const AT_A_TIME = 12;

const scope = fileScope();
let receiver: Receiver;
let origin: Millrace;
let edge: Millrace;
let player: HttpPlayer;

before(async () => {
  receiver = await startReceiver(scope);
  origin = await startServer(scope, { ...GOPS_CACHED, rtsp: { enable: true, addr: '127.0.0.1:0' } });
  edge = await startServer(scope, {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
    millrace: { limits: { idle_timeout_ms: 1500 } },
  });
  publish(scope, origin.url('rtmp', 'live/tv'), 'h264-640x360');
  publish(scope, edge.url('rtmp', 'live/other'), 'h264-640x360');
  player = new HttpPlayer(scope, edge.url('http', 'live/other.flv'));
  await player.body(10_000);
  await poll(
    'the origin has its stream',
    async () => (await origin.api('/api/stat/group?stream_name=tv')).data?.['video_codec'],
    (codec) => codec === 'H264',
  );
});

for (const [scheme, allBytes] of [
  ['rtmp', RTMP_BYTES],
  ['rtsp', RTSP_BYTES],
] as const) {
  test(`a pull by ${scheme.toUpperCase()} whose server fails after any number of bytes, in any way, is given up with its stop, and costs nobody else`, async (t) => {
    const own = new OrderedScope();
    t.after(() => own.end());
    const cases = allBytes.toReversed().flatMap((bytes) => CUTS.map((cut) => ({ cut, bytes })));
    const attempt = async ({ cut, bytes }: { cut: Cut; bytes: number }): Promise<void> => {
      const relay = await startCuttingRelay(own, origin.port(scheme), bytes, cut);
      const stream = `${scheme}-${cut}-${bytes}`;
      const { error_code, data } = await edge.api('/api/ctrl/start_relay_pull', {
        url: `${scheme}://127.0.0.1:${relay.port}/live/tv`,
        ...{ stream_name: stream, pull_timeout_ms: bytes < INTO_MEDIA ? 1500 : 10_000, pull_retry_num: 0 },
      });
      assert.equal(error_code, 0);
      const stop = await receiver.waitFor('on_relay_pull_stop', { session_id: data?.['session_id'] });
      const events = receiver.ofStream(stream).map(({ event }) => event);
      const started = bytes < INTO_MEDIA ? [] : ['on_relay_pull_start'];
      // a GOP cache may bring the first media in few bytes
      assert.deepEqual(events.slice(-1 - started.length), [...started, 'on_relay_pull_stop'], stream);
      assert.ok(events.length <= 2, `${stream}: ${events.join()}`);
      assert.equal(stop.body['has_in_session'], false);
      const line = edge.log.all.find((each) => each.msg === 'a pull is given up' && each['stream'] === stream);
      assert.ok(line !== undefined, `${stream}: nothing is in the log`);
      assert.ok(String(line['why']).length > 0);
      assert.equal((await edge.api(`/api/stat/group?stream_name=${stream}`)).error_code, 1001);
    };
    for (let i = 0; i < cases.length; i += AT_A_TIME) await Promise.all(cases.slice(i, i + AT_A_TIME).map(attempt));
    assert.deepEqual(
      edge.log.all.filter(({ level }) => level === 'error' || level === 'fatal'),
      [],
    );
    await player.body(player.received + 50_000);
    assertSteadyTime(readFlv(player.bodyNow()), 100);
  });
}

test('a source that flaps is pulled again and again: starts and stops by turns, each session another, and time goes on', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  const relay = await startCuttingRelay(own, origin.port('rtmp'), 400_000, 'resets');
  const url = `rtmp://127.0.0.1:${relay.port}/live/tv`;
  await edge.api('/api/ctrl/start_relay_pull', { url, stream_name: 'flaps', pull_retry_num: -1 });
  const watcher = new HttpPlayer(own, edge.url('http', 'live/flaps.flv'));
  await poll(
    'the third session',
    async () => receiver.ofStream('flaps').filter(({ event }) => event === 'on_relay_pull_start').length,
    (count) => count >= 3,
  );
  await edge.api('/api/ctrl/stop_relay_pull?stream_name=flaps');
  const told = receiver.ofStream('flaps').filter(({ event }) => event.startsWith('on_relay_pull_'));
  for (const [i, { event, body }] of told.slice(0, 5).entries()) {
    assert.equal(event, i % 2 === 0 ? 'on_relay_pull_start' : 'on_relay_pull_stop');
    if (i % 2 === 1) assert.equal(body['session_id'], told[i - 1]?.body['session_id']);
  }
  assert.equal(new Set(told.slice(0, 5).map(({ body }) => body['session_id'])).size, 3);
  // back-off and the way to the next key frame lie between two sessions
  assertSteadyTime(readFlv(watcher.bodyNow()), 10_000);
});

test('a push whose target fails in any state is tried again until it is taken', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  const target = await startServer(own);
  const relays = await Promise.all(
    CUTS.flatMap((cut) => [0, 1537, 3100, 3350].map((bytes) => ({ cut, bytes }))).map(async ({ cut, bytes }) =>
      startCuttingRelay(own, target.port('rtmp'), bytes, cut),
    ),
  );
  const source = await startServer(own, {
    relay_push: { enable: true, addr_list: relays.map(({ port }) => `127.0.0.1:${port}`) },
  });
  publish(own, source.url('rtmp', 'live/pushed'), 'h264-640x360');
  const watcher = new HttpPlayer(own, source.url('http', 'live/pushed.flv'));
  await poll(
    'each target was tried',
    async () => relays.map((relay) => relay.connections()),
    (counts) => counts.every((count) => count >= 1),
  );
  // one way in is enough: the target takes one publisher of a name
  relays[0]?.mend();
  await poll(
    'the push arrives',
    async () => (await target.api('/api/stat/group?stream_name=pushed')).data?.['video_codec'],
    (codec) => codec === 'H264',
  );
  assertSteadyTime(readFlv(await watcher.body(watcher.received + 50_000)), 100);
  assert.deepEqual(
    source.log.all.filter(({ level }) => level === 'error'),
    [],
  );
});
