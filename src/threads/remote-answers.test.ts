import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import type { AnswerRoute, HttpAnswer, HttpRequestFacts } from '../net/index.ts';
import { Link } from './link.ts';
import type { FromThread, ToThread } from './messages.ts';
import { RemoteAnswers } from './remote-answers.ts';
import { type AnswerMessage, ThreadAnswers } from './thread-answers.ts';

const REQUEST: HttpRequestFacts = {
  method: 'GET',
  path: '/hls/s.m3u8',
  query: 'a=1',
  url: 'http://h/hls/s.m3u8?a=1',
  remoteAddr: '192.0.2.1:5',
  headers: Object.assign(Object.create(null), { range: 'bytes=0-1' }),
};
const PATHS = { urlPattern: '/hls/', description: 'STREAM.m3u8', accepts: (path: string) => path.endsWith('.m3u8') };

/** A route in one thread and its stand-in in another, with a real channel between them. */
function twoSides(t: TestContext, answer: AnswerRoute['answer'], maxBytes?: number) {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const told: string[] = [];
  let left = 0;
  const route: AnswerRoute = {
    ...PATHS,
    answer,
    sent: (account, bytes) => {
      told.push(`sent ${account} ${bytes}`);
      left -= bytes;
      return left > 0;
    },
    finished: (account) => told.push(`finished ${account}`),
  };
  const silent = (): void => {};
  const log = { debug: silent, info: silent, warn: silent, error: (_: object, text: string) => void told.push(text) };
  const near = new Link<ToThread, FromThread>(port1, (message) => main.handle(message as AnswerMessage), maxBytes);
  const main = new ThreadAnswers(route, near, log);
  const onOrder = (order: ToThread): void => {
    if (order.kind === 'answer') remote.answered(order.id, order.answer);
    else if (order.kind === 'stop sending') remote.stop(order.account);
  };
  const far = new Link<FromThread, ToThread>(port2, onOrder, maxBytes);
  const remote = new RemoteAnswers(PATHS, far);
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) await turn();
  };
  const allow = (bytes: number): void => {
    left = bytes;
  };
  return { remote, main, told, settled, allow };
}

test('a request and its answer pass as they are, whatever the body', async (t) => {
  const bodies: HttpAnswer['body'][] = [
    null,
    Buffer.from('abc'),
    [Buffer.from('a'), Buffer.from('bc')],
    { root: '/srv', path: 's/s-1.ts' },
  ];
  const asked: HttpRequestFacts[] = [];
  const answers = bodies.map((body): HttpAnswer => ({ status: 200, headers: { ETag: '"x"' }, body }));
  const { remote } = twoSides(t, (request) => {
    asked.push(request);
    const answer = answers[asked.length - 1];
    return answer === undefined ? Promise.reject(new Error('no more')) : Promise.resolve(answer);
  });
  for (const answer of answers) assert.deepEqual(await remote.answer(REQUEST), answer);
  assert.deepEqual({ ...asked[0], headers: { ...asked[0]?.headers } }, { ...REQUEST, headers: { range: 'bytes=0-1' } });
  assert.deepEqual([remote.accepts('/hls/s.m3u8'), remote.accepts('/hls/s.ts')], [true, false]);
});

test('what was sent is told, and no more is sent once the route says so', async (t) => {
  const answer: HttpAnswer = { status: 200, headers: {}, body: Buffer.alloc(10), account: 'viewer' };
  const { remote, told, settled, allow } = twoSides(t, () => Promise.resolve(answer));
  allow(15);
  await remote.answer(REQUEST);
  await remote.answer(REQUEST);
  assert.equal(remote.sent('viewer', 10), true);
  await settled();
  assert.equal(remote.sent('viewer', 10), true, 'the route has not been heard yet');
  await settled();
  assert.equal(remote.sent('viewer', 10), false);
  remote.finished('viewer');
  remote.finished('viewer');
  await remote.answer(REQUEST);
  assert.equal(remote.sent('viewer', 10), true, 'a later answer is a new one');
  assert.deepEqual(told.slice(0, 5), [
    ...['sent viewer 10', 'sent viewer 10', 'sent viewer 10', 'finished viewer', 'finished viewer'],
  ]);
});

test('a fault of the route is a fault of this one request', async (t) => {
  const { remote, told } = twoSides(t, ({ query }) =>
    query === '' ? Promise.resolve({ status: 404, headers: {}, body: null }) : Promise.reject(new Error('broken')),
  );
  await assert.rejects(remote.answer(REQUEST), /the main thread could not answer/);
  assert.deepEqual(told, ['a fault of the server ended a request']);
  assert.equal((await remote.answer({ ...REQUEST, query: '' })).status, 404);
});

test('answers of a thread that is gone are finished, also those that come after it', async (t) => {
  let late: ((answer: HttpAnswer) => void) | undefined;
  const answer: HttpAnswer = { status: 200, headers: {}, body: null, account: 'viewer' };
  const { remote, main, told, settled } = twoSides(t, ({ query }) =>
    query === '' ? new Promise((resolve) => (late = resolve)) : Promise.resolve(answer),
  );
  await remote.answer(REQUEST);
  await remote.answer(REQUEST);
  void remote.answer({ ...REQUEST, query: '' });
  await settled();
  main.end();
  assert.deepEqual(told, ['finished viewer', 'finished viewer']);
  late?.({ ...answer, account: 'other' });
  await settled();
  assert.deepEqual(told.slice(2), ['finished other']);
});

test('while a thread does not take what it is sent, it is given no more bodies', async (t) => {
  const answer: HttpAnswer = { status: 200, headers: {}, body: Buffer.alloc(6000), account: 'viewer' };
  const { remote, told, settled } = twoSides(t, () => Promise.resolve(answer), 10_000);
  const answers = await Promise.all(Array.from({ length: 4 }, () => remote.answer(REQUEST)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 503, 503],
  );
  assert.deepEqual(told, ['finished viewer', 'finished viewer']);
  await settled();
  assert.equal((await remote.answer(REQUEST)).status, 200);
});

test('the route is told when nobody waits for its answer any more, in the thread or with it', async (t) => {
  const gone: boolean[] = [];
  const { remote, main, settled } = twoSides(
    t,
    (_, signal) =>
      new Promise((resolve) => {
        signal?.addEventListener('abort', () => {
          gone.push(signal.aborted);
          resolve({ status: 503, headers: {}, body: null });
        });
      }),
  );
  const client = new AbortController();
  const answer = remote.answer(REQUEST, client.signal);
  void remote.answer(REQUEST);
  await settled();
  assert.deepEqual(gone, []);
  client.abort();
  assert.equal((await answer).status, 503);
  assert.deepEqual(gone, [true]);
  main.end();
  assert.deepEqual(gone, [true, true]);
});
