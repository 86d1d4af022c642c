/** `millrace.threads` 2: publishers and players on any thread, and nothing that anybody could tell from one thread. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { decodeStrict, probeLines, publish, source } from '../support/ffmpeg.ts';
import { HttpPlayer, WebSocketPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { run, start } from '../support/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope } from '../support/temp-dir.ts';
import { makeCertificate } from '../support/tls.ts';
import { poll, withPatience } from '../support/wait-for.ts';

const THREADS = { threads: 2 };
const STREAMS = ['one', 'two', 'three', 'four'];
const PLAYED = ['h264 640x360', 'aac 48000'];
/** The kernel deals connections out by their ports: of so many, none on one of two threads happens once in a million runs. */
const MANY = 20;

const scope = fileScope();
let receiver: Receiver;
let server: Millrace;

before(async () => {
  const { certFile, keyFile } = makeCertificate(scope);
  receiver = await startReceiver(scope);
  server = await startServer(scope, {
    rtmp: {
      gop_num: 1,
      rtmps_enable: true,
      rtmps_addr: '127.0.0.1:0',
      rtmps_cert_file: certFile,
      rtmps_key_file: keyFile,
    },
    default_http: { https_cert_file: certFile, https_key_file: keyFile },
    httpflv: { enable_https: true, gop_num: 1 },
    httpts: { enable_https: true, gop_num: 1 },
    rtsp: { enable: true, addr: '127.0.0.1:0' },
    hls: {
      ...{ enable: true, enable_https: true, url_pattern: '/hls/', out_path: './hls/', fragment_duration_ms: 1000 },
      ...{ fragment_num: 4, sub_session_hash_key: 'secret', sub_session_timeout_ms: 2000 },
    },
    http_notify: receiver.config(),
    millrace: THREADS,
  });
  for (const [i, stream] of STREAMS.entries()) {
    publish(scope, server.url(i % 2 === 0 ? 'rtmp' : 'rtmps', `live/${stream}`), 'h264-640x360');
  }
  await Promise.all(STREAMS.map((stream) => receiver.waitFor('on_pub_start', { stream_name: stream })));
});

/** So many ways to play, over all streams. */
function ways(): string[] {
  const schemes = ['rtmp', 'rtmps', 'http .flv', 'https .flv', 'http .ts', 'https .ts'];
  return Array.from({ length: MANY }, (_, i) => {
    const [scheme, ending = ''] = (schemes[i % schemes.length] ?? '').split(' ');
    const stream = STREAMS[i % STREAMS.length] ?? '';
    return server.url(scheme as 'rtmp', `live/${stream}${ending}`);
  });
}

describe('what ffmpeg finds', { concurrency: 2 }, () => {
  for (let i = 0; i < MANY; i++) {
    test(`player ${i + 1}`, async (t) => {
      await decodeStrict(t, ways()[i] ?? '', 2);
    });
  }
});

test('every kind of player names both codecs and the size', async (t) => {
  const [rtmp = '', , flv = '', , ts = ''] = ways();
  for (const url of [rtmp, flv, ts]) assert.deepEqual(await probeLines(t, url), PLAYED);
  for (const scheme of ['ws', 'wss'] as const) {
    const player = new WebSocketPlayer(t, server.url(scheme, 'live/one.flv'));
    assert.deepEqual(await probeLines(t, await player.body(200_000)), PLAYED);
  }
});

