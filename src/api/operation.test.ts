/** Tests of metrics and health at the API's port: statuses, types, and what of them asks for the token. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench } from './api-bench.fixture.ts';

const metrics = () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'millrace_ready 1\n' });

test('alive, ready, and metrics', async (t) => {
  const { ask } = await bench(t);
  const health = await ask('GET', '/healthz');
  assert.deepEqual([health.status, health.body], [200, 'ok\n']);
  assert.equal(health.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(health.headers['cache-control'], 'no-store');
  assert.equal(health.headers['server'], 'millrace/1.2.3');
  const ready = await ask('GET', '/readyz');
  assert.deepEqual([ready.status, ready.body], [200, 'ready\n']);
  const told = await ask('GET', '/metrics');
  assert.deepEqual([told.status, told.body], [200, 'millrace_ready 1\n']);
  assert.equal(told.headers['content-type'], 'text/plain; version=0.0.4');
  const head = await ask('HEAD', '/readyz');
  assert.deepEqual([head.status, head.body], [200, '']);
});

test('not ready is 503 with the reason', async (t) => {
  const readiness = () => ({ isReady: false, text: 'not ready: the server is starting' });
  const { ask } = await bench(t, { operation: { metrics, readiness } });
  const { status, body } = await ask('GET', '/readyz');
  assert.deepEqual([status, body], [503, 'not ready: the server is starting\n']);
  assert.equal((await ask('GET', '/healthz')).status, 200);
});

test('metrics that cannot be told are a failure that a scraper sees', async (t) => {
  const readiness = () => ({ isReady: true, text: 'ready' });
  const { ask, logged } = await bench(t, {
    operation: { metrics: () => Promise.reject(new Error('torn')), readiness },
  });
  assert.equal((await ask('GET', '/metrics')).status, 500);
  assert.deepEqual(
    logged.map(([level, , message]) => [level, message]),
    [['error', 'the metrics could not be told']],
  );
});

test('a token is asked for metrics, not for health', async (t) => {
  const { ask } = await bench(t, {}, {}, 'open sesame');
  assert.equal((await ask('GET', '/healthz')).status, 200);
  assert.equal((await ask('GET', '/readyz')).status, 200);
  assert.equal((await ask('GET', '/metrics')).status, 401);
  assert.equal((await ask('GET', '/metrics?token=wrong')).status, 401);
  assert.equal((await ask('GET', '/metrics?token=open%20sesame')).status, 200);
  assert.equal((await ask('GET', '/metrics', undefined, { Authorization: 'Bearer open sesame' })).status, 200);
});
