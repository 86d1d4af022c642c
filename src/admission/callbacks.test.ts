import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { Outbound } from '../net/index.ts';
import type { Decision } from '../streams/index.ts';
import { type CallbackOptions, createDecisionCallbacks } from './callbacks.ts';
import { asking } from './request.fixture.ts';

let receiver: http.Server;
let asked: { path: string; headers: http.IncomingHttpHeaders; body: string }[];
let answer: (response: http.ServerResponse) => void;
let warnings: string[];

beforeEach(async () => {
  asked = [];
  warnings = [];
  receiver = http.createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push({ path: request.url ?? '', headers: request.headers, body });
    answer(response);
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
});

afterEach(() => {
  receiver.close();
  receiver.closeAllConnections();
});

const silent = (): void => {};

function decide(
  options: Partial<CallbackOptions> = {},
  direction: 'publish' | 'play' = 'play',
  base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
): Promise<Decision> {
  const admission = createDecisionCallbacks(
    { onPublish: `${base}/on_publish`, onPlay: `${base}/on_play`, timeoutMs: 10_000, failOpen: false, ...options },
    {
      clock: { monotonicMs: () => 0, unixMs: () => 1000 },
      log: { debug: silent, info: silent, error: silent, warn: (_, text) => void warnings.push(text) },
      outbound: new Outbound({ allow: [] }),
      body: ({ sessionId }) => JSON.stringify({ session_id: sessionId }),
      headers: (id, body, unixMs) => ({ 'webhook-id': id, signed: `${body.length} ${unixMs}` }),
    },
  );
  return admission.decide(asking({ direction }));
}

const says = (status: number, body = ''): ((response: http.ServerResponse) => void) => {
  return (response) => response.writeHead(status).end(body);
};

test('each direction is asked at its own URL, signed; 200 lets in', async () => {
  answer = says(200);
  assert.deepEqual(await decide({}, 'publish'), { ok: true });
  assert.deepEqual(await decide({}, 'play'), { ok: true });
  assert.deepEqual(
    asked.map(({ path, headers, body }) => [path, headers['signed'], body]),
    [
      ['/on_publish', '24 1000', '{"session_id":"FLVSUB1"}'],
      ['/on_play', '24 1000', '{"session_id":"FLVSUB1"}'],
    ],
  );
  assert.notEqual(asked[0]?.headers['webhook-id'], asked[1]?.headers['webhook-id']);
});

test('a direction without a URL is let in unasked', async () => {
  assert.deepEqual(await decide({ onPlay: null }), { ok: true });
  assert.equal(asked.length, 0);
});

test('the answer may rename the stream, set a lifetime and ask for a record', async () => {
  answer = says(200, '{"stream_name":"inner","lifetime_sec":3600,"record":"mp4","more":1}');
  assert.deepEqual(await decide(), { ok: true, streamName: 'inner', lifetimeSec: 3600, record: 'mp4' });
  for (const body of ['OK', 'null', '[]', '{}']) {
    answer = says(200, body);
    assert.deepEqual(await decide(), { ok: true }, body);
  }
});

test('an answer 200 that asks for what cannot be is a refusal', async () => {
  for (const body of ['{"stream_name":"a/b"}', '{"stream_name":".."}', '{"lifetime_sec":-1}', '{"record":"avi"}']) {
    answer = says(200, body);
    const decision = await decide();
    assert.deepEqual(decision, { ok: false, reason: 'the answer about this session cannot be understood' }, body);
  }
  assert.equal(warnings.length, 4);
});

test('every other answer denies, with the reason that it gives', async () => {
  for (const [status, body, reason] of [
    [403, '{"reason":"not paid"}', 'not paid'],
    [401, 'no such\r\ntoken', 'no such token'],
    [500, '', 'not allowed (answer 500)'],
    [204, '', 'not allowed (answer 204)'],
    [403, '{"code":7}', 'not allowed (answer 403)'],
    [403, 'x'.repeat(300), 'x'.repeat(200)],
  ] as const) {
    answer = says(status, body);
    assert.deepEqual(await decide(), { ok: false, reason });
  }
});

test('where nobody answers, fail_open decides', async () => {
  const refused = { ok: false, reason: 'nobody could be asked whether this is allowed' };
  const nowhere = 'http://127.0.0.1:1';
  assert.deepEqual(await decide({}, 'play', nowhere), refused);
  assert.deepEqual(await decide({ failOpen: true }, 'play', nowhere), { ok: true });
  answer = (response) => response.socket?.destroy();
  assert.deepEqual(await decide(), refused);
  answer = silent;
  assert.deepEqual(await decide({ timeoutMs: 1 }), refused);
  answer = says(200, 'x'.repeat(100_000));
  assert.deepEqual(await decide(), refused);
  assert.equal(warnings.length, 5);
});
