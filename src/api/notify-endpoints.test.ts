/** Tests of our own endpoints: status, events and replay; what they take, and what they say where they do not. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Bench, bench } from './api-bench.fixture.ts';
import { FakeNotify, STATUS } from './notify-admin.fixture.ts';

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

async function notifyBench(t: TestContext, events = 10): Promise<Bench & { notify: FakeNotify }> {
  const notify = new FakeNotify();
  await notify.commit(events);
  return { notify, ...(await bench(t, { notify, lastEventSeq: () => notify.last })) };
}

test('status hands on what it was given', async (t) => {
  const { ask } = await notifyBench(t);
  const { headers, body } = await ask('GET', '/api/notify/status');
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(body, `{"error_code":0,"desp":"succ","data":${JSON.stringify(STATUS)}}`);
});

test('events: all that are there, as they are, by their numbers', async (t) => {
  const { ask, notify } = await notifyBench(t);
  const { body } = await ask('GET', '/api/notify/events');
  assert.equal(body, `{"error_code":0,"desp":"succ","data":${JSON.stringify({ events: notify.stored })}}`);
  assert.deepEqual(notify.reads, [{ since: 0, streamName: null, state: null, limit: 100 }]);
});

test('events: filters from query or body; an empty one is none', async (t) => {
  const { ask, notify } = await notifyBench(t);
  await ask('GET', '/api/notify/events?since=3&stream_name=%E4%BD%A0+1&state=waiting&limit=1000');
  await ask('POST', '/api/notify/events', '{"since":3,"stream_name":"你 1","state":"waiting","limit":1000}');
  await ask('GET', '/api/notify/events?since=&stream_name=&state=&limit=');
  await ask('POST', '/api/notify/events', '{"since":null,"stream_name":null,"state":null,"limit":null}');
  await ask('GET', '/api/notify/events?since=10&state=refused&limit=1');
  const filtered = { since: 3, streamName: '你 1', state: 'waiting', limit: 1000 };
  const none = { since: 0, streamName: null, state: null, limit: 100 };
  const last = { since: 10, streamName: null, state: 'refused', limit: 1 };
  assert.deepEqual(notify.reads, [filtered, filtered, none, none, last]);
});

test('events: the newest first, below a number', async (t) => {
  const { ask, notify } = await notifyBench(t);
  await ask('GET', '/api/notify/events?order=desc&before=7&limit=2');
  await ask('GET', '/api/notify/events?order=asc');
  const all = { since: 0, streamName: null, state: null };
  assert.deepEqual(notify.reads, [
    { ...all, limit: 2, before: 7, isNewestFirst: true },
    { ...all, limit: 100 },
  ]);
});

test('events: 1002 names the parameter and what is allowed', async (t) => {
  const { ask, notify } = await notifyBench(t);
  const since = `since must be an integer from 0 to ${MAX_SAFE}`;
  const state = 'state must be one of waiting, delivered, refused, expired';
  for (const [query, desp] of [
    ['since=x', `${since}, not "x"`],
    ['since=-1', `${since}, not "-1"`],
    ['since=1.5', `${since}, not "1.5"`],
    ['since=1e3', `${since}, not "1e3"`],
    ['since=%201', `${since}, not " 1"`],
    ['since=9007199254740993', `${since}, not "9007199254740993"`],
    ['since=11', 'since must be at most 10, the number of the last event, not 11'],
    ['limit=0', 'limit must be an integer from 1 to 1000, not "0"'],
    ['limit=1001', 'limit must be an integer from 1 to 1000, not "1001"'],
    ['before=0', `before must be an integer from 1 to ${MAX_SAFE}, not "0"`],
    ['order=up', 'order must be one of asc, desc, not "up"'],
    ['state=lost', `${state}, not "lost"`],
    [`state=${'x'.repeat(200)}`, `${state}, not "${'x'.repeat(79)}…`],
    ['stream=a', 'stream is not known here, allowed are since, before, order, stream_name, state, limit'],
  ]) {
    const { status, body } = await ask('GET', `/api/notify/events?${query}`);
    assert.equal(status, 200);
    assert.equal(body, JSON.stringify({ error_code: 1002, desp: `param missing: ${desp}` }));
  }
  for (const [sent, desp] of [
    ['nonsense', 'the body is no JSON object'],
    ['[]', 'the body is no JSON object'],
    ['{"limit":"many"}', 'limit must be an integer from 1 to 1000, not "many"'],
    ['{"limit":[1]}', 'limit must be an integer from 1 to 1000, not [1]'],
    ['{"limit":true}', 'limit must be an integer from 1 to 1000, not true'],
    ['{"stream_name":1}', 'stream_name must be a string, not 1'],
    ['{"__proto__":1}', '__proto__ is not known here, allowed are since, before, order, stream_name, state, limit'],
  ]) {
    const { body } = await ask('POST', '/api/notify/events', sent);
    assert.equal(body, JSON.stringify({ error_code: 1002, desp: `param missing: ${desp}` }));
  }
  assert.deepEqual(notify.reads, []);
});

test('replay: by ids, by state, by range', async (t) => {
  const { ask, notify, logged } = await notifyBench(t);
  for (const [query, body, replayed] of [
    ['', '{"ids":["msg-1","msg-2"]}', 2],
    ['?ids=msg-1,msg-2', undefined, 2],
    ['', '{"state":"refused"}', 7],
    ['?state=expired', undefined, 7],
    ['?state=delivered&ids=', undefined, 7],
    ['', '{"from":3,"to":9}', 7],
    ['?from=5&to=5', undefined, 7],
  ] as const) {
    const reply = await ask('POST', `/api/notify/replay${query}`, body);
    assert.equal(reply.body, `{"error_code":0,"desp":"succ","data":{"replayed":${replayed}}}`);
  }
  assert.deepEqual(notify.replays, [
    { ids: ['msg-1', 'msg-2'] },
    { ids: ['msg-1', 'msg-2'] },
    { state: 'refused' },
    { state: 'expired' },
    { state: 'delivered' },
    { from: 3, to: 9 },
    { from: 5, to: 5 },
  ]);
  assert.equal(logged.length, 7);
  assert.partialDeepStrictEqual(logged[0]?.[1], { path: '/api/notify/replay', errorCode: 0 });
});

test('replay: whatever is no single filter replays nothing', async (t) => {
  const { ask, notify } = await notifyBench(t);
  const one = 'exactly one of ids, state, or from and to is needed';
  const ids = 'ids must be 1 to 1000 ids, in JSON an array of strings, in a query parted by commas';
  const tooMany = JSON.stringify(Array.from({ length: 1001 }, () => 'x'));
  for (const [sent, desp] of [
    ['', one],
    ['{}', one],
    ['{"state":"refused","ids":["a"]}', one],
    ['{"state":"refused","from":1,"to":2}', one],
    ['{"state":"refused","from":1}', one],
    ['{"from":1}', one],
    ['{"to":1}', one],
    ['{"from":3,"to":2}', 'to must be no less than from (3), not 2'],
    ['{"from":0,"to":2}', `from must be an integer from 1 to ${MAX_SAFE}, not 0`],
    ['{"state":"waiting"}', 'state must be one of refused, expired, delivered, not "waiting"'],
    ['{"state":"refused","stream_name":"a"}', 'stream_name is not known here, allowed are ids, state, from, to'],
    ['{"ids":[]}', `${ids}, not []`],
    ['{"ids":{}}', `${ids}, not {}`],
    ['{"ids":["a",1]}', `${ids}, not ["a",1]`],
    ['{"ids":["a",""]}', `${ids}, not ["a",""]`],
    [`{"ids":${tooMany}}`, `${ids}, not ${tooMany.slice(0, 80)}…`],
    ['nonsense', 'the body is no JSON object'],
  ] as const) {
    const { body } = await ask('POST', '/api/notify/replay', sent);
    assert.equal(body, JSON.stringify({ error_code: 1002, desp: `param missing: ${desp}` }), sent);
  }
  assert.match((await ask('GET', '/api/notify/replay?state=refused')).body, /^\{"error_code":404,/);
  assert.deepEqual(notify.replays, []);
});

test('a preflight names the methods that there are', async (t) => {
  const { ask } = await notifyBench(t);
  for (const [path, methods, headers] of [
    ['status', 'GET, HEAD, POST, OPTIONS', 'Content-Type'],
    ['replay', 'POST, OPTIONS', 'Content-Type'],
    ['stream', 'GET, HEAD, POST, OPTIONS', 'Content-Type, Last-Event-ID'],
  ] as const) {
    const reply = await ask('OPTIONS', `/api/notify/${path}`);
    assert.equal(reply.headers['access-control-allow-methods'], methods);
    assert.equal(reply.headers['access-control-allow-headers'], headers);
  }
});

test('a store that fails is a fault of ours, logged, and asked again next time', async (t) => {
  const { ask, notify, logged } = await notifyBench(t);
  notify.failure = new Error('disk I/O error');
  for (const path of ['status', 'events']) {
    const { body } = await ask('GET', `/api/notify/${path}`);
    assert.equal(body, '{"error_code":500,"desp":"internal error"}');
  }
  assert.deepEqual(
    logged.map(([level, fields]) => [level, 'error' in fields && fields.error]),
    Array(2).fill(['error', notify.failure]),
  );
  notify.failure = null;
  assert.match((await ask('GET', '/api/notify/status')).body, /^\{"error_code":0,/);
});
