/** Tests of the statistics' JSON: the order of the specification, and empty values as recorded. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { GroupSnapshot, SessionSnapshot } from '../streams/index.ts';
import { groupJson, lalInfoJson } from './stat-json.ts';

const pub: SessionSnapshot = {
  sessionId: 'RTMPPUBSUB1',
  protocol: 'RTMP',
  baseType: 'PUB',
  remoteAddr: '127.0.0.1:61353',
  startUnixMs: new Date(2020, 9, 11, 19, 17, 41, 586).getTime(),
  readBytesSum: 9219247,
  wroteBytesSum: 3500,
  readBitrateKbits: 436,
  writeBitrateKbits: 0,
  droppedFrames: 0,
  lostPackets: 0,
};
const sub: SessionSnapshot = {
  ...pub,
  sessionId: 'FLVSUB1',
  protocol: 'FLV',
  baseType: 'SUB',
  readBitrateKbits: 0,
  writeBitrateKbits: 439,
};
const group: GroupSnapshot = {
  streamName: 'test110',
  appName: 'live',
  audioCodec: 'AAC',
  videoCodec: 'H264',
  videoWidth: 640,
  videoHeight: 360,
  pub,
  subs: [],
  pull: null,
  pushs: [],
  inFramePerSec: [{ unixSec: 1795509442, v: 30 }],
};

test('a group is the example of the specification, IV.1, byte for byte', () => {
  assert.equal(
    JSON.stringify(groupJson(group)),
    '{"stream_name":"test110","app_name":"live","audio_codec":"AAC","video_codec":"H264","video_width":640,"video_height":360,' +
      '"pub":{"session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","start_time":"2020-10-11 19:17:41.586","remote_addr":"127.0.0.1:61353","read_bytes_sum":9219247,"wrote_bytes_sum":3500,"bitrate_kbits":436,"read_bitrate_kbits":436,"write_bitrate_kbits":0},' +
      '"subs":[],' +
      '"pull":{"session_id":"","protocol":"","base_type":"","start_time":"","remote_addr":"","read_bytes_sum":0,"wrote_bytes_sum":0,"bitrate_kbits":0,"read_bitrate_kbits":0,"write_bitrate_kbits":0},' +
      '"pushs":[],"in_frame_per_sec":[{"unix_sec":1795509442,"v":30}]}',
  );
});

test('bitrate_kbits is what a publisher sends us and what we send a subscriber', () => {
  const { subs, pushs, pull } = groupJson({
    ...group,
    subs: [sub],
    pushs: [{ ...sub, baseType: 'PUSH' }],
    pull: { ...pub, baseType: 'PULL' },
  });
  assert.deepEqual([subs[0]?.bitrate_kbits, pushs[0]?.bitrate_kbits, pull.bitrate_kbits], [439, 439, 436]);
});

test('no field of the recorded group is missing', () => {
  const recorded = JSON.parse(
    readFileSync(new URL('../../test/golden/lalserver-0.37.4.notify.json', import.meta.url), 'utf8'),
  ) as { body: { groups?: { pub: object }[] | null } }[];
  const theirs = recorded.flatMap(({ body }) => body.groups ?? [])[0];
  const ours = groupJson({ ...group, pub: null });
  assert.deepEqual(
    Object.keys(theirs ?? {}).filter((key) => !(key in ours)),
    [],
  );
  assert.deepEqual(Object.keys(theirs?.pub ?? {}).sort(), Object.keys(ours.pub).sort());
});

test('lal_info has the specification’s versions and local time', () => {
  assert.equal(
    JSON.stringify(
      lalInfoJson({ serverId: '1', binInfo: 'b', startUnixMs: new Date(2026, 0, 2, 3, 4, 5, 6).getTime() }),
    ),
    '{"server_id":"1","bin_info":"b","lal_version":"v0.37.4","api_version":"v0.4.9","notify_version":"v0.2.2","WebUiVersion":"v0.0.3","start_time":"2026-01-02 03:04:05.006"}',
  );
});
