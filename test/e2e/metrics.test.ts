/** What watches the server: metrics, health, profiles, reports in the log, and that the log keeps secrets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Family, lint, parseMetrics, sample } from '../../src/ops/prometheus.fixture.ts';
import { publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { startLossyRelay } from '../support/lossy-relay.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { film, startCamera } from '../support/ps.ts';
import { startReceiver } from '../support/receiver.ts';
import { publishRtsp } from '../support/rtsp.ts';
import { tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

type Labels = Readonly<Record<string, string>>;

const get = (server: Millrace, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port('api')}${path}`, { headers });

async function scrape(server: Millrace): Promise<Family[]> {
  const response = await get(server, '/metrics');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return parseMetrics(await response.text());
}

/** Scrapes until the metric is what is wanted. */
async function until(
  server: Millrace,
  name: string,
  labels: Labels,
  is: (value: number) => boolean,
): Promise<Family[]> {
  let families: Family[] = [];
  await poll(
    name,
    async () => {
      families = await scrape(server);
      return sample(families, name, labels);
    },
    (value) => value !== null && is(value),
  );
  return families;
}

const PUB = { protocol: 'RTMP', base_type: 'PUB' };
const FLV = { protocol: 'FLV', base_type: 'SUB' };

for (const threads of [1, 2]) {
  test(`sums of sessions rise, and stay when they end (millrace.threads ${threads})`, async (t) => {
    const server = await startServer(t, { ...GOPS_CACHED, millrace: { threads } });
    const publisher = publish(t, server.url('rtmp', 'live/sums'), 'h264-640x360');
    const player = new HttpPlayer(t, server.url('http', 'live/sums.flv'));
    await player.body(200_000);
    await until(server, 'millrace_stream_video_frames_per_second', { stream: 'sums' }, (rate) => rate > 5);
    await until(server, 'millrace_stream_received_bytes_per_second', { stream: 'sums' }, (rate) => rate > 10_000);
    const during = await until(server, 'millrace_sent_bytes_total', FLV, (bytes) => bytes > 200_000);
    assert.deepEqual(during.flatMap(lint), []);
    assert.equal(sample(during, 'millrace_sessions', FLV), 1);
    assert.equal(sample(during, 'millrace_streams', { state: 'published' }), 1);
    assert.equal(sample(during, 'millrace_stream_players', { stream: 'sums' }), 1);
    assert.ok((sample(during, 'millrace_fanout_delay_seconds_count') ?? 0) > 30);
    assert.ok((sample(during, 'millrace_fanout_delay_seconds_sum') ?? 0) > 0);

    player.leave();
    await publisher.stop();
    await until(server, 'millrace_sessions', PUB, (sessions) => sessions === 0);
    const after = await until(server, 'millrace_sessions', FLV, (sessions) => sessions === 0);
    for (const [name, labels] of [
      ['millrace_received_bytes_total', PUB],
      ['millrace_sent_bytes_total', FLV],
    ] as const) {
      assert.ok((sample(after, name, labels) ?? 0) >= (sample(during, name, labels) ?? Number.NaN), name);
    }
    const stop = server.log.all.find(({ msg, type }) => msg === 'session stopped' && type === 'PUB');
    assert.equal(sample(after, 'millrace_received_bytes_total', PUB), stop?.['readBytes']);
    assert.equal(sample(after, 'millrace_sessions_started_total', FLV), 1);
    assert.equal(sample(after, 'millrace_sessions_ended_total', { ...FLV, reason: 'peer closed' }), 1);
    assert.equal(sample(after, 'millrace_stream_players', { stream: 'sums' }), null);
  });
}

test('callbacks: what waits, how long, and what became of it', async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = ({ event }) => (event === 'on_pub_start' ? 503 : event === 'on_rtmp_connect' ? 400 : 200);
  const server = await startServer(t, { http_notify: receiver.config() });
  publish(t, server.url('rtmp', 'live/told'), 'h264-640x360');
  const at = { receiver: new URL(receiver.url('x')).origin };
  await until(server, 'millrace_notify_attempts_total', { outcome: 'failed' }, (tries) => tries >= 1);
  const waiting = await until(server, 'millrace_notify_oldest_event_age_seconds', at, (age) => age > 0);
  assert.equal(sample(waiting, 'millrace_notify_backlog'), 1);
  assert.equal(sample(waiting, 'millrace_notify_receiver_backlog', at), 1);
  assert.equal(sample(waiting, 'millrace_notify_memory_only'), 0);
  assert.equal(sample(waiting, 'millrace_notify_events_total', { ...at, outcome: 'refused' }), 1);
  receiver.answer = () => 200;
  const settled = await until(server, 'millrace_notify_backlog', {}, (backlog) => backlog === 0);
  // on_server_start and on_pub_start
  assert.equal(sample(settled, 'millrace_notify_events_total', { ...at, outcome: 'delivered' }), 2);
  assert.equal(sample(settled, 'millrace_notify_lost_events_total'), 0);
});

