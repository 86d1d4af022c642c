/** Names: not there, not there yet, and name servers that do not answer. A name server of the test's own stands in for the network's. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startFaulty } from '../../support/faults.ts';
import { publish } from '../../support/ffmpeg.ts';
import { startServer } from '../../support/millrace.ts';
import { NameServer } from '../../support/name-server.ts';
import { startReceiver } from '../../support/receiver.ts';
import { OrderedScope, type Scope } from '../../support/temp-dir.ts';
import { Arrivals, poll } from '../../support/wait-for.ts';

const NEEDS_ROOT = 'a name server of its own takes root';

/** A receiver that is connected to anew for each event; gives its port and the streams whose events came. */
async function startForgetful(scope: Scope): Promise<{ port: number; streams: Arrivals<string> }> {
  const streams = new Arrivals<string>((name) => name);
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      response.shouldKeepAlive = false;
      response.end();
      streams.add(String((JSON.parse(body) as Record<string, unknown>)['stream_name']));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => void server.close());
  return { port: (server.address() as AddressInfo).port, streams };
}

test('a name that does not resolve: callbacks wait for it, pulls and pushes are tried again, and each says so', async (t) => {
  const scope = new OrderedScope();
  t.after(() => scope.end());
  const names = new NameServer();
  if (!(await names.start(scope))) return t.skip(NEEDS_ROOT);
  const business = await startReceiver(scope);
  const target = await startServer(scope);
  const { server } = await startFaulty(
    scope,
    {
      http_notify: { enable: true, on_pub_start: business.url('on_pub_start').replace('127.0.0.1', 'events.test') },
      relay_push: { enable: true, addr_list: [`target.test:${target.port('rtmp')}`] },
    },
    { under: names.asItsOwn },
  );
  const failed = (message: RegExp, name: string) =>
    server.log.waitFor(
      `${message} for ${name}`,
      ({ msg, why }) => message.test(msg) && new RegExp(`ENOTFOUND ${name}`).test(String(why)),
    );
  publish(scope, server.url('rtmp', 'live/tv'), 'h264-640x360');
  await failed(/callback not delivered/, 'events.test');
  await failed(/a relay push failed and is tried again/, 'target.test');
  await server.api('/api/ctrl/start_relay_pull', { url: 'rtmp://source.test/live/x', pull_retry_num: 1 });
  await failed(/a pull failed and is tried again/, 'source.test');
  await failed(/a pull is given up/, 'source.test');

  names.names.set('events.test', '127.0.0.1').set('target.test', '127.0.0.1');
  await business.waitFor('on_pub_start', { stream_name: 'tv' });
  await poll(
    'the push arrives',
    async () => (await target.api('/api/stat/group?stream_name=tv')).data?.['video_codec'],
    (codec) => codec === 'H264',
  );
});

test('name servers that hang: known names go on, others are found beside those that hang, and the disk is not kept waiting', async (t) => {
  const scope = new OrderedScope();
  t.after(() => scope.end());
  const names = new NameServer();
  if (!(await names.start(scope))) return t.skip(NEEDS_ROOT);
  names.names.set('events.test', '127.0.0.1').set('source.test', '127.0.0.1');
  const business = await startForgetful(scope);
  const origin = await startServer(scope);
  publish(scope, origin.url('rtmp', 'live/pulled'), 'h264-640x360');
  const { server } = await startFaulty(
    scope,
    {
      http_notify: { enable: true, on_pub_start: `http://events.test:${business.port}/on_pub_start` },
      hls: { enable: true, out_path: './hls/', fragment_duration_ms: 1000, fragment_num: 30 },
    },
    { under: names.asItsOwn },
  );
  publish(scope, server.url('rtmp', 'live/first'), 'h264-640x360');
  await business.streams.waitFor('the first event', (name) => name === 'first');

  names.names.set('events.test', 'silent');
  for (const i of [1, 2, 3, 4, 5, 6]) {
    names.names.set(`hanging${i}.test`, 'silent');
    const { error_code } = await server.api('/api/ctrl/start_relay_pull', {
      ...{ url: `rtmp://hanging${i}.test/live/h${i}`, pull_retry_num: -1, pull_timeout_ms: 2000 },
    });
    assert.equal(error_code, 0);
  }
  await server.log.waitFor('a pull that hangs', ({ msg, stream }) => /tried again/.test(msg) && stream === 'h6');
  const segments = async (): Promise<number> => {
    const text = await (await fetch(server.url('http', 'hls/first.m3u8'))).text();
    return Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0) + [...text.matchAll(/#EXTINF/g)].length;
  };
  const before = await segments();
  const known = publish(scope, server.url('rtmp', 'live/second'), 'h264-640x360');
  await business.streams.waitFor('an event to a name that is known', (name) => name === 'second');
  await server.api('/api/ctrl/start_relay_pull', {
    url: origin.url('rtmp', 'live/pulled').replace('127.0.0.1', 'source.test'),
  });
  await poll(
    'a name that was never asked for is found',
    async () => (await server.api('/api/stat/group?stream_name=pulled')).data?.['video_codec'],
    (codec) => codec === 'H264',
  );
  await poll('segments come on', segments, (now) => now >= before + 2);
  await known.stop();
  // the system's own look-ups cannot be broken off, so the process may outlive its last word by what is left of them
  await server.stop();
});
