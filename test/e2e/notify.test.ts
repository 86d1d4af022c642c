/** Every callback, field by field as the specification has it: keys and their order, types, truth, order of arrival. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { probeLines, publish } from '../support/ffmpeg.ts';
import { HttpPlayer, WebSocketPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { type Callback, type Receiver, startReceiver } from '../support/receiver.ts';
import { startRelay } from '../support/relay.ts';
import { fileScope } from '../support/temp-dir.ts';

/** HTTPNotify.md IV.2, with `remote_addr` for the misprint `remotet_addr`. */
const SESSION_KEYS = [
  ...['server_id', 'session_id', 'protocol', 'base_type', 'remote_addr', 'url', 'app_name', 'stream_name', 'url_param'],
  ...['has_in_session', 'has_out_session', 'read_bytes_sum', 'wrote_bytes_sum'],
];
const RTMP_CONNECT_KEYS = ['server_id', 'session_id', 'remote_addr', 'app', 'flashVer', 'tcUrl'];
/** docs/http-api.md, lal_info. */
const SERVER_START_KEYS = [
  ...['server_id', 'bin_info', 'lal_version', 'api_version', 'notify_version', 'WebUiVersion', 'start_time'],
];
const GROUP_KEYS = [
  ...['stream_name', 'app_name', 'audio_codec', 'video_codec', 'video_width', 'video_height'],
  ...['pub', 'subs', 'pull', 'pushs', 'in_frame_per_sec'],
];
const STAT_SESSION_KEYS = [
  ...['session_id', 'protocol', 'base_type', 'start_time', 'remote_addr', 'read_bytes_sum', 'wrote_bytes_sum'],
  ...['bitrate_kbits', 'read_bitrate_kbits', 'write_bitrate_kbits'],
];
const LOCAL_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/;
const ADDRESS = /^127\.0\.0\.1:\d+$/;

const scope = fileScope();
let receiver: Receiver;
let server: Millrace;

before(async () => {
  receiver = await startReceiver(scope);
  server = await startServer(scope, {
    server_id: 'node "7"',
    ...GOPS_CACHED,
    http_notify: receiver.config({ update_interval_sec: 1 }),
  });
});

test('on_server_start comes first, when the API answers, and equals lal_info', async () => {
  const start = await receiver.waitFor('on_server_start');
  assert.equal(start.index, 0);
  assert.deepEqual(Object.keys(start.body), SERVER_START_KEYS);
  assert.match(String(start.body['start_time']), LOCAL_TIME);
  assert.equal(start.body['server_id'], 'node "7"');
  assert.equal(start.body['notify_version'], 'v0.2.2');
  const { data } = await server.api('/api/stat/lal_info');
  assert.deepEqual(start.body, data);
  const update = await receiver.waitFor('on_update');
  assert.ok(update.index > start.index);
});

test('every callback is a POST of JSON over kept connections', async () => {
  await receiver.waitFor('on_update', {}, 3);
  const { all } = receiver.callbacks;
  for (const { method, headers, raw } of all) {
    assert.equal(method, 'POST');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(Number(headers['content-length']), Buffer.byteLength(raw));
  }
  const updates = all.filter(({ event }) => event === 'on_update');
  assert.ok(new Set(updates.map(({ connection }) => connection)).size < updates.length);
});

