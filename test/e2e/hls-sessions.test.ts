/** HLS viewers as sessions: told of with their true bytes, kept alive by asking, ended by time and by kick, let in once. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, type TestContext, test } from 'node:test';
import { decodeStrict, publish } from '../support/ffmpeg.ts';
import { type Millrace, startServer } from '../support/millrace.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const KEY = 'q191201771';
const scope = fileScope();
let server: Millrace;
let receiver: Receiver;

function hlsConfig(timeoutMs: number) {
  return {
    ...{ enable: true, out_path: tempDir(scope), fragment_duration_ms: 1000, fragment_num: 4 },
    ...{ sub_session_hash_key: 'secret', sub_session_timeout_ms: timeoutMs },
  };
}

before(async () => {
  receiver = await startReceiver(scope);
  server = await startServer(scope, { http_notify: receiver.config(), hls: hlsConfig(2500) });
  publish(scope, server.url('rtmp', 'live/tv'), 'h264-640x360');
  await server.log.waitFor('the publisher', (line) => line['stream'] === 'tv' && line['type'] === 'PUB');
});

interface Viewer {
  /** Of its session. */
  readonly playlist: string;
  /** Bytes of bodies that it was sent. */
  bytes: number;
  get(url: string): Promise<Response>;
}

/** Opens a session as a player does: it follows where it is sent. */
async function view(url: string): Promise<Viewer> {
  const first = await fetch(url, { redirect: 'manual' });
  assert.equal(first.status, 302);
  const viewer: Viewer = {
    playlist: new URL(first.headers.get('location') ?? '', url).href,
    bytes: 0,
    get: async (wanted) => {
      const response = await fetch(wanted, { headers: { 'Accept-Encoding': 'identity' } });
      viewer.bytes += (await response.clone().arrayBuffer()).byteLength;
      return response;
    },
  };
  return viewer;
}

