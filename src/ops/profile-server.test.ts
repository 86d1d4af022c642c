/** Tests of the port for profiles: what it answers, its token, its bounds, and its end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { PeerLimits } from '../net/index.ts';
import { createLimits } from '../net/peer-limits.fixture.ts';
import type { Log } from '../streams/index.ts';
import { ProfileServer } from './profile-server.ts';

const silent = (): void => {};
const log: Log = { debug: silent, info: silent, warn: silent, error: silent };

async function profiles(
  t: TestContext,
  token = '',
): Promise<{
  get: (path: string, init?: RequestInit) => Promise<Response>;
  server: ProfileServer;
  port: number;
  limits: PeerLimits;
}> {
  const options = { address: { host: '127.0.0.1', port: 0 }, token, serverName: 'millrace/1' };
  const metrics = () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'millrace_ready 1\n' });
  const limits = createLimits();
  const server = new ProfileServer(options, { log, metrics, limits });
  const { port } = await server.start();
  t.after(() => server.stop());
  return {
    ...{ server, port, limits },
    get: (path, init = {}) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init }),
  };
}

interface CpuProfile {
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string } }[];
  readonly startTime: number;
  readonly endTime: number;
}

test('a CPU profile is as long as was asked for, and has what ran', async (t) => {
  const { get } = await profiles(t);
  const busy = setInterval(function spinForTheProfile() {
    const until = performance.now() + 20;
    while (performance.now() < until);
  }, 30);
  t.after(() => clearInterval(busy));
  const response = await get('/debug/pprof/profile?seconds=1');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename="millrace-\d+\.cpuprofile"$/);
  const profile = (await response.json()) as CpuProfile;
  assert.ok(profile.nodes.some(({ callFrame }) => callFrame.functionName === 'spinForTheProfile'));
  assert.ok(profile.endTime - profile.startTime >= 900_000);
});

test('a heap snapshot is whole', async (t) => {
  const { get } = await profiles(t);
  const response = await get('/debug/pprof/heap');
  assert.match(response.headers.get('content-disposition') ?? '', /\.heapsnapshot"$/);
  const { snapshot, nodes } = (await response.json()) as {
    snapshot: { node_count: number; meta: { node_fields: string[] } };
    nodes: number[];
  };
  assert.equal(nodes.length, snapshot.node_count * snapshot.meta.node_fields.length);
});

test('one at a time; who leaves makes room', async (t) => {
  const { get } = await profiles(t);
  const leaving = new AbortController();
  const first = get('/debug/pprof/profile?seconds=300', { signal: leaving.signal });
  first.catch(silent);
  let second = await get('/debug/pprof/profile?seconds=1');
  // the first request may come second
  while (second.status === 200) second = await get('/debug/pprof/profile?seconds=1');
  assert.equal(second.status, 409);
  assert.equal((await get('/debug/pprof/heap')).status, 409);
  leaving.abort();
  await assert.rejects(first);
  for (let status = 409; status === 409; ) status = (await get('/debug/pprof/profile?seconds=1')).status;
});

test('seconds are bounded', async (t) => {
  const { get } = await profiles(t);
  for (const seconds of ['0', '301', '-1', '1.5', 'x', '', '1e9']) {
    const response = await get(`/debug/pprof/profile?seconds=${seconds}`);
    assert.equal(response.status, 400, seconds);
    assert.match(await response.text(), /allowed: a whole number from 1 to 300/);
  }
});

test('the page, metrics, and what is not there', async (t) => {
  const { get } = await profiles(t);
  const page = await get('/debug/pprof/');
  assert.match(await page.text(), /profile\?seconds=30.*heap.*metrics/s);
  for (const path of ['/', '/debug/pprof']) {
    const response = await get(path);
    assert.deepEqual([response.status, response.headers.get('location')], [302, '/debug/pprof/']);
  }
  const metrics = await get('/metrics');
  assert.equal(metrics.headers.get('content-type'), 'text/plain; version=0.0.4');
  assert.equal(await metrics.text(), 'millrace_ready 1\n');
  assert.equal((await get('/debug/pprof/goroutine')).status, 404);
  assert.equal((await get('//x:y')).status, 404);
  assert.equal((await get('/debug/pprof/heap', { method: 'POST' })).status, 405);
});

test('with a token nothing is given without it', async (t) => {
  const { get } = await profiles(t, 'open sesame');
  for (const path of ['/', '/debug/pprof/', '/debug/pprof/profile?seconds=1', '/debug/pprof/heap', '/metrics']) {
    const response = await get(path);
    assert.deepEqual([response.status, response.headers.get('www-authenticate')], [401, 'Bearer'], path);
  }
  assert.equal((await get('/metrics?token=open%20sesame')).status, 200);
  const headers = { Authorization: 'Bearer open sesame' };
  assert.equal((await get('/debug/pprof/', { headers })).status, 200);
});

test('no more connections than a constant; the next is told, counted, and let in once there is room', async (t) => {
  const { get, port, limits } = await profiles(t);
  const idle: Socket[] = [];
  while (idle.length < 32) {
    const socket = connect(port, '127.0.0.1').on('error', silent);
    t.after(() => void socket.destroy());
    await once(socket, 'connect');
    idle.push(socket);
  }
  const refused = await get('/metrics');
  assert.equal(refused.status, 503);
  assert.equal(await refused.text(), '32 connections for profiles are open, and no more are allowed\n');
  assert.equal(new Map(limits.refusals.counts()).get('profile_connections'), 1);
  for (const socket of idle) socket.destroy();
  for (let status = 503; status !== 200; ) status = (await get('/metrics')).status;
});

test('a stop ends a profile that is being taken', async (t) => {
  const { get, server } = await profiles(t);
  const running = get('/debug/pprof/profile?seconds=300');
  running.catch(silent);
  while ((await get('/debug/pprof/heap')).status !== 409);
  server.stop();
  await assert.rejects(running);
});
