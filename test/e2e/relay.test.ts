/** Streams from and to other servers of ours: pulls by the API, on demand and by configuration, pushes, chains and loops. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startRelay } from '../support/relay.ts';
import { fileScope, type Scope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const PLAYED = ['h264 640x360', 'aac 48000'];

const scope = fileScope();
/** Has the streams. */
let origin: Millrace;
/** Pulls them. */
let edge: Millrace;
let receiver: Receiver;

before(async () => {
  receiver = await startReceiver(scope);
  origin = await startServer(scope, { ...GOPS_CACHED, rtsp: { enable: true, addr: '127.0.0.1:0' } });
  edge = await startServer(scope, { ...GOPS_CACHED, http_notify: receiver.config() });
});

const startPull = (fields: object) => edge.api('/api/ctrl/start_relay_pull', fields);
const stopPull = (name: string) => edge.api(`/api/ctrl/stop_relay_pull?stream_name=${name}`);

async function untilPublished(server: Millrace, name: string): Promise<void> {
  await poll(
    `${name} is published`,
    async () => (await server.api(`/api/stat/group?stream_name=${name}`)).data?.['video_codec'],
    (codec) => codec === 'H264',
  );
}

async function onOrigin(t: Scope, name: string): Promise<string> {
  publish(t, origin.url('rtmp', `live/${name}`), 'h264-640x360');
  await untilPublished(origin, name);
  return origin.url('rtmp', `live/${name}`);
}

test('a pull is a session with its events, plays in every format, and stops when it is told', async (t) => {
  const url = await onOrigin(t, 'simple');
  const { error_code, data } = await startPull({ url: `${url}?token=1`, stream_name: 'copy' });
  assert.equal(error_code, 0);
  const sessionId = data?.['session_id'];
  assert.match(String(sessionId), /^RTMPPULL\d+$/);
  const { body } = await receiver.waitFor('on_relay_pull_start', { session_id: sessionId });
  assert.deepEqual(
    [body['base_type'], body['protocol'], body['url'], body['app_name'], body['stream_name'], body['url_param']],
    ['PULL', 'RTMP', `${url}?token=1`, 'live', 'copy', 'token=1'],
  );
  assert.equal(body['remote_addr'], `127.0.0.1:${origin.port('rtmp')}`);
  assert.equal(body['has_in_session'], true);

  assert.deepEqual(await probeLines(t, edge.url('http', 'live/copy.flv')), PLAYED);
  await decodeStrict(t, edge.url('rtmp', 'live/copy'), 3);
  const group = (await edge.api('/api/stat/group?stream_name=copy')).data as { pull: { session_id: string } };
  assert.equal(group.pull.session_id, sessionId);
  assert.equal((await startPull({ url, stream_name: 'copy' })).error_code, 2001);

  assert.deepEqual((await stopPull('copy')).data, { session_id: sessionId });
  const stop = await receiver.waitFor('on_relay_pull_stop', { session_id: sessionId });
  assert.ok(Number(stop.body['read_bytes_sum']) > 100_000, `${stop.body['read_bytes_sum']} bytes read`);
  assert.equal((await stopPull('copy')).error_code, 1001);
  assert.equal((await startPull({ url, stream_name: 'copy' })).error_code, 0);
  await receiver.waitFor('on_relay_pull_start', { stream_name: 'copy' }, stop.index);
});

test('what cannot be pulled is refused, and nothing is kept of it', async (t) => {
  publish(t, edge.url('rtmp', 'live/own'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'own' });
  const url = origin.url('rtmp', 'live/x');
  for (const [fields, code] of [
    [{}, 1002],
    [{ url: '' }, 1002],
    [{ url: 7 }, 1002],
    [{ url, pull_retry_num: -2 }, 1002],
    [{ url, pull_timeout_ms: 'soon' }, 1002],
    [{ url, rtsp_mode: 2 }, 1002],
    [{ url: 'nonsense', stream_name: 'x' }, 2001],
    [{ url: 'http://h/live/x', stream_name: 'x' }, 2001],
    [{ url, stream_name: 'own' }, 2001],
    [{ url, auto_stop_pull_after_no_out_ms: 0 }, 2001],
  ] as const) {
    assert.equal((await startPull(fields)).error_code, code, JSON.stringify(fields));
  }
  assert.equal((await stopPull('x')).error_code, 1001);
  assert.equal((await stopPull('own')).error_code, 1003);
});