test('RTSP: publishers and players over their connection and over UDP', async (t) => {
  const port = server.log.all.find(({ listener }) => listener === 'rtsp')?.['port'];
  for (const transport of ['tcp', 'udp']) {
    const url = `rtsp://127.0.0.1:${port}/live/rtsp-${transport}`;
    const input = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', source('h264-640x360'), '-c', 'copy'];
    start(t, 'ffmpeg', [...input, '-f', 'rtsp', '-rtsp_transport', transport, url]);
    await receiver.waitFor('on_pub_start', { stream_name: `rtsp-${transport}`, protocol: 'RTSP' });
    // what was published by RTSP is played by all, and what was published by RTMP by RTSP
    await decodeStrict(t, server.url('http', `live/rtsp-${transport}.flv`), 2);
    const player = ['-v', 'warning', '-xerror', '-err_detect', 'explode', '-rtsp_transport', transport, '-t', '2'];
    const { code, stderr } = await run(t, 'ffmpeg', [
      ...[...player, '-i', `rtsp://127.0.0.1:${port}/live/one`],
      ...['-f', 'null', '-'],
    ]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  }
});

test('HLS is answered at every port, and its viewers are sessions', async (t) => {
  const from = receiver.callbacks.all.length;
  const watch = async (scheme: 'http' | 'https'): Promise<void> => {
    // ffmpeg opens several connections: its session goes on over threads
    await decodeStrict(t, server.url(scheme, `hls/two.m3u8?by=${scheme}`), 4);
    const { body } = await receiver.waitFor('on_sub_start', { protocol: 'HLS', url_param: `by=${scheme}` }, from);
    const stop = await receiver.waitFor('on_sub_stop', { session_id: body['session_id'] });
    assert.ok(Number(stop.body['wrote_bytes_sum']) > 100_000, stop.raw);
  };
  await Promise.all([watch('http'), watch('https')]);
  const unknown = await fetch(server.url('http', 'hls/two.m3u8?session_id=nobody'));
  assert.equal(unknown.status, 404);
});

test('sessions have numbers of one order, starts before stops, and stops that tell what was received', async (t) => {
  const players = Array.from(
    { length: MANY },
    (_, i) => new HttpPlayer(t, server.url('http', `live/count.flv?i=${i}`)),
  );
  publish(t, server.url('rtmp', 'live/count'), 'h264-640x360');
  await Promise.all(players.map((player) => player.body(100_000)));
  const groups = await poll(
    'statistics',
    async () => (await server.api('/api/stat/group?stream_name=count')).data as unknown as Group,
    ({ subs }) => subs.length === MANY && subs.every(({ wrote_bytes_sum }) => wrote_bytes_sum > 100_000),
  );
  const ids = groups.subs.map(({ session_id }) => Number(session_id.slice('FLVSUB'.length)));
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => a - b),
  );
  assert.equal(new Set(ids).size, MANY);

  // kicked players get everything that was written for them: then both sides must count the same
  for (const { session_id } of groups.subs) {
    assert.equal((await kick('count', session_id)).error_code, 0);
  }
  await Promise.all(players.map((player) => player.closed()));
  for (const [i, player] of players.entries()) {
    const { body, index } = await receiver.waitFor('on_sub_stop', { stream_name: 'count', url_param: `i=${i}` });
    assert.equal(body['wrote_bytes_sum'], player.received, `player ${i}`);
    const begin = await receiver.waitFor('on_sub_start', { session_id: body['session_id'] });
    assert.ok(begin.index < index);
  }
});

test('a connection, its publication and their ends are told in order, whichever thread they are on', async (t) => {
  const url = server.url('rtmp', 'live/order');
  for (let i = 0; i < 4; i++) {
    const from = receiver.callbacks.all.length;
    const publisher = publish(t, `${url}?i=${i}`, 'h264-640x360');
    const begin = await receiver.waitFor('on_pub_start', { stream_name: 'order', url_param: `i=${i}` }, from);
    await new HttpPlayer(t, server.url('http', 'live/order.flv')).body(50_000);
    await publisher.stop();
    const { session_id } = begin.body;
    const end = await receiver.waitFor('on_pub_stop', { session_id }, from);
    const connect = await receiver.waitFor('on_rtmp_connect', { session_id }, from);
    assert.ok(connect.index < begin.index && begin.index < end.index);
    assert.ok(Number(end.body['read_bytes_sum']) > 50_000);
  }
});

test('the second publisher of a stream is refused, on whichever thread it comes', async (t) => {
  const refused = await Promise.all(
    Array.from({ length: 6 }, () => publish(t, server.url('rtmp', 'live/one'), 'h264-640x360').finished),
  );
  assert.ok(refused.every(({ code }) => code !== 0));
  const { data } = await server.api('/api/stat/group?stream_name=one');
  assert.equal(receiver.ofStream('one').filter(({ event }) => event === 'on_pub_start').length, 1);
  assert.ok((data as unknown as Group).pub.session_id.startsWith('RTMPPUBSUB'));
});