test('an RTMP publisher and an RTMP player, from connect to stop', async (t) => {
  const url = server.url('rtmp', 'live/test110?token=1111');
  const publisher = publish(t, url, 'h264-aac');
  const start = await receiver.waitFor('on_pub_start', { stream_name: 'test110' });
  assertSession(start, {
    ...{ protocol: 'RTMP', base_type: 'PUB', url, app_name: 'live', stream_name: 'test110', url_param: 'token=1111' },
    ...{ has_in_session: true, has_out_session: false },
  });
  assert.match(String(start.body['session_id']), /^RTMPPUBSUB\d+$/);
  assert.ok(Number(start.body['read_bytes_sum']) > 3073 && Number(start.body['wrote_bytes_sum']) > 3073);

  const connect = await receiver.waitFor('on_rtmp_connect', { session_id: start.body['session_id'] });
  assert.ok(connect.index < start.index);
  assert.deepEqual(Object.keys(connect.body), RTMP_CONNECT_KEYS);
  assert.equal(connect.body['remote_addr'], start.body['remote_addr']);
  assert.equal(connect.body['app'], 'live');
  assert.match(String(connect.body['flashVer']), /^FMLE\/3\.0/);
  assert.equal(connect.body['tcUrl'], server.url('rtmp', 'live'));

  await probeLines(t, url);
  const subStart = await receiver.waitFor('on_sub_start', { stream_name: 'test110' });
  assertSession(subStart, {
    ...{ protocol: 'RTMP', base_type: 'SUB', url, app_name: 'live', stream_name: 'test110', url_param: 'token=1111' },
    ...{ has_in_session: true, has_out_session: true },
  });
  const { session_id } = subStart.body;
  assert.notEqual(session_id, start.body['session_id']);
  assert.ok((await receiver.waitFor('on_rtmp_connect', { session_id })).index < subStart.index);
  const subStop = await receiver.waitFor('on_sub_stop', { session_id });
  assert.deepEqual([subStop.body['has_in_session'], subStop.body['has_out_session']], [true, false]);
  assertSameSession(subStart, subStop);

  await publisher.stop();
  const stop = await receiver.waitFor('on_pub_stop', { stream_name: 'test110' });
  assertSession(stop, { has_in_session: false, has_out_session: false });
  assertSameSession(start, stop);
  assert.deepEqual(
    receiver.ofStream('test110').map(({ event }) => event),
    ['on_pub_start', 'on_sub_start', 'on_sub_stop', 'on_pub_stop'],
  );
});

describe('a player over HTTP or WebSocket', () => {
  for (const { scheme, ending, prefix } of [
    { scheme: 'http', ending: 'flv', prefix: 'FLV' },
    { scheme: 'http', ending: 'ts', prefix: 'TS' },
    { scheme: 'ws', ending: 'flv', prefix: 'FLV' },
    { scheme: 'ws', ending: 'ts', prefix: 'TS' },
  ] as const) {
    test(`${scheme} ${ending}: start, kick, and a stop whose sum is what the player received`, async (t) => {
      const stream = `sum-${scheme}-${ending}`;
      publish(t, server.url('rtmp', `live/${stream}`), 'h264-aac');
      await receiver.waitFor('on_pub_start', { stream_name: stream });
      const url = server.url(scheme, `live/${stream}.${ending}?user=1`);
      const player = scheme === 'http' ? new HttpPlayer(t, url) : new WebSocketPlayer(t, url);
      await player.body(300_000);

      const start = await receiver.waitFor('on_sub_start', { stream_name: stream });
      assertSession(start, {
        ...{ protocol: prefix, base_type: 'SUB', app_name: 'live', stream_name: stream, url_param: 'user=1' },
        ...{ url: url.replace('ws:', 'http:'), has_in_session: true, has_out_session: true },
      });
      assert.match(String(start.body['session_id']), new RegExp(`^${prefix}SUB\\d+$`));

      const { error_code } = await server.api('/api/ctrl/kick_session', {
        stream_name: stream,
        session_id: start.body['session_id'],
      });
      assert.equal(error_code, 0);
      await player.closed();
      const stop = await receiver.waitFor('on_sub_stop', { stream_name: stream });
      assertSession(stop, { has_in_session: true, has_out_session: false });
      assertSameSession(start, stop);
      assert.equal(stop.body['wrote_bytes_sum'], player.received);
    });
  }
});