test('a source that is not there is tried again as often as was asked, then given up with one event', async () => {
  const { data } = await startPull({ url: 'rtmp://127.0.0.1:1/live/gone', pull_retry_num: 1 });
  const stop = await receiver.waitFor('on_relay_pull_stop', { session_id: data?.['session_id'] });
  assert.equal(stop.headers['millrace-reason'], 'pull failed');
  const tries = edge.log.all.filter(({ msg, stream }) => stream === 'gone' && /^a pull /.test(msg));
  assert.deepEqual(
    tries.map(({ msg }) => msg),
    ['a pull failed and is tried again', 'a pull is given up'],
  );
  assert.deepEqual(
    receiver.ofStream('gone').map(({ event }) => event),
    ['on_relay_pull_stop'],
  );
});

test('a source without media is given up after its time-out; a stop ends a pull that waits', async () => {
  const silent = { url: origin.url('rtmp', 'live/silent'), pull_timeout_ms: 200 };
  const first = await startPull(silent);
  await receiver.waitFor('on_relay_pull_stop', { session_id: first.data?.['session_id'] });
  const second = await startPull({ ...silent, pull_retry_num: -1 });
  const waits = ({ msg, stream }: { msg: string; stream?: unknown }) => stream === 'silent' && /tried again/.test(msg);
  await edge.log.waitFor('a retry', waits);
  assert.deepEqual((await stopPull('silent')).data, { session_id: second.data?.['session_id'] });
  const stop = await receiver.waitFor('on_relay_pull_stop', { session_id: second.data?.['session_id'] });
  assert.equal(stop.headers['millrace-reason'], 'kicked');
});

test('a pull whose source comes back goes on for its players, as a new session', async (t) => {
  const source = publish(t, origin.url('rtmp', 'live/flap'), 'h264-640x360');
  await untilPublished(origin, 'flap');
  const { data } = await startPull({ url: origin.url('rtmp', 'live/flap'), pull_retry_num: -1 });
  await receiver.waitFor('on_relay_pull_start', { session_id: data?.['session_id'] });
  const player = new HttpPlayer(t, edge.url('http', 'live/flap.flv'));
  await player.body(100_000);
  const group = (await origin.api('/api/stat/group?stream_name=flap')).data as { subs: { session_id: string }[] };
  await origin.api('/api/ctrl/kick_session', { stream_name: 'flap', session_id: group.subs[0]?.session_id });
  const stop = await receiver.waitFor('on_relay_pull_stop', { session_id: data?.['session_id'] });
  const again = await receiver.waitFor('on_relay_pull_start', { stream_name: 'flap' }, stop.index);
  assert.notEqual(again.body['session_id'], data?.['session_id']);
  await player.body(player.bodyNow().length + 100_000);
  await source.stop();
});

test('kick_session ends a pull for good', async (t) => {
  const url = await onOrigin(t, 'kicked');
  const { data } = await startPull({ url, pull_retry_num: -1 });
  const session_id = data?.['session_id'];
  await receiver.waitFor('on_relay_pull_start', { session_id });
  assert.equal((await edge.api('/api/ctrl/kick_session', { stream_name: 'kicked', session_id })).error_code, 0);
  const stop = await receiver.waitFor('on_relay_pull_stop', { session_id });
  assert.equal(stop.headers['millrace-reason'], 'kicked');
  assert.equal((await stopPull('kicked')).error_code, 1001);
});

const PLAYERS = {
  FLV: (server: Millrace, name: string) => server.url('http', `live/${name}.flv`),
  TS: (server: Millrace, name: string) => server.url('http', `live/${name}.ts`),
  RTMP: (server: Millrace, name: string) => server.url('rtmp', `live/${name}`),
  RTSP: (server: Millrace, name: string) => server.url('rtsp', `live/${name}`),
  HLS: (server: Millrace, name: string) => server.url('http', `hls/${name}.m3u8`),
};