test('the disk: HLS segments are timed, those lost and records that fail are counted', async (t) => {
  const folder = tempDir(t);
  writeFileSync(join(folder, 'file'), '');
  const server = await startServer(t, {
    hls: {
      enable: true,
      url_pattern: '/hls/',
      out_path: join(folder, 'hls'),
      fragment_duration_ms: 500,
      fragment_num: 3,
    },
    millrace: { record: { enable_mp4: true, mp4_out_path: join(folder, 'file', 'no-folder') } },
  });
  publish(t, server.url('rtmp', 'live/disk'), 'h264-640x360');
  await until(server, 'millrace_record_failures_total', { format: 'mp4' }, (failures) => failures === 1);
  const found = await until(server, 'millrace_hls_segment_write_seconds_count', {}, (writes) => writes >= 2);
  assert.ok((sample(found, 'millrace_hls_segment_write_seconds_sum') ?? 0) > 0);
  assert.equal(sample(found, 'millrace_hls_lost_segments_total'), 0);

  const noDisk = await startServer(t, {
    hls: {
      enable: true,
      url_pattern: '/hls/',
      out_path: join(folder, 'file'),
      fragment_duration_ms: 500,
      fragment_num: 3,
    },
  });
  publish(t, noDisk.url('rtmp', 'live/disk'), 'h264-640x360');
  await until(noDisk, 'millrace_hls_lost_segments_total', {}, (lost) => lost >= 2);
});

test('RTP packets that an RTSP publisher loses are counted, also in a player thread', async (t) => {
  const server = await startServer(t, { rtsp: { enable: true, addr: '127.0.0.1:0' }, millrace: { threads: 2 } });
  const relay = await startLossyRelay(t, server.port('rtsp'));
  const publisher = publishRtsp(t, `rtsp://127.0.0.1:${relay.port}/live/lossy`, 'h264-640x360', 'udp');
  relay.start();
  const kind = { protocol: 'RTSP', base_type: 'PUB' };
  await until(server, 'millrace_rtp_lost_packets_total', kind, (lost) => lost >= 3);
  await publisher.stop();
  const after = await until(server, 'millrace_sessions', kind, (sessions) => sessions === 0);
  const lost = sample(after, 'millrace_rtp_lost_packets_total', kind) ?? 0;
  assert.ok(lost >= 3 && lost <= relay.lost, `${lost} of ${relay.lost}`);
});

test('RTP packets that do not come are counted, also when the session is over', async (t) => {
  const server = await startServer(t);
  const { data } = await server.api('/api/ctrl/start_rtp_pub', { stream_name: 'lossy' });
  let [sent, dropped] = [0, 0];
  const distort = (packets: Buffer[]): Buffer[] =>
    packets.filter(() => {
      const isLost = ++sent % 50 === 0;
      if (isLost) dropped++;
      return !isLost;
    });
  const camera = await startCamera(t, Number(data?.['port']), film('h264', null, 8), { transport: 'udp', distort });
  const kind = { protocol: 'PS', base_type: 'PUB' };
  await until(server, 'millrace_rtp_lost_packets_total', kind, (lost) => lost >= 3);
  camera.stop();
  await server.api(`/api/ctrl/kick_session?stream_name=lossy&session_id=${data?.['session_id']}`);
  const after = await until(server, 'millrace_sessions', kind, (sessions) => sessions === 0);
  const lost = sample(after, 'millrace_rtp_lost_packets_total', kind) ?? 0;
  // the last packets that are lost have none after them that would show it
  assert.ok(lost >= 3 && lost <= dropped, `${lost} of ${dropped}`);
});

