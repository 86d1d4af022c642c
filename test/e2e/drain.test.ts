/** The server is emptied before it ends: nobody is let in any more, who is here may leave, and then the process ends. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openSite } from '../chaos/site.ts';
import { publish } from '../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../support/flv.ts';
import { HttpPlayer } from '../support/http.ts';
import { type ApiAnswer, type Config, type Millrace, startServer } from '../support/millrace.ts';
import { run } from '../support/process.ts';
import { startReceiver } from '../support/receiver.ts';
import { withPatience } from '../support/wait-for.ts';

/** About a second of the published source. */
const SECOND_BYTES = 130_000;
const GAP_MS = 70;

/** A server with a publisher of `live/stay` and its player. */
async function open(t: TestContext, config: Config = {}) {
  const receiver = await startReceiver(t);
  const server = await startServer(t, {
    httpflv: { gop_num: 1 },
    rtsp: { enable: true, addr: '127.0.0.1:0' },
    hls: {
      enable: true,
      url_pattern: '/hls/',
      use_memory_as_disk_flag: true,
      fragment_duration_ms: 1000,
      fragment_num: 3,
    },
    http_notify: receiver.config(),
    ...config,
  });
  const publisher = publish(t, server.url('rtmp', 'live/stay'), 'h264-640x360');
  const player = new HttpPlayer(t, server.url('http', 'live/stay.flv'));
  await Promise.all([
    receiver.waitFor('on_pub_start', { stream_name: 'stay' }),
    receiver.waitFor('on_sub_start', { stream_name: 'stay' }),
    player.body(SECOND_BYTES),
  ]);
  return { server, receiver, publisher, player };
}

function drain(server: Millrace, body: object = {}): Promise<ApiAnswer> {
  return server.api('/api/server/drain', body);
}