test('the sums of an RTMP player’s stop are what went over its connection', async (t) => {
  publish(t, server.url('rtmp', 'live/sum-rtmp'), 'h264-aac');
  await receiver.waitFor('on_pub_start', { stream_name: 'sum-rtmp' });
  const relay = await startRelay(t, server.port('rtmp'));
  const probing = probeLines(t, `rtmp://127.0.0.1:${relay.port}/live/sum-rtmp`);
  await probing;
  await relay.serverClosed();
  const stop = await receiver.waitFor('on_sub_stop', { stream_name: 'sum-rtmp' });
  assert.equal(stop.body['read_bytes_sum'], relay.fromClient());
  assert.ok(Number(stop.body['wrote_bytes_sum']) >= relay.fromServer());
});

test('the sums of a publisher’s stop are what went over its connection', async (t) => {
  const relay = await startRelay(t, server.port('rtmp'));
  const publisher = publish(t, `rtmp://127.0.0.1:${relay.port}/live/sum-pub`, 'h264-aac');
  const { body } = await receiver.waitFor('on_pub_start', { stream_name: 'sum-pub' });
  const player = new HttpPlayer(t, server.url('http', 'live/sum-pub.flv'));
  await player.body(300_000);
  await publisher.kill();
  const stop = await receiver.waitFor('on_pub_stop', { stream_name: 'sum-pub' });
  assert.equal(stop.body['read_bytes_sum'], relay.fromClient());
  assert.equal(stop.body['wrote_bytes_sum'], relay.fromServer());
  assert.deepEqual([stop.body['has_in_session'], stop.body['has_out_session']], [false, true]);
  // the session came through the relay, and says so as its client asked for it
  assert.equal(body['url'], `rtmp://127.0.0.1:${relay.port}/live/sum-pub`);
});

test('on_update lists groups and sessions', async (t) => {
  publish(t, server.url('rtmp', 'live/updated'), 'h264-aac');
  await receiver.waitFor('on_pub_start', { stream_name: 'updated' });
  new HttpPlayer(t, server.url('http', 'live/updated.flv'));
  const hasRates = ({ pub, subs, in_frame_per_sec }: Group): boolean =>
    Number(pub['bitrate_kbits']) > 0 && Number(subs[0]?.['bitrate_kbits']) > 0 && in_frame_per_sec.length > 2;
  const update = await receiver.callbacks.waitFor('an on_update with rates of the group', ({ event, body }) => {
    const group = event === 'on_update' ? groupsOf(body).find(isUpdated) : undefined;
    return group !== undefined && hasRates(group);
  });
  assert.deepEqual(Object.keys(update.body), ['server_id', 'groups']);
  const group = groupsOf(update.body).find(isUpdated);
  assert.ok(group);
  assert.deepEqual(Object.keys(group), GROUP_KEYS);
  const { pub, subs, pull, pushs, in_frame_per_sec, ...rest } = group;
  assert.deepEqual(rest, {
    ...{ stream_name: 'updated', app_name: 'live', audio_codec: 'AAC', video_codec: 'H264' },
    ...{ video_width: 1280, video_height: 720 },
  });
  assert.equal(subs.length, 1);
  for (const session of [pub, ...subs]) {
    assert.deepEqual(Object.keys(session), STAT_SESSION_KEYS);
    assert.match(String(session['start_time']), LOCAL_TIME);
    assert.match(String(session['remote_addr']), ADDRESS);
  }
  assert.equal(pub['base_type'], 'PUB');
  assert.equal(pub['bitrate_kbits'], pub['read_bitrate_kbits']);
  assert.equal(subs[0]?.['base_type'], 'SUB');
  assert.equal(subs[0]?.['bitrate_kbits'], subs[0]?.['write_bitrate_kbits']);
  const empty = STAT_SESSION_KEYS.map((key) => [key, /bytes|kbits/.test(key) ? 0 : '']);
  assert.deepEqual(pull, Object.fromEntries(empty));
  assert.deepEqual(pushs, []);
  const [newest, next] = in_frame_per_sec;
  assert.deepEqual(Object.keys(newest ?? {}), ['unix_sec', 'v']);
  assert.equal(newest?.unix_sec, Number(next?.unix_sec) + 1);
});

