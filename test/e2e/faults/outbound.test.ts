/** `millrace.outbound.allow`: callbacks, decisions, pulls and pushes go where the list says, and nowhere else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publish } from '../../support/ffmpeg.ts';
import { HttpPlayer } from '../../support/http.ts';
import { startProcess, startServer, writeConfig } from '../../support/millrace.ts';
import { startReceiver } from '../../support/receiver.ts';
import { withPatience } from '../../support/wait-for.ts';

test('a host outside of the list: callbacks, decisions, pulls and pushes do not reach it, and say why', async (t) => {
  const business = await startReceiver(t);
  const origin = await startServer(t);
  // a name is no address: what it resolves to is looked at when it is connected to
  const [events, decisions, rtmp] = [business.url('x'), business.url('y'), origin.url('rtmp', '')].map((url) =>
    url.replace('127.0.0.1', 'localhost'),
  );
  const { host: originHost } = new URL(rtmp ?? '');
  const server = await startServer(t, {
    http_notify: { enable: true, on_pub_start: events },
    relay_push: { enable: true, addr_list: [originHost] },
    static_relay_pull: { enable: true, addr: originHost },
    millrace: { outbound: { allow: ['192.0.2.0/24'] }, admission: { on_play: decisions, fail_open: false } },
  });
  const refused = (what: RegExp) =>
    server.log.waitFor(
      `a refusal of ${what}`,
      ({ msg, why }) =>
        what.test(msg) && /not allowed to connect to localhost:\d+ \(.*127\.0\.0\.1.*\)/.test(String(why)),
    );
  publish(t, server.url('rtmp', 'live/here'), 'h264-640x360');
  await refused(/callback not delivered/);
  await refused(/a relay push failed/);
  const player = new HttpPlayer(t, server.url('http', 'live/elsewhere.flv'));
  assert.equal((await player.head()).status, 403);
  await refused(/nobody answered whether a session is let in/);

  const pull = (url: string) => server.api('/api/ctrl/start_relay_pull', { url });
  const { error_code, desp } = await pull(origin.url('rtmp', 'live/x'));
  assert.equal(error_code, 2001);
  assert.match(desp, /^not allowed to connect to 127\.0\.0\.1:\d+: millrace\.outbound\.allow has no such host$/);
  assert.equal((await pull(`rtsp://[::1]:554/live/x`)).error_code, 2001);
  assert.equal((await pull(`rtmp://${originHost}/live/named`)).error_code, 0);
  await refused(/a pull is given up/);
  assert.equal(business.callbacks.all.length, 0);
  assert.deepEqual((await origin.api('/api/stat/all_group')).data?.['groups'], []);
});

test('a host of the list is reached: by its name whatever its address, by its address under any name', async (t) => {
  const business = await startReceiver(t);
  const origin = await startServer(t);
  publish(t, origin.url('rtmp', 'live/tv'), 'h264-640x360');
  const named = business.url('on_relay_pull_start').replace('127.0.0.1', 'localhost');
  const { port } = new URL(named);
  const server = await startServer(t, {
    http_notify: { enable: true, on_relay_pull_start: named },
    millrace: { outbound: { allow: [`LOCALHOST:${port}`, `127.0.0.0/8:${origin.port('rtmp')}`] } },
  });
  const { error_code } = await server.api('/api/ctrl/start_relay_pull', {
    url: origin.url('rtmp', 'live/tv').replace('127.0.0.1', 'localhost'),
  });
  assert.equal(error_code, 0);
  await business.waitFor('on_relay_pull_start', { stream_name: 'tv' });
});

test('a configuration that names a host outside of the list does not start', async (t) => {
  const file = writeConfig(t, {
    http_notify: { enable: true, on_pub_start: 'http://192.0.2.1/x' },
    millrace: { outbound: { allow: ['*.example.org'] } },
  });
  const ended = startProcess(t, ['check', '-c', file]).finished;
  const { code, stderr } = await withPatience(ended, () => 'the check did not end');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /http_notify\.on_pub_start: found the host "192\.0\.2\.1", port 80, allowed: one that millrace\.outbound\.allow lets through/,
  );
});