async function readyz(server: Millrace): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${server.port('api')}/readyz`);
  return [response.status, await response.text()];
}

/** Exits with 0 and without a word to stderr. */
async function assertEnds(server: Millrace): Promise<void> {
  const { code, signal, stderr } = await withPatience(server.finished, () => 'the server did not end');
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, server.logText());
}

for (const threads of [1, 2]) {
  test(`threads ${threads}: who is here goes on, and who comes is refused`, async (t) => {
    const { server, receiver, player } = await open(t, { millrace: { threads } });
    assert.deepEqual(await readyz(server), [200, 'ready\n']);
    const answer = await drain(server, { timeout_sec: 600 });
    assert.deepEqual([answer.error_code, answer.data?.['sessions']], [0, 2]);
    assertLeft(answer, 600);
    assert.deepEqual(await readyz(server), [503, 'not ready: the server takes no new sessions\n']);

    const refused = await fetch(server.url('http', 'live/stay.flv'));
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '10']);
    assert.match(await refused.text(), /draining/);
    const failed = await publish(t, server.url('rtmp', 'live/come'), 'h264-640x360').finished;
    assert.notEqual(failed.code, 0);
    await server.log.waitFor('the refusal', ({ msg }) => /^RTMP refused: the server is draining/.test(msg));
    const rtmp = await run(t, 'ffprobe', ['-v', 'error', server.url('rtmp', 'live/stay')]);
    assert.notEqual(rtmp.code, 0);
    const rtsp = await run(t, 'ffprobe', ['-v', 'error', server.url('rtsp', 'live/stay')]);
    assert.match(rtsp.stderr, /503/);
    for (const path of ['start_relay_pull', 'start_rtp_pub']) {
      const { desp } = await server.api(`/api/ctrl/${path}`, { url: 'rtmp://127.0.0.1:1/a/b', stream_name: 'b' });
      assert.match(desp, /draining/, path);
    }

    // a further call tells how it stands, whatever time it names
    const again = await drain(server, { timeout_sec: 86_400 });
    assert.equal(again.data?.['sessions'], 2);
    assertLeft(again, 600);
    await player.body(player.bodyNow().length + SECOND_BYTES);
    assertSteadyTime(readFlv(player.bodyNow()), GAP_MS);
    assert.deepEqual(receiver.ofStream('come'), []);
  });

  test(`threads ${threads}: who is here when the time is over is ended, and told of`, async (t) => {
    const { server, receiver, publisher, player } = await open(t, { millrace: { threads } });
    await drain(server, { timeout_sec: 1 });
    await player.closed();
    await assertEnds(server);
    assert.notEqual((await publisher.finished).code, 0);
    assertSteadyTime(readFlv(player.bodyNow()), GAP_MS);
    const stop = await receiver.waitFor('on_sub_stop', { stream_name: 'stay' });
    assert.equal(stop.body['wrote_bytes_sum'], player.received);
    assert.equal(stop.headers['millrace-reason'], 'server stopped');
    await receiver.waitFor('on_pub_stop', { stream_name: 'stay' });
  });
}

/** Fails unless so many seconds or fewer are left. */
function assertLeft({ data }: ApiAnswer, seconds: number): void {
  const left = Number(data?.['ends_in_sec']);
  assert.ok(left > 0 && left <= seconds, `${left} s`);
  assert.match(String(data?.['ends_at']), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
}

test('it ends as soon as all have left', async (t) => {
  const { server, receiver, publisher, player } = await open(t);
  await drain(server);
  player.leave();
  await receiver.waitFor('on_sub_stop', { stream_name: 'stay' });
  const { data } = await drain(server);
  assert.equal(data?.['sessions'], 1);
  await publisher.stop();
  await assertEnds(server);
  await receiver.waitFor('on_pub_stop', { stream_name: 'stay' });
});

test('it ends at once where nobody is here, and the caller has its answer', async (t) => {
  const server = await startServer(t);
  const { error_code, data } = await drain(server, { timeout_sec: 600 });
  assert.deepEqual([error_code, data?.['sessions']], [0, 0]);
  await assertEnds(server);
});

test('a pull that began for a player ends when the player leaves, and with it the server', async (t) => {
  const origin = await startServer(t, { rtmp: { gop_num: 1 } });
  publish(t, origin.url('rtmp', 'live/far'), 'h264-640x360');
  const addr = `127.0.0.1:${origin.port('rtmp')}`;
  const edge = await startServer(t, { httpflv: { gop_num: 1 }, static_relay_pull: { enable: true, addr } });
  const player = new HttpPlayer(t, edge.url('http', 'live/far.flv'));
  await player.body(SECOND_BYTES);
  assert.equal((await drain(edge)).data?.['sessions'], 2);
  await player.body(player.bodyNow().length + SECOND_BYTES);
  player.leave();
  await assertEnds(edge);
});

test('a pull that was to wait for the next player does not', async (t) => {
  const origin = await startServer(t, { rtmp: { gop_num: 1 } });
  publish(t, origin.url('rtmp', 'live/far'), 'h264-640x360');
  const receiver = await startReceiver(t);
  const edge = await startServer(t, { http_notify: receiver.config() });
  const url = origin.url('rtmp', 'live/far');
  await edge.api('/api/ctrl/start_relay_pull', { url, auto_stop_pull_after_no_out_ms: 600_000 });
  await receiver.waitFor('on_relay_pull_start');
  await drain(edge);
  await assertEnds(edge);
  const stop = await receiver.waitFor('on_relay_pull_stop');
  assert.equal(stop.headers['millrace-reason'], 'unwatched');
});

test('HLS: who plays goes on, who comes is answered 503', async (t) => {
  const hls = { enable: true, url_pattern: '/hls/', use_memory_as_disk_flag: true, fragment_duration_ms: 1000 };
  const { server, receiver } = await open(t, {
    hls: { ...hls, fragment_num: 3, sub_session_hash_key: 'k', sub_session_timeout_ms: 60_000 },
  });
  const playlist = await fetch(server.url('http', 'hls/stay.m3u8'));
  assert.equal(playlist.status, 200);
  await receiver.waitFor('on_sub_start', { protocol: 'HLS' });
  await drain(server);
  const again = await fetch(playlist.url);
  assert.equal(again.status, 200);
  const segment = /^[^#].*\.ts.*$/m.exec(await again.text())?.[0];
  assert.equal((await fetch(new URL(String(segment), playlist.url))).status, 200);
  const other = await fetch(server.url('http', 'hls/stay.m3u8'));
  assert.deepEqual([other.status, other.headers.get('retry-after')], [503, '10']);
});

test('SIGTERM in a drain stops at once', async (t) => {
  const { server, receiver } = await open(t);
  await drain(server, { timeout_sec: 3600 });
  server.signal('SIGTERM');
  await assertEnds(server);
  for (const event of ['on_pub_stop', 'on_sub_stop'] as const) await receiver.waitFor(event, { stream_name: 'stay' });
});

test('after kill -9 in a drain the next start tells of the stops, and takes sessions', async (t) => {
  const receiver = await startReceiver(t);
  const site = openSite(t, { httpflv: { gop_num: 1 }, http_notify: receiver.config() });
  const first = await site.start();
  publish(t, first.url('rtmp', 'live/dead'), 'h264-640x360');
  const player = new HttpPlayer(t, first.url('http', 'live/dead.flv'));
  await player.body(SECOND_BYTES);
  await receiver.waitFor('on_sub_start', { stream_name: 'dead' });
  await drain(first, { timeout_sec: 3600 });
  await first.kill();
  const second = await site.start();
  for (const event of ['on_pub_stop', 'on_sub_stop'] as const) {
    const { headers } = await receiver.waitFor(event, { stream_name: 'dead' });
    assert.equal(headers['millrace-reason'], 'server crashed');
  }
  assert.deepEqual(await readyz(second), [200, 'ready\n']);
  const next = publish(t, second.url('rtmp', 'live/next'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'next' });
  await next.stop();
  await second.stop();
});

test('wrong parameters are named, and change nothing', async (t) => {
  const server = await startServer(t);
  for (const timeout_sec of [-1, 86_401, 1.5, 'soon']) {
    const { error_code, desp } = await drain(server, { timeout_sec });
    assert.equal(error_code, 1002);
    assert.match(desp, /timeout_sec must be an integer from 0 to 86400/);
  }
  assert.match((await drain(server, { timeout: 1 })).desp, /timeout is not known here, allowed are timeout_sec/);
  assert.equal((await server.api('/api/server/drain')).error_code, 404);
  assert.deepEqual(await readyz(server), [200, 'ready\n']);
});
