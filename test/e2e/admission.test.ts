/** Who is let in: decision callbacks, tokens, blocked addresses, and the token of the API. */
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { probeLines, publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, startServer } from '../support/millrace.ts';
import { type Callback, startReceiver } from '../support/receiver.ts';

test('a receiver decides on publishers and players, renames a stream and is told its new name', async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = ({ event, body }: Callback) => {
    if (event === 'on_publish' && body['url_param'] === 'token=paid') {
      return { status: 200, body: '{"stream_name":"inner"}' };
    }
    if (event === 'on_publish') return { status: 402, body: '{"reason":"not paid"}' };
    if (event === 'on_play') return body['stream_name'] === 'inner' ? 200 : 403;
    return 200;
  };
  const server = await startServer(t, {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
    millrace: {
      notify: { signing_secrets: ['whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3'] },
      admission: { on_publish: receiver.url('on_publish'), on_play: receiver.url('on_play') },
    },
  });

  const refused = await publish(t, server.url('rtmp', 'live/outer'), 'h264-aac').finished;
  assert.notEqual(refused.code, 0);
  await server.log.waitFor('the refusal', ({ msg }) => msg === 'RTMP refused: not paid');
  publish(t, server.url('rtmp', 'live/outer?token=paid'), 'h264-aac');
  await receiver.waitFor('on_pub_start', { stream_name: 'inner' });
  const asked = receiver.callbacks.all.filter(({ event }) => event === 'on_publish').at(-1);
  assert.match(String(asked?.headers['webhook-signature']), /^v1,/);
  const { session_id, ...fields } = asked?.body ?? {};
  assert.match(String(session_id), /^RTMPPUBSUB\d+$/);
  assert.deepEqual(
    [fields['stream_name'], fields['base_type'], fields['has_in_session'], fields['read_bytes_sum']],
    ['outer', 'PUB', false, 0],
  );

  assert.deepEqual(await probeLines(t, server.url('http', 'live/inner.flv')), ['h264 1280x720', 'aac 48000']);
  const denied = await fetch(server.url('http', 'live/outer.flv'));
  assert.equal(denied.status, 403);
  assert.equal(await denied.text(), 'not allowed (answer 403)\n');
  // those who were never let in have no events
  assert.deepEqual(
    receiver.ofStream('outer').filter(({ event }) => !/^on_(publish|play)$/.test(event)),
    [],
  );
});

test('a lifetime ends a session with its stop', async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = ({ event }) => (event === 'on_play' ? { status: 200, body: '{"lifetime_sec":1}' } : 200);
  const server = await startServer(t, {
    http_notify: receiver.config(),
    millrace: { admission: { on_play: receiver.url('on_play') } },
  });
  new HttpPlayer(t, server.url('http', 'live/short.flv'));
  const stop = await receiver.waitFor('on_sub_stop', { stream_name: 'short' });
  assert.equal(stop.headers['millrace-reason'], 'expired');
});

test('a token lets its bearer play its stream', async (t) => {
  const key = 'a secret that both sides know';
  const server = await startServer(t, { ...GOPS_CACHED, millrace: { admission: { jwt: { play: true, key } } } });
  publish(t, server.url('rtmp', 'live/jwt'), 'h264-640x360');
  const sign = (stream: string): Promise<string> =>
    new SignJWT({ stream, action: 'play' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('5m')
      .sign(createSecretKey(Buffer.from(key)));
  const url = server.url('http', 'live/jwt.flv');
  assert.equal((await fetch(url)).status, 403);
  assert.equal((await fetch(`${url}?token=${await sign('other')}`)).status, 403);
  assert.deepEqual(await probeLines(t, `${url}?token=${await sign('jwt')}`), ['h264 640x360', 'aac 48000']);
});

test('a blocked address loses its sessions and is refused on every protocol, until its block ends', async (t) => {
  const receiver = await startReceiver(t);
  const server = await startServer(t, { http_notify: receiver.config() });
  const publisher = publish(t, server.url('rtmp', 'live/block'), 'h264-640x360');
  new HttpPlayer(t, server.url('http', 'live/block.ts'));
  await receiver.waitFor('on_pub_start', { stream_name: 'block' });
  await receiver.waitFor('on_sub_start', { stream_name: 'block' });
  const block = (ip: unknown, duration_sec: unknown) => server.api('/api/ctrl/add_ip_blacklist', { ip, duration_sec });

  for (const [ip, seconds] of [
    ['', 10],
    ['nowhere', 10],
    ['127.0.0.1', -1],
    ['127.0.0.1', 'soon'],
    [7, 10],
  ] as const) {
    assert.equal((await block(ip, seconds)).error_code, 1002, `${ip} ${seconds}`);
  }
  assert.deepEqual(await block('127.0.0.1', 600), { error_code: 0, desp: 'succ' });
  for (const event of ['on_pub_stop', 'on_sub_stop'] as const) {
    const stop = await receiver.waitFor(event, { stream_name: 'block' });
    assert.equal(stop.headers['millrace-reason'], 'kicked');
  }
  await publisher.finished;
  const refused = await fetch(server.url('http', 'live/block.flv'));
  assert.deepEqual([refused.status, await refused.text()], [403, 'the address 127.0.0.1 is blocked\n']);
  assert.notEqual((await publish(t, server.url('rtmp', 'live/block'), 'h264-640x360').finished).code, 0);

  assert.equal((await block('127.0.0.1', 0)).error_code, 0);
  publish(t, server.url('rtmp', 'live/again'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'again' });
});

test('the API asks for its token where one is set, and warns where it listens to all without', async (t) => {
  const guarded = await startServer(t, { millrace: { api: { token: 'sesame' } } });
  const url = `http://127.0.0.1:${guarded.port('api')}/api/stat/lal_info`;
  assert.equal((await fetch(url)).status, 401);
  const answer = await fetch(url, { headers: { Authorization: 'Bearer sesame' } });
  assert.equal(((await answer.json()) as { error_code: number }).error_code, 0);
  const warning = 'the HTTP API listens to other machines and asks for no token: set millrace.api.token';
  assert.ok(!guarded.log.all.some(({ msg }) => msg === warning));
  const open = await startServer(t, { http_api: { addr: ':0' } });
  assert.ok(open.log.all.some(({ msg }) => msg === warning));
});