for (const [protocol, urlOf] of Object.entries(PLAYERS)) {
  test(`on demand, ${protocol}: a player's callback starts the pull, the last one's ends it`, async (t) => {
    const name = `demand-${protocol.toLowerCase()}`;
    const url = await onOrigin(t, name);
    const business = await startReceiver(t);
    const hls = { enable: true, out_path: tempDir(t), fragment_duration_ms: 1000, fragment_num: 6 };
    const server = await startServer(t, {
      ...GOPS_CACHED,
      http_notify: business.config(),
      rtsp: { enable: true, addr: '127.0.0.1:0' },
      hls: { ...hls, sub_session_hash_key: 'key', sub_session_timeout_ms: 5000 },
    });
    business.answer = ({ event, body }) => {
      if (event === 'on_sub_start' && body['has_in_session'] === false) {
        void server.api('/api/ctrl/start_relay_pull', { url, stream_name: name });
      }
      if (event === 'on_sub_stop' && body['has_out_session'] === false) {
        void server.api(`/api/ctrl/stop_relay_pull?stream_name=${name}`);
      }
      return 200;
    };
    const played = urlOf(server, name);
    assert.deepEqual(await probeLines(t, played, protocol === 'RTSP' ? ['-rtsp_transport', 'tcp'] : []), PLAYED);
    const stop = await business.waitFor('on_relay_pull_stop', { stream_name: name });
    assert.deepEqual(
      business.ofStream(name).map(({ event }) => event),
      ['on_sub_start', 'on_relay_pull_start', 'on_sub_stop', 'on_relay_pull_stop'],
    );
    assert.equal(stop.body['has_in_session'], false);
  });
}

for (const [how, fields] of [
  ['TCP', {}],
  ['UDP', { rtsp_mode: 1 }],
] as const) {
  test(`a stream is pulled by RTSP over ${how}, and plays`, async (t) => {
    const name = `rtsp-${how.toLowerCase()}`;
    await onOrigin(t, name);
    const { data } = await startPull({ url: origin.url('rtsp', `live/${name}`), ...fields });
    const { body } = await receiver.waitFor('on_relay_pull_start', { session_id: data?.['session_id'] });
    assert.equal(body['protocol'], 'RTSP');
    assert.match(String(body['session_id']), /^RTSPPULL\d+$/);
    assert.deepEqual(await probeLines(t, edge.url('http', `live/${name}.flv`)), PLAYED);
    await decodeStrict(t, edge.url('rtmp', `live/${name}`), 3);
    await stopPull(name);
    await receiver.waitFor('on_relay_pull_stop', { session_id: data?.['session_id'] });
  });
}

test('by configuration a player pulls what is not here, through a chain of three, until nobody watches', async (t) => {
  const url = await onOrigin(t, 'chain');
  assert.match(url, /\/live\/chain$/);
  const next = (server: Millrace) => ({ enable: true, addr: `127.0.0.1:${server.port('rtmp')}` });
  const middle = await startServer(t, { ...GOPS_CACHED, static_relay_pull: next(origin) });
  const last = await startServer(t, { ...GOPS_CACHED, static_relay_pull: next(middle) });
  assert.deepEqual(await probeLines(t, last.url('http', 'live/chain.flv')), PLAYED);
  for (const server of [last, middle]) {
    await poll(
      'nothing is pulled any more',
      async () => (await server.api('/api/stat/all_group')).data?.['groups'],
      (groups) => Array.isArray(groups) && groups.length === 0,
    );
  }
});

