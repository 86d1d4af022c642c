/** Tests of the endpoints: what each answers, and with which parameters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupSnapshot, SessionSnapshot } from '../streams/index.ts';
import { bench, LAL_INFO, PARAM_MISSING } from './api-bench.fixture.ts';

test('lal_info hands on what it was given, as it stands', async (t) => {
  const { ask } = await bench(t);
  const { body } = await ask('GET', '/api/stat/lal_info');
  assert.equal(body, `{"error_code":0,"desp":"succ","data":${JSON.stringify(LAL_INFO)}}`);
});

test('group is the group asked for, all_group an array, empty where there is none', async (t) => {
  const { ask } = await bench(t);
  const one = JSON.parse((await ask('GET', '/api/stat/group?stream_name=test110')).body) as { data: object };
  const all = JSON.parse((await ask('GET', '/api/stat/all_group')).body) as { data: { groups: object[] } };
  assert.deepEqual(all.data.groups, [one.data]);
  const none = await bench(t, { groups: () => [] });
  assert.equal(
    (await none.ask('GET', '/api/stat/all_group')).body,
    '{"error_code":0,"desp":"succ","data":{"groups":[],"event_seq":0}}',
  );
});

test('each session tells what its connection cost, after the fields of the original', async (t) => {
  const session = (sessionId: string, droppedFrames: number, lostPackets: number): SessionSnapshot => ({
    ...{ sessionId, protocol: 'RTSP', baseType: 'SUB', remoteAddr: '127.0.0.1:1', startUnixMs: 0 },
    ...{ readBytesSum: 0, wroteBytesSum: 0, readBitrateKbits: 0, writeBitrateKbits: 0, droppedFrames, lostPackets },
  });
  const group: GroupSnapshot = {
    ...{ streamName: 'a', appName: 'live', audioCodec: '', videoCodec: '', videoWidth: 0, videoHeight: 0 },
    ...{ pub: session('P', 0, 7), subs: [session('S1', 3, 0), session('S2', 0, 0)], pull: null },
    ...{ pushs: [session('X', 5, 0)], inFramePerSec: [] },
  };
  const { ask } = await bench(t, { group: () => group });
  const { data } = JSON.parse((await ask('GET', '/api/stat/group?stream_name=a')).body) as {
    data: Record<'pub' | 'pull', object> & Record<'subs' | 'pushs', object[]>;
  };
  const ends = [data.pub, ...data.subs, data.pull, ...data.pushs].map((each) => Object.entries(each).slice(-2));
  assert.deepEqual(
    ends,
    [
      [0, 7],
      [3, 0],
      [0, 0],
      [0, 0],
      [5, 0],
    ].map(([dropped, lost]) => [
      ['dropped_frames', dropped],
      ['lost_packets', lost],
    ]),
  );
});

test('all_group tells the number of the last event that its groups are the outcome of', async (t) => {
  const asked: string[] = [];
  const { ask } = await bench(t, {
    groups: () => {
      asked.push('groups');
      // What happens after the snapshot was taken comes in a later turn, and so does its number.
      queueMicrotask(() => asked.push('an event'));
      return [];
    },
    lastEventSeq: () => {
      asked.push('lastEventSeq');
      return asked.includes('an event') ? 42 : 41;
    },
  });
  const { body } = await ask('GET', '/api/stat/all_group');
  assert.equal(body, '{"error_code":0,"desp":"succ","data":{"groups":[],"event_seq":41}}');
  assert.deepEqual(asked, ['groups', 'lastEventSeq', 'an event']);
});

test('every endpoint of the original takes GET and POST, with query or body', async (t) => {
  const { ask, kicks } = await bench(t);
  const inBody = '{"stream_name":"test110","session_id":"RTMPPUBSUB1"}';
  const inQuery = '?stream_name=test110&session_id=RTMPPUBSUB1';
  for (const method of ['GET', 'POST']) {
    for (const path of ['lal_info', 'all_group', 'group']) {
      const { body } = await ask(method, `/api/stat/${path}${inQuery}`);
      assert.match(body, /^\{"error_code":0,"desp":"succ","data":\{/, `${method} ${path}`);
    }
    assert.match((await ask(method, '/api/stat/group', inBody)).body, /^\{"error_code":0/);
    for (const [query, body] of [
      [inQuery, undefined],
      ['', inBody],
    ] as const) {
      const reply = await ask(method, `/api/ctrl/kick_session${query}`, body);
      assert.equal(reply.body, '{"error_code":0,"desp":"succ"}');
    }
  }
  assert.deepEqual(kicks, Array(4).fill(['test110', 'RTMPPUBSUB1']));
});

test('1002: a field that is missing, empty or of a wrong type, or a body that is no JSON object', async (t) => {
  const { ask, kicks } = await bench(t);
  const bodies = [
    '',
    '{}',
    '{"stream_name":"test110"}',
    '{"session_id":"RTMPPUBSUB1"}',
    '{"stream_name":"","session_id":"RTMPPUBSUB1"}',
    '{"stream_name":"test110","session_id":""}',
    '{"stream_name":"test110","session_id":1}',
    '{"stream_name":["test110"],"session_id":"RTMPPUBSUB1"}',
    '{"stream_name":false,"session_id":"RTMPPUBSUB1"}',
    '{"stream_name":null,"session_id":"RTMPPUBSUB1"}',
    '{"__proto__":{"stream_name":"test110","session_id":"RTMPPUBSUB1"}}',
    'not json',
    '{"stream_name":"test110","session_id":"RTMPPUBSUB1"',
    'stream_name=test110&session_id=RTMPPUBSUB1',
    '[]',
    'null',
    '"test110"',
    '1',
    Buffer.from([0xff, 0xfe, 0]),
  ];
  for (const body of bodies) {
    const reply = await ask('POST', '/api/ctrl/kick_session', body, { 'Content-Type': 'application/json' });
    assert.equal(reply.status, 200);
    assert.equal(reply.body, PARAM_MISSING, String(body));
  }
  assert.equal(
    (await ask('POST', '/api/ctrl/kick_session?stream_name=test110&session_id=x', 'no json')).body,
    PARAM_MISSING,
  );
  assert.equal(
    (await ask('GET', '/api/stat/group?stream_name=')).body,
    '{"error_code":1002,"desp":"param missing","data":null}',
  );
  assert.deepEqual(kicks, []);
});

test('an endpoint without parameters does not mind what it is sent', async (t) => {
  const { ask } = await bench(t);
  assert.match((await ask('POST', '/api/stat/lal_info', 'not json')).body, /^\{"error_code":0/);
});

test('names come as they were meant: percent-encoded, with plus signs, Chinese; of two the first', async (t) => {
  const names: string[] = [];
  const { ask } = await bench(t, {
    group: (name) => {
      names.push(name);
      return null;
    },
  });
  for (const query of [
    'a%20b',
    'a+b',
    '%E4%BD%A0%E5%A5%BD',
    '100%25',
    '100%',
    'x&stream_name=y',
    'a%2Fb%26c',
    '__proto__',
  ]) {
    assert.match((await ask('GET', `/api/stat/group?stream_name=${query}`)).body, /"error_code":1001/);
  }
  await ask('POST', '/api/stat/group?stream_name=inQuery', '{"stream_name":"你好 in body"}');
  assert.deepEqual(names, ['a b', 'a b', '你好', '100%', '100%', 'x', 'a/b&c', '__proto__', '你好 in body']);
});

test('control calls are logged with their outcome, questions are not', async (t) => {
  const { ask, logged } = await bench(t);
  await ask('GET', '/api/stat/lal_info');
  await ask('POST', '/api/ctrl/kick_session', '{"stream_name":"nope","session_id":"RTMPPUBSUB1"}');
  assert.equal(logged.length, 1);
  const [level, fields, message] = logged[0] ?? [];
  assert.equal(level, 'info');
  assert.equal(message, 'A control call was answered');
  assert.partialDeepStrictEqual(fields, { path: '/api/ctrl/kick_session', errorCode: 1001 });
});