test('health: alive and ready once it listens; while it stops, not ready, and still with metrics', async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = ({ event }) => (event === 'on_pub_stop' ? 503 : 200);
  const server = await startServer(t, { http_notify: receiver.config(), millrace: { api: { token: 'open sesame' } } });
  const ask = async (path: string): Promise<[number, string]> => {
    const response = await get(server, path);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await ask('/healthz'), [200, 'ok\n']);
  assert.deepEqual(await ask('/readyz'), [200, 'ready\n']);
  assert.equal((await ask('/metrics'))[0], 401);
  assert.equal((await ask('/metrics?token=wrong'))[0], 401);
  assert.equal((await ask('/metrics?token=open%20sesame'))[0], 200);
  assert.equal((await get(server, '/metrics', { Authorization: 'Bearer open sesame' })).status, 200);
  assert.equal((await ask('/api/stat/all_group'))[0], 401);

  publish(t, server.url('rtmp', 'live/last'), 'h264-640x360');
  await receiver.waitFor('on_pub_start');
  server.signal('SIGTERM');
  await receiver.waitFor('on_pub_stop');
  assert.deepEqual(await ask('/readyz'), [503, 'not ready: the server is stopping\n']);
  assert.deepEqual(await ask('/healthz'), [200, 'ok\n']);
  const text = await (await get(server, '/metrics?token=open%20sesame')).text();
  assert.equal(sample(parseMetrics(text), 'millrace_ready'), 0);
  receiver.answer = () => 200;
  await server.finished;
});

test('ready, but with events in memory alone, where the database cannot be used', async (t) => {
  const receiver = await startReceiver(t);
  const folder = tempDir(t);
  writeFileSync(join(folder, 'file'), '');
  const notify = { outbox_path: join(folder, 'file', 'outbox.db') };
  const server = await startServer(t, { http_notify: receiver.config(), millrace: { notify } });
  const response = await get(server, '/readyz');
  assert.equal(response.status, 200);
  assert.match(await response.text(), /^ready, but events are kept in memory alone: .+\n$/);
  await until(server, 'millrace_notify_memory_only', {}, (value) => value === 1);
});

test('profiles have a port of their own; where it is taken, the rest goes on', async (t) => {
  const folder = tempDir(t);
  const server = await startServer(t, { pprof: { enable: true, addr: '127.0.0.1:0' } });
  const port = server.port('profiles');
  const profile = await fetch(`http://127.0.0.1:${port}/debug/pprof/profile?seconds=1`);
  const { nodes } = (await profile.json()) as { nodes: unknown[] };
  assert.ok(nodes.length > 1);
  const heap = await fetch(`http://127.0.0.1:${port}/debug/pprof/heap`);
  const { snapshot } = (await heap.json()) as { snapshot: { node_count: number } };
  assert.ok(snapshot.node_count > 10_000);
  assert.match(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), /^millrace_ready 1$/m);

  const other = net.createServer().listen(0, '127.0.0.1');
  t.after(() => void other.close());
  await once(other, 'listening');
  const addr = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  const without = await startServer(t, { pprof: { enable: true, addr }, hls: { out_path: folder } });
  const [error, ...more] = without.log.all.filter(({ level }) => level === 'error');
  assert.deepEqual(more, []);
  assert.match(error?.msg ?? '', /^pprof\.addr: .* the rest of the server goes on$/);
  assert.equal((await get(without, '/readyz')).status, 200);
});

test('groups are reported in the log; secrets are not, though callbacks have them', async (t) => {
  const receiver = await startReceiver(t);
  const server = await startServer(t, {
    http_notify: receiver.config(),
    simple_auth: { dangerous_lal_secret: 'verysecret', pub_rtmp_enable: true },
    debug: { log_group_interval_sec: 1, log_group_max_group_num: 1, log_group_max_sub_num_per_group: 1 },
  });
  const path = 'live/reported?x=1&lal_secret=verysecret';
  publish(t, server.url('rtmp', path), 'h264-640x360');
  const { body } = await receiver.waitFor('on_pub_start');
  assert.match(String(body['url']), /lal_secret=verysecret$/);
  new HttpPlayer(t, server.url('http', 'live/reported.flv?token=verysecret'));
  await receiver.waitFor('on_sub_start');
  await server.api('/api/ctrl/start_relay_pull', {
    url: 'rtsp://me:verysecret@127.0.0.1:1/live/gone?sign=verysecret',
    pull_retry_num: 0,
  });
  await server.log.waitFor('the pull is given up', ({ msg }) => msg === 'a pull is given up');
  const line = await server.log.waitFor(
    'a report',
    ({ msg, videoCodec, players }) => [msg, videoCodec, players].join() === 'group report: one group,H264,1',
  );
  assert.equal((line['named'] as unknown[]).length, 1);
  const urls = server.log.all.map(({ url }) => String(url));
  assert.ok(urls.some((url) => url.endsWith('x=1&lal_secret=***')));
  assert.ok(urls.some((url) => url.endsWith('?token=***')));
  assert.ok(urls.includes('rtsp://127.0.0.1:1/live/gone?sign=***'));
  assert.doesNotMatch(server.logText(), /verysecret/);
});
