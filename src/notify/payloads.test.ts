/** Tests of the payloads: byte for byte the specification's, and in shape the recorded ones. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { BaseType, Fact } from '../streams/index.ts';
import { connected, session, started, stopped } from './notify.fixture.ts';
import { messageOf } from './payloads.ts';

const recorded = JSON.parse(
  readFileSync(new URL('../../test/golden/lalserver-0.37.4.notify.json', import.meta.url), 'utf8'),
) as { event: string; body: Record<string, unknown> }[];

const payload = (fact: Fact) => {
  const message = messageOf(fact, '1', () => ({ server_id: '1', bin_info: 'x' }));
  if (message === null) return null;
  return { event: message.event, streamName: message.streamName, body: JSON.stringify(message.body) };
};

test('on_pub_start is the example of the specification, IV.2, byte for byte', () => {
  assert.deepEqual(payload(started(session('RTMPPUBSUB5'))), {
    event: 'on_pub_start',
    streamName: 'test110',
    body: '{"server_id":"1","session_id":"RTMPPUBSUB5","protocol":"RTMP","base_type":"PUB","remote_addr":"127.0.0.1:52010","url":"rtmp://127.0.0.1:1935/live/test110?token=1111","app_name":"live","stream_name":"test110","url_param":"token=1111","has_in_session":true,"has_out_session":false,"read_bytes_sum":3407,"wrote_bytes_sum":3500}',
  });
});

test('on_sub_start is the example of the specification, IV.4, byte for byte', () => {
  const flv = {
    ...session('FLVSUB1', 'test110', 'SUB'),
    protocol: 'FLV' as const,
    remoteAddr: '127.0.0.1:51889',
    url: 'http://127.0.0.1:8080/live/test110.flv?token=1111',
    hasInSession: false,
    hasOutSession: true,
    readBytesSum: 0,
    wroteBytesSum: 0,
  };
  assert.equal(
    payload(started(flv))?.body,
    '{"server_id":"1","session_id":"FLVSUB1","protocol":"FLV","base_type":"SUB","remote_addr":"127.0.0.1:51889","url":"http://127.0.0.1:8080/live/test110.flv?token=1111","app_name":"live","stream_name":"test110","url_param":"token=1111","has_in_session":false,"has_out_session":true,"read_bytes_sum":0,"wrote_bytes_sum":0}',
  );
});

test('on_rtmp_connect is the example of the specification, IV.8, byte for byte', () => {
  assert.deepEqual(payload(connected('RTMPPUBSUB1')), {
    event: 'on_rtmp_connect',
    streamName: null,
    body: '{"server_id":"1","session_id":"RTMPPUBSUB1","remote_addr":"127.0.0.1:53834","app":"live","flashVer":"FMLE/3.0 (compatible; Lavf57.83.100)","tcUrl":"rtmp://127.0.0.1:19350/live"}',
  });
});

test('on_hls_make_ts is the example of the specification, IV.10, byte for byte', () => {
  const fact: Fact = {
    kind: 'hls_make_ts',
    unixMs: 0,
    event: 'open',
    streamName: 'test110',
    cwd: '/Volumes/T7/lal',
    tsFile: 'lal_record/hls/test110/test110-1654601694357-2.ts',
    liveM3u8File: 'lal_record/hls/test110/playlist.m3u8',
    recordM3u8File: 'lal_record/hls/test110/record.m3u8',
    id: 2,
    durationSec: 3.333,
  };
  assert.deepEqual(payload(fact), {
    event: 'on_hls_make_ts',
    streamName: 'test110',
    body: '{"event":"open","stream_name":"test110","cwd":"/Volumes/T7/lal","ts_file":"lal_record/hls/test110/test110-1654601694357-2.ts","live_m3u8_file":"lal_record/hls/test110/playlist.m3u8","record_m3u8_file":"lal_record/hls/test110/record.m3u8","id":2,"duration":3.333,"server_id":"1"}',
  });
});

test('on_server_start bears what lal_info gives', () => {
  assert.equal(payload({ kind: 'server_start', unixMs: 0 })?.body, '{"server_id":"1","bin_info":"x"}');
});

test('each base type has its events, and relay pushes have none', () => {
  const events = (type: BaseType) => [started, stopped].map((make) => payload(make(session('X1', 's', type)))?.event);
  assert.deepEqual(events('PUB'), ['on_pub_start', 'on_pub_stop']);
  assert.deepEqual(events('SUB'), ['on_sub_start', 'on_sub_stop']);
  assert.deepEqual(events('PULL'), ['on_relay_pull_start', 'on_relay_pull_stop']);
  assert.deepEqual(events('PUSH'), [undefined, undefined]);
});

test('fields and their order are those of the recorded traffic', () => {
  const types: Record<string, BaseType> = { pub: 'PUB', sub: 'SUB', relay: 'PULL' };
  let compared = 0;
  for (const { event, body } of recorded) {
    const type = types[event.split('_')[1] ?? ''];
    const make = event.endsWith('_stop') ? stopped : started;
    const fact = event === 'on_rtmp_connect' ? connected('X1') : type && make(session('X1', 's', type));
    if (fact === undefined) continue;
    const ours = payload(fact);
    assert.equal(ours?.event, event);
    assert.deepEqual(Object.keys(JSON.parse(ours?.body ?? '{}')), Object.keys(body), event);
    compared++;
  }
  assert.equal(compared, 13);
});