test('kick_session ends a publisher and a player of each kind', async (t) => {
  const url = server.url('rtmp', 'live/kicked');
  const publisher = publish(t, url, 'h264-640x360');
  const { body } = await receiver.waitFor('on_pub_start', { stream_name: 'kicked' });
  const rtmpPlayer = ['-v', 'error', '-i', url, '-f', 'null', '-'];
  const kinds: (() => Promise<unknown>)[] = [
    () => start(t, 'ffmpeg', rtmpPlayer).finished,
    () => new HttpPlayer(t, server.url('http', 'live/kicked.flv')).closed(),
    () => new HttpPlayer(t, server.url('https', 'live/kicked.ts')).closed(),
    () => new WebSocketPlayer(t, server.url('ws', 'live/kicked.flv')).closed(),
  ];
  for (const play of kinds) {
    const from = receiver.callbacks.all.length;
    const ended = play();
    const { session_id } = (await receiver.waitFor('on_sub_start', { stream_name: 'kicked' }, from)).body;
    assert.equal((await kick('kicked', session_id)).error_code, 0);
    await withPatience(ended, () => 'the kicked player did not end');
    const { headers } = await receiver.waitFor('on_sub_stop', { session_id });
    assert.equal(headers['millrace-reason'], 'kicked');
  }
  assert.equal((await kick('kicked', body['session_id'])).error_code, 0);
  await withPatience(publisher.finished, () => 'the kicked publisher did not end');
  const stop = await receiver.waitFor('on_pub_stop', { session_id: body['session_id'] });
  assert.equal(stop.headers['millrace-reason'], 'kicked');
});

test('players that take nothing are closed, and the others on their thread go on', async (t) => {
  const own = await startReceiver(t);
  const small = await startServer(t, {
    ...GOPS_CACHED,
    http_notify: own.config(),
    millrace: { ...THREADS, limits: { subscriber_backlog_bytes: 65_536, idle_timeout_ms: 3000 } },
  });
  // twenty times its pace, so that the kernel's buffers are full soon
  const fast = ['-v', 'error', '-readrate', '20', '-stream_loop', '-1', '-i', source('h264-aac'), '-c', 'copy'];
  start(t, 'ffmpeg', [...fast, '-f', 'flv', small.url('rtmp', 'live/slow')]);
  await own.waitFor('on_pub_start', { stream_name: 'slow' });
  const play = (): HttpPlayer => new HttpPlayer(t, small.url('http', 'live/slow.flv'));
  const stalled = Array.from({ length: MANY }, play);
  const quick = Array.from({ length: 6 }, play);
  await Promise.all([...stalled, ...quick].map((player) => player.body(1000)));
  for (const player of stalled) player.pause();
  const isStop = ({ event, headers }: { event: string; headers: Record<string, unknown> }): boolean =>
    event === 'on_sub_stop' && headers['millrace-reason'] === 'timed out';
  await poll(
    'stops',
    async () => own.callbacks.all.filter(isStop).length,
    (count) => count === MANY,
  );
  const before = quick.map(({ received }) => received);
  await poll(
    'quick players',
    async () => quick,
    (players) => players.every(({ received }, i) => received > (before[i] ?? 0)),
  );
  const stops = small.log.all.filter(({ reason }) => reason === 'timed out');
  assert.ok(stops.every(({ droppedFrames }) => Number(droppedFrames) > 0));
});

test('a stop of the server closes every session on every thread, and each stop is delivered with its true bytes', async (t) => {
  const own = await startReceiver(t);
  const ending = await startServer(t, { ...GOPS_CACHED, http_notify: own.config(), millrace: THREADS });
  const publisher = publish(t, ending.url('rtmp', 'live/end'), 'h264-640x360');
  await own.waitFor('on_pub_start', { stream_name: 'end' });
  const players = Array.from({ length: MANY }, (_, i) => new HttpPlayer(t, ending.url('http', `live/end.ts?i=${i}`)));
  const waiting = Array.from({ length: MANY }, () => new WebSocketPlayer(t, ending.url('ws', 'live/nobody.flv')));
  await Promise.all([...players.map((player) => player.body(50_000)), ...waiting.map((player) => player.body(9))]);
  await ending.stop();
  await Promise.all(players.map((player) => player.closed()));
  for (const player of waiting) assert.equal(await player.closed(), 1001);
  assert.notEqual((await publisher.finished).code, 0);
  for (const [i, player] of players.entries()) {
    const { body, headers } = await own.waitFor('on_sub_stop', { url_param: `i=${i}` });
    assert.deepEqual([body['wrote_bytes_sum'], headers['millrace-reason']], [player.received, 'server stopped']);
  }
  const count = (name: string): number => own.callbacks.all.filter(({ event }) => event === name).length;
  assert.deepEqual(['on_pub_start', 'on_pub_stop', 'on_sub_start', 'on_sub_stop'].map(count), [
    1,
    1,
    2 * MANY,
    2 * MANY,
  ]);
});

interface Group {
  readonly pub: { readonly session_id: string };
  readonly subs: readonly { readonly session_id: string; readonly wrote_bytes_sum: number }[];
}

function kick(streamName: string, sessionId: unknown): ReturnType<Millrace['api']> {
  return server.api('/api/ctrl/kick_session', { stream_name: streamName, session_id: sessionId });
}