/** URLs of the segments that the viewer's playlist lists now. */
async function segmentsOf(viewer: Viewer): Promise<string[]> {
  const text = await (await viewer.get(viewer.playlist)).text();
  return [...text.matchAll(/^[^#\n].*$/gm)].map(([uri]) => new URL(uri, viewer.playlist).href);
}

test('ffmpeg is one session, over redirection, playlists and segments, and its stop is its time-out', async (t) => {
  const url = server.url('http', 'hls/tv.m3u8?token=7');
  await decodeStrict(t, url, 8);
  const start = await receiver.waitFor('on_sub_start', { protocol: 'HLS', stream_name: 'tv' });
  const { session_id: id, ...rest } = start.body;
  assert.equal(id, 'HLSSUB1');
  assert.deepEqual(
    [rest['url'], rest['app_name'], rest['url_param'], rest['has_in_session'], rest['has_out_session']],
    [url, 'live', 'token=7', true, true],
  );
  const stop = await receiver.waitFor('on_sub_stop', { session_id: id });
  assert.equal(stop.headers['millrace-reason'] ?? 'timed out', 'timed out');
  assert.ok(Number(stop.body['wrote_bytes_sum']) > 100_000);
  assert.equal(receiver.ofStream('tv').filter(({ event }) => event === 'on_sub_start').length, 1);
});

test('viewers behind one address are told apart; their bytes are those of the bodies, to the byte', async () => {
  const viewers = await Promise.all([1, 2, 3].map(() => view(server.url('http', 'hls/tv/playlist.m3u8'))));
  assert.equal(new Set(viewers.map(({ playlist }) => playlist)).size, 3);
  const ids: string[] = [];
  for (const [i, viewer] of viewers.entries()) {
    for (const segment of (await segmentsOf(viewer)).slice(0, i + 1)) {
      assert.match(segment, /\/tv-\d+-\d+\.ts\?session_id=[0-9a-f]{32}$/);
      assert.equal((await viewer.get(segment)).status, 200);
    }
    // what is looked up but not sent costs nothing
    assert.equal((await fetch(viewer.playlist, { method: 'HEAD' })).status, 200);
    const subs = await poll(
      'the statistics have the viewer’s bytes',
      async () => (await server.api('/api/stat/group?stream_name=tv')).data?.['subs'] as Record<string, unknown>[],
      (all) => all.some((sub) => sub['wrote_bytes_sum'] === viewer.bytes),
    );
    const sub = subs.find((each) => each['wrote_bytes_sum'] === viewer.bytes);
    assert.equal(sub?.['protocol'], 'HLS');
    ids.push(String(sub?.['session_id']));
  }
  for (const [i, viewer] of viewers.entries()) {
    const stop = await receiver.waitFor('on_sub_stop', { session_id: ids[i] });
    assert.equal(stop.body['wrote_bytes_sum'], viewer.bytes);
    assert.equal((await fetch(viewer.playlist)).status, 404);
  }
});

test('a session lives as long as it asks, and its segments are for it alone', async () => {
  const viewer = await view(server.url('http', 'hls/tv.m3u8'));
  const [segment = ''] = await segmentsOf(viewer);
  const since = performance.now();
  // longer than its time-out
  await poll(
    'the session outlives its time-out',
    async () => (await viewer.get(viewer.playlist)).status,
    (status) => {
      assert.equal(status, 200);
      return performance.now() > since + 5000;
    },
  );
  for (const forged of [
    segment.replace(/\?.*/, ''),
    segment.replace(/=.*/, '=HLSSUB1'),
    segment.replace(/=.*/, `=${createHash('md5').update('HLSSUB1').digest('hex')}`),
  ]) {
    assert.equal((await fetch(forged)).status, 404, forged);
  }
});

test('who is kicked gets nothing more, and a stop that says so', async () => {
  const viewer = await view(server.url('http', 'hls/tv.m3u8?kick'));
  const [segment = ''] = await segmentsOf(viewer);
  const { session_id } = (await receiver.waitFor('on_sub_start', { url_param: 'kick' })).body;
  const { error_code } = await server.api('/api/ctrl/kick_session', { stream_name: 'tv', session_id });
  assert.equal(error_code, 0);
  const stop = await receiver.waitFor('on_sub_stop', { session_id });
  assert.equal(stop.body['wrote_bytes_sum'], viewer.bytes);
  assert.equal((await fetch(viewer.playlist)).status, 404);
  assert.equal((await fetch(segment)).status, 404);
});

test('who comes before the stream waits for it, so that it can be fetched when its coming is told', async (t) => {
  const viewer = await view(server.url('http', 'hls/later.m3u8'));
  const playlist = viewer.get(viewer.playlist);
  const start = await receiver.waitFor('on_sub_start', { stream_name: 'later' });
  assert.deepEqual([start.body['has_in_session'], start.body['app_name']], [false, '']);
  publish(t, server.url('rtmp', 'live/later'), 'h264-640x360');
  const answer = await playlist;
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /later-\d+-0\.ts\?session_id=/);
});

test('the secret is asked for once a session, and without sessions for each playlist', async (t) => {
  for (const withSessions of [true, false]) {
    const own = await startServer(t, {
      hls: withSessions ? hlsConfig(30_000) : { ...hlsConfig(1000), sub_session_hash_key: '' },
      simple_auth: { key: KEY, hls_m3u8_enable: true },
    });
    await publishing(t, own);
    const secret = createHash('md5').update(`${KEY}tv`).digest('hex');
    const url = own.url('http', 'hls/tv.m3u8');
    for (const query of ['', '?lal_secret=', '?lal_secret=0123']) assert.equal((await fetch(url + query)).status, 403);
    await decodeStrict(t, `${url}?lal_secret=${secret}`, 6);
    const { data } = await own.api('/api/stat/group?stream_name=tv');
    const subs = data?.['subs'] as readonly unknown[] | undefined;
    assert.equal(subs?.length, withSessions ? 1 : 0);
  }
});

async function publishing(t: TestContext, at: Millrace): Promise<void> {
  publish(t, at.url('rtmp', 'live/tv'), 'h264-640x360');
  await at.log.waitFor('the publisher', (line) => line['stream'] === 'tv' && line['type'] === 'PUB');
}

test('low latency makes the same sessions', async () => {
  const viewer = await view(server.url('http', 'hls/tv/ll.m3u8?low'));
  const text = await (await viewer.get(viewer.playlist)).text();
  const uri = /^ll-.*\.m4s\?session_id=\S+$/m.exec(text)?.[0] ?? assert.fail(text);
  assert.equal((await viewer.get(new URL(uri, viewer.playlist).href)).status, 200);
  const stop = await receiver.waitFor('on_sub_stop', { url_param: 'low' });
  assert.equal(stop.body['wrote_bytes_sum'], viewer.bytes);
});

test('viewers who are there when the server stops have their stops, and it stops at once', async (t) => {
  const own = await startServer(t, { http_notify: receiver.config(), hls: hlsConfig(30_000) });
  await publishing(t, own);
  const viewer = await view(own.url('http', 'hls/tv.m3u8?last'));
  const vain = fetch((await view(own.url('http', 'hls/never.m3u8'))).playlist);
  await segmentsOf(viewer);
  const start = await receiver.waitFor('on_sub_start', { url_param: 'last' });
  const before = performance.now();
  await own.stop();
  assert.ok(performance.now() - before < 3000);
  assert.equal((await vain).status, 404);
  const stop = await receiver.waitFor('on_sub_stop', { url_param: 'last' }, start.index);
  assert.equal(stop.body['wrote_bytes_sum'], viewer.bytes);
});
