/** The HTTP API against a running stream: statistics, and kicking a session of each kind. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { probeLines, publish } from '../support/ffmpeg.ts';
import { HttpPlayer, WebSocketPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { start } from '../support/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope } from '../support/temp-dir.ts';
import { poll, withPatience } from '../support/wait-for.ts';

const SESSION_NUMBER = /^[A-Z]+\d+$/;

const scope = fileScope();
let receiver: Receiver;
let server: Millrace;

before(async () => {
  receiver = await startReceiver(scope);
  server = await startServer(scope, {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
  });
});

test('group tells codecs, size, sessions with rates, and frames per second', async (t) => {
  publish(t, server.url('rtmp', 'live/stat'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'stat' });
  const player = new HttpPlayer(t, server.url('http', 'live/stat.flv'));
  await player.body(100_000);
  const data = await poll(
    'two full seconds of frames and a bit rate',
    async () => (await server.api('/api/stat/group?stream_name=stat')).data as unknown as Group,
    ({ in_frame_per_sec, pub }) => in_frame_per_sec.length >= 3 && pub.bitrate_kbits > 0,
  );
  assert.deepEqual(
    [data.stream_name, data.app_name, data.audio_codec, data.video_codec, data.video_width, data.video_height],
    ['stat', 'live', 'AAC', 'H264', 640, 360],
  );
  // the source has 30 frames a second; the first second of a stream is not a full one
  const [newest] = data.in_frame_per_sec;
  assert.ok(newest && newest.v >= 20 && newest.v <= 40, `${newest?.v} frames`);
  assert.equal(data.subs.length, 1);
  assert.match(data.pub.session_id, SESSION_NUMBER);

  const groups = await allGroups();
  assert.deepEqual(Object.keys(groups.find(({ stream_name }) => stream_name === 'stat') ?? {}), Object.keys(data));
});

test('a group without sessions is gone', async (t) => {
  const player = new HttpPlayer(t, server.url('http', 'live/gone.flv'));
  await receiver.waitFor('on_sub_start', { stream_name: 'gone' });
  assert.equal((await server.api('/api/stat/group?stream_name=gone')).error_code, 0);
  player.leave();
  await receiver.waitFor('on_sub_stop', { stream_name: 'gone' });
  const { error_code, desp } = await server.api('/api/stat/group?stream_name=gone');
  assert.deepEqual([error_code, desp], [1001, 'group not found']);
  assert.ok(!(await allGroups()).some(({ stream_name }) => stream_name === 'gone'));
});

test('kick_session ends a publisher, and its players wait for the next', async (t) => {
  const url = server.url('rtmp', 'live/kicked');
  const publisher = publish(t, url, 'h264-640x360');
  const { body } = await receiver.waitFor('on_pub_start', { stream_name: 'kicked' });
  const player = new HttpPlayer(t, server.url('http', 'live/kicked.flv'));
  await player.body(50_000);
  const { session_id } = body;
  assert.equal((await kick('kicked', session_id)).error_code, 0);
  const { code } = await withPatience(publisher.finished, () => 'the kicked publisher did not end');
  assert.notEqual(code, 0);
  await receiver.waitFor('on_pub_stop', { session_id });
  assert.equal((await kick('kicked', session_id)).error_code, 1003);

  const before = player.bodyNow().length;
  publish(t, url, 'h264-640x360');
  await player.body(before + 50_000);
});

test('kick_session ends a player of each kind', async (t) => {
  publish(t, server.url('rtmp', 'live/watched'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'watched' });
  const rtmpPlayer = ['-v', 'error', '-i', server.url('rtmp', 'live/watched'), '-f', 'null', '-'];
  const players: Record<string, () => { ended: Promise<unknown> }> = {
    'RTMP player': () => ({ ended: start(t, 'ffmpeg', rtmpPlayer).finished }),
    'HTTP-FLV player': () => ({ ended: new HttpPlayer(t, server.url('http', 'live/watched.flv')).closed() }),
    'HTTP-TS player': () => ({ ended: new HttpPlayer(t, server.url('http', 'live/watched.ts')).closed() }),
    'WebSocket-FLV player': () => ({ ended: new WebSocketPlayer(t, server.url('ws', 'live/watched.flv')).closed() }),
  };
  for (const [what, play] of Object.entries(players)) {
    const from = receiver.callbacks.all.length;
    const { ended } = play();
    const { body } = await receiver.waitFor('on_sub_start', { stream_name: 'watched' }, from);
    assert.equal((await kick('watched', body['session_id'])).error_code, 0, what);
    await withPatience(ended, () => `the kicked ${what} did not end`);
    await receiver.waitFor('on_sub_stop', { session_id: body['session_id'] });
  }
  assert.deepEqual(await probeLines(t, server.url('http', 'live/watched.flv')), ['h264 640x360', 'aac 48000']);
});

test('kick_session refuses what is missing or not there', async (t) => {
  publish(t, server.url('rtmp', 'live/there'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'there' });
  assert.equal((await kick('nowhere', 'RTMPPUBSUB1')).error_code, 1001);
  assert.equal((await kick('there', 'RTMPPUBSUB999')).error_code, 1003);
  assert.equal((await server.api('/api/ctrl/kick_session', { stream_name: 'there' })).error_code, 1002);
  assert.equal((await server.api('/api/ctrl/kick_session', { stream_name: 'there', session_id: 7 })).error_code, 1002);
});

test('each answer is JSON with CORS headers, also where there is no such page', async () => {
  for (const path of ['/api/stat/lal_info', '/api/stat/nope']) {
    const response = await fetch(`http://127.0.0.1:${server.port('api')}${path}`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/json');
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
  }
  const { error_code, desp, data } = await server.api('/api/stat/nope');
  assert.deepEqual([error_code, data], [404, undefined]);
  assert.match(desp, /^page not found, check this document out: ./);
});

interface Session {
  readonly session_id: string;
  readonly bitrate_kbits: number;
}

interface Group {
  readonly stream_name: string;
  readonly app_name: string;
  readonly audio_codec: string;
  readonly video_codec: string;
  readonly video_width: number;
  readonly video_height: number;
  readonly pub: Session;
  readonly subs: readonly Session[];
  readonly in_frame_per_sec: readonly { readonly unix_sec: number; readonly v: number }[];
}

function kick(streamName: string, sessionId: unknown): ReturnType<Millrace['api']> {
  return server.api('/api/ctrl/kick_session', { stream_name: streamName, session_id: sessionId });
}

async function allGroups(): Promise<Group[]> {
  const { error_code, data } = await server.api('/api/stat/all_group');
  assert.equal(error_code, 0);
  return (data as { groups: Group[] }).groups;
}