test('by configuration nothing is pulled in the place of a lost publisher while it may come back; then it is', async (t) => {
  await onOrigin(t, 'lost');
  const events = await startReceiver(t);
  const static_relay_pull = { enable: true, addr: `127.0.0.1:${origin.port('rtmp')}` };
  const graced = (grace_ms: number) =>
    startServer(t, {
      ...GOPS_CACHED,
      static_relay_pull,
      http_notify: events.config(),
      millrace: { publish: { grace_ms } },
    });
  const publishAt = (server: Millrace) => publish(t, server.url('rtmp', 'live/lost'), 'h264-640x360');
  const told = () => events.ofStream('lost').map(({ event }) => event);

  const patient = await graced(600_000);
  const first = publishAt(patient);
  const { index } = await events.waitFor('on_pub_start');
  const player = new HttpPlayer(t, patient.url('http', 'live/lost.flv'));
  await player.body(100_000);
  await first.kill();
  await events.waitFor('on_pub_stop');
  new HttpPlayer(t, patient.url('http', 'live/lost.flv'));
  await events.waitFor('on_sub_start', { has_in_session: false });
  const second = publishAt(patient);
  await events.waitFor('on_pub_start', {}, index + 1);
  await player.body(player.bodyNow().length + 100_000);
  await second.kill();
  await patient.stop();
  const pulls = told().filter((event) => event.startsWith('on_relay_pull'));
  assert.deepEqual(pulls, []);

  const hasty = await graced(100);
  const from = events.callbacks.all.length;
  const third = publishAt(hasty);
  await events.waitFor('on_pub_start', {}, from);
  new HttpPlayer(t, hasty.url('http', 'live/lost.flv'));
  await events.waitFor('on_sub_start', {}, from);
  await third.kill();
  const stop = await events.waitFor('on_pub_stop', {}, from);
  await events.waitFor('on_relay_pull_start', {}, stop.index);
});

test('two servers that pull from each other come to rest when nobody watches', async (t) => {
  const pullFrom = (port: number) => ({ static_relay_pull: { enable: true, addr: `127.0.0.1:${port}` } });
  const toSecond = await startRelay(t, () => second.port('rtmp'));
  const first = await startServer(t, pullFrom(toSecond.port));
  const second: Millrace = await startServer(t, pullFrom(first.port('rtmp')));
  const player = new HttpPlayer(t, first.url('http', 'live/loop.flv'));
  const subscribers = async (server: Millrace): Promise<number> => {
    const { data } = await server.api('/api/stat/group?stream_name=loop');
    return (data as { subs: unknown[] } | null)?.subs?.length ?? 0;
  };
  await poll(
    'each pulls from the other',
    () => subscribers(second),
    (count) => count === 1,
  );
  await poll(
    'and back',
    () => subscribers(first),
    (count) => count === 2,
  );
  player.leave();
  await poll(
    'the loop ends',
    () => subscribers(first),
    (count) => count === 0,
  );
  await poll(
    'on both',
    () => subscribers(second),
    (count) => count === 0,
  );
});

test('a push brings every publication to another server, query kept, again and again until it ends', async (t) => {
  const events = await startReceiver(t);
  const target = await startServer(t, { ...GOPS_CACHED, http_notify: events.config() });
  const addr_list = [`127.0.0.1:${target.port('rtmp')}`, '127.0.0.1:1'];
  const source = await startServer(t, { relay_push: { enable: true, addr_list } });
  const publisher = publish(t, source.url('rtmp', 'a/b/pushed?k=v'), 'h264-bframes-aac');
  const { body } = await events.waitFor('on_pub_start', { stream_name: 'pushed' });
  assert.deepEqual([body['app_name'], body['url_param']], ['a/b', 'k=v']);
  await decodeStrict(t, target.url('http', 'a/b/pushed.flv'), 3);
  const group = (await source.api('/api/stat/group?stream_name=pushed')).data as unknown as Pushes;
  assert.deepEqual(
    group.pushs.map(({ protocol, base_type }) => [protocol, base_type]),
    [['RTMP', 'PUSH']],
  );
  assert.match(group.pushs[0]?.session_id ?? '', /^RTMPPUSH\d+$/);
  assert.deepEqual(group.subs, []);

  await target.api('/api/ctrl/kick_session', { stream_name: 'pushed', session_id: body['session_id'] });
  const stop = await events.waitFor('on_pub_stop', { stream_name: 'pushed' });
  await events.waitFor('on_pub_start', { stream_name: 'pushed' }, stop.index);
  await publisher.stop();
  await events.waitFor('on_pub_stop', { stream_name: 'pushed' }, stop.index + 1);
});

interface Pushes {
  readonly pushs: readonly { session_id: string; protocol: string; base_type: string }[];
  readonly subs: readonly unknown[];
}
