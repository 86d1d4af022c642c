import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench } from './api-bench.fixture.ts';
import { isFromHere } from './token.ts';

const UNAUTHORIZED = '{"error_code":401,"desp":"the API token is missing or wrong"}';
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

test('with a token configured, calls without it are answered 401 and do nothing', async (t) => {
  const { ask, kicks } = await bench(t, {}, {}, 'sesame');
  const path = '/api/ctrl/kick_session?stream_name=test110&session_id=RTMPPUBSUB1';
  for (const [query, headers] of [
    ['', {}],
    ['', bearer('sesam')],
    ['', bearer('')],
    ['', { Authorization: 'Basic sesame' }],
    ['&token=', {}],
    ['&token=open', {}],
    ['&token=sesame', bearer('wrong')],
  ] as const) {
    const reply = await ask('POST', `${path}${query}`, undefined, headers);
    assert.equal(reply.status, 401);
    assert.equal(reply.headers['www-authenticate'], 'Bearer');
    assert.equal(reply.headers['content-type'], 'application/json');
    assert.equal(reply.body, UNAUTHORIZED);
  }
  assert.equal((await ask('GET', '/api/notify/stream')).body, UNAUTHORIZED);
  assert.deepEqual(kicks, []);
});

test('the token is taken from the header or the query', async (t) => {
  const { ask } = await bench(t, {}, {}, 'sesame');
  for (const [query, headers] of [
    ['', bearer('sesame')],
    ['', { Authorization: 'bearer  sesame ' }],
    ['?token=sesame', {}],
  ] as const) {
    const reply = await ask('GET', `/api/stat/all_group${query}`, undefined, headers);
    assert.equal(reply.status, 200);
    assert.match(reply.body, /^\{"error_code":0/);
  }
});

test('a token in the query is no parameter of an endpoint that takes no others than its own', async (t) => {
  const { ask } = await bench(t, {}, {}, 'sesame');
  const events = await ask('GET', '/api/notify/events?token=sesame&limit=1');
  assert.match(events.body, /^\{"error_code":0/);
  const stream = await ask('HEAD', '/api/notify/stream?since=0&token=sesame');
  assert.equal(stream.headers['content-type'], 'text/event-stream');
});

test('a preflight needs no token, and says that the header may be sent', async (t) => {
  const { ask } = await bench(t, {}, {}, 'sesame');
  const reply = await ask('OPTIONS', '/api/stat/all_group');
  assert.equal(reply.status, 200);
  assert.match(String(reply.headers['access-control-allow-headers']), /Authorization/);
});

test('without a token, what can end the server is for programs of this machine alone', () => {
  const asks = (ip: string, headers: { origin?: string; host?: string } = {}): boolean => isFromHere({ ip, headers });
  assert.deepEqual(
    ['127.0.0.1', '::1', '::ffff:127.0.0.1'].map((ip) => asks(ip)),
    [true, true, true],
  );
  assert.deepEqual(
    ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '1127.0.0.1'].map((ip) => asks(ip)),
    [...[false, false, false, false]],
  );
  const host = '127.0.0.1:8083';
  assert.ok(asks('127.0.0.1', { host, origin: 'http://127.0.0.1:8083' }), 'the console');
  assert.ok(!asks('127.0.0.1', { host, origin: 'https://elsewhere.example' }), 'a page of another site');
  assert.ok(!asks('127.0.0.1', { host, origin: 'null' }), 'a page in a sandbox');
});

test('a page of another site cannot drain a server that demands no token', async (t) => {
  const { ask } = await bench(t, {}, {});
  const reply = await ask('POST', '/api/server/drain', '{}', { Origin: 'https://elsewhere.example' });
  assert.equal(reply.status, 200);
  assert.match(reply.body, /^\{"error_code":403,"desp":"without millrace\.api\.token only programs of this machine/);
});