test('what was recorded from the original has the same fields, of the same types', () => {
  const file = join(import.meta.dirname, '../golden/lalserver-0.37.4.notify.json');
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as { event: string; body: Record<string, unknown> }[];
  let compared = 0;
  for (const { event, body } of recorded) {
    const ours = receiver.callbacks.all.find((callback) => callback.event === event);
    if (ours === undefined || event === 'on_update') continue;
    compared++;
    assert.deepEqual(typesOf(ours.body), typesOf(body), event);
  }
  assert.ok(compared >= 8);
});

test('an event whose URL is null or empty is not sent, and the others are', async (t) => {
  const own = await startReceiver(t);
  const http_notify = own.config({ on_pub_start: null, on_rtmp_connect: '' });
  const picky = await startServer(t, { http_notify });
  const publisher = publish(t, picky.url('rtmp', 'live/quiet'), 'h264-640x360');
  await picky.log.waitFor('the publisher', (line) => line['stream'] === 'quiet');
  await publisher.stop();
  await own.waitFor('on_pub_stop', { stream_name: 'quiet' });
  assert.deepEqual(
    own.callbacks.all.map(({ event }) => event),
    ['on_server_start', 'on_pub_stop'],
  );
});

test('what a receiver refuses is sent again, and later events of the stream wait for it', async (t) => {
  const own = await startReceiver(t);
  let refused = 0;
  own.answer = ({ event }) => (event === 'on_pub_start' && ++refused <= 2 ? 500 : 200);
  const stubborn = await startServer(t, { http_notify: own.config() });
  const publisher = publish(t, stubborn.url('rtmp', 'live/again'), 'h264-640x360');
  await own.waitFor('on_pub_start', { stream_name: 'again' });
  await publisher.stop();
  await own.waitFor('on_pub_stop', { stream_name: 'again' });
  const events = own.ofStream('again').map(({ event }) => event);
  assert.deepEqual(events, ['on_pub_start', 'on_pub_start', 'on_pub_start', 'on_pub_stop']);
  const bodies = own.ofStream('again').map(({ raw }) => raw);
  assert.equal(new Set(bodies.slice(0, 3)).size, 1);
});

type Session = Record<string, unknown>;

interface Group {
  readonly stream_name: string;
  readonly pub: Session;
  readonly subs: readonly Session[];
  readonly pull: Session;
  readonly pushs: readonly Session[];
  readonly in_frame_per_sec: readonly { readonly unix_sec: number; readonly v: number }[];
}

function groupsOf(body: Record<string, unknown>): Group[] {
  return body['groups'] as Group[];
}

function isUpdated({ stream_name }: Group): boolean {
  return stream_name === 'updated';
}

/** A session event's keys, their order and types, what is true of all of them, and the fields given. */
function assertSession({ event, body }: Callback, fields: Record<string, unknown>): void {
  assert.deepEqual(Object.keys(body), SESSION_KEYS, event);
  assert.equal(body['server_id'], 'node "7"');
  assert.match(String(body['remote_addr']), ADDRESS);
  for (const [name, value] of Object.entries(fields)) assert.equal(body[name], value, `${event} ${name}`);
  for (const name of ['read_bytes_sum', 'wrote_bytes_sum']) assert.ok(Number.isSafeInteger(body[name]), name);
}

/** A stop tells of the session that its start told of, whose sums only grow. */
function assertSameSession(start: Callback, stop: Callback): void {
  const changing = new Set(['has_in_session', 'has_out_session', 'read_bytes_sum', 'wrote_bytes_sum']);
  for (const name of SESSION_KEYS) if (!changing.has(name)) assert.equal(stop.body[name], start.body[name], name);
  for (const name of ['read_bytes_sum', 'wrote_bytes_sum']) {
    assert.ok(Number(stop.body[name]) >= Number(start.body[name]), name);
  }
}

function typesOf(body: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, typeof value]));
}
