/** Bounds on peers against the real server: what is refused and how, and that a publisher and players of before notice nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMetrics } from '../../src/ops/prometheus.fixture.ts';
import { TestClient } from '../../src/protocols/rtmp/client.fixture.ts';
import { startFaulty } from '../support/faults.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace } from '../support/millrace.ts';
import { run } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { startReceiver } from '../support/receiver.ts';
import type { Scope } from '../support/temp-dir.ts';
import { poll, withPatience } from '../support/wait-for.ts';
import { refusedOf, scopeOf, serverWith, startCalm } from './limits.fixture.ts';

async function openDescriptors(server: Millrace): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${server.port('api')}/metrics`);
  const samples = parseMetrics(await response.text()).flatMap((family) => family.samples);
  return samples.find(({ name }) => name === 'process_open_fds')?.value ?? 0;
}

function linesOf(server: Millrace, limit: string) {
  return server.log.all.filter((line) => line['limit'] === limit);
}

const GET = 'GET /live/x.flv HTTP/1.1\r\nHost: h\r\n\r\n';

/** Connections that say nothing. */
function fill(scope: Scope, port: number, count: number): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: count }, () => RawClient.open(scope, port)));
}

for (const threads of [1, 2]) {
  test(`connections in all, ${threads} thread(s): closed as they come, over HTTP and RTSP with a word, the API is there, and room comes back`, async (t) => {
    const own = scopeOf(t);
    const limits = { max_connections: 20, handshake_timeout_ms: 60_000 };
    const server = await serverWith(own, limits, {
      rtsp: { enable: true, addr: '127.0.0.1:0' },
      millrace: { threads },
    });
    const calm = await startCalm(own, server);
    const idle = await fill(own, server.port('rtmp'), 60);
    const open = (): number => idle.filter(({ socket }) => !socket.destroyed).length;
    // publisher and player are two of the twenty; threads that accept at the same moment may let in one more each
    await poll(
      'the rest to be closed',
      () => Promise.resolve(open()),
      (count) => count >= 18 && count < 18 + threads,
    );
    const camera = await RawClient.open(own, server.port('rtsp'));
    camera.send('OPTIONS rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\n\r\n');
    assert.match(
      await camera.ended(),
      /^RTSP\/1\.0 503 20 connections are open, and no more are allowed\r\nCSeq: 1\r\n/,
    );
    const told = await RawClient.open(own, server.port('http'));
    told.send(GET);
    const answer = await told.ended();
    assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n.*Retry-After: 10\r\n/s);
    assert.match(answer, /\r\n\r\n20 connections are open, and no more are allowed\n$/);
    assert.ok((await refusedOf(server, 'max_connections')) >= 42 + 2 - threads);
    const lines = linesOf(server, 'max_connections');
    assert.ok(lines.length >= 1 && lines.length <= 3 * threads, `${lines.length} lines`);
    assert.equal(lines[0]?.level, 'warn');

    for (const client of idle) client.leave();
    const again = async (): Promise<boolean> => {
      const player = new HttpPlayer(own, server.url('http', 'live/calm.flv'));
      return player.head().then(
        ({ status }) => status === 200,
        () => false,
      );
    };
    await poll('room', again, (isIn) => isIn);
    await calm.assertUndisturbed();
  });
}

test('RTSP without room for a connection: ffmpeg and GStreamer show the reason', async (t) => {
  const own = scopeOf(t);
  const server = await serverWith(own, { max_connections: 1 }, { rtsp: { enable: true, addr: '127.0.0.1:0' } });
  await fill(own, server.port('http'), 1);
  const url = server.url('rtsp', 'live/x');
  const players = [
    ['ffmpeg', '-v', 'error', '-i', url, '-f', 'null', '-'],
    ['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc=duration=1', '-f', 'rtsp', url],
    ['gst-launch-1.0', 'rtspsrc', `location=${url}`, 'protocols=tcp', '!', 'fakesink'],
  ];
  for (const [program = '', ...args] of players) {
    const { stderr } = await withPatience(run(own, program, args), () => `${program} did not end`);
    assert.match(stderr, /1 connections are open, and no more are allowed/);
    assert.match(stderr, /503/);
  }
  assert.ok((await refusedOf(server, 'max_connections')) >= players.length);
});

test('connections of one address: others are let in', async (t) => {
  const own = scopeOf(t);
  const server = await serverWith(own, { max_connections_per_address: 5, handshake_timeout_ms: 60_000 });
  const calm = await startCalm(own, server);
  const from = (localAddress: string) => RawClient.open(own, server.port('http'), { localAddress });
  for (let i = 0; i < 5; i++) await from('127.0.0.2');
  const refused = await from('127.0.0.2');
  refused.send(GET);
  assert.match(await refused.ended(), /^HTTP\/1\.1 429 Too Many Requests\r\n.*\r\n5 connections are open from this/s);
  const other = await from('127.0.0.3');
  other.send(GET.replace('GET', 'HEAD'));
  await other.until(/^HTTP\/1\.1 200 /);
  assert.equal(await refusedOf(server, 'max_connections_per_address'), 1);
  await calm.assertUndisturbed();
});

test('the API has an allowance of its own', async (t) => {
  const own = scopeOf(t);
  const server = await serverWith(own, { max_api_connections: 3 });
  const calm = await startCalm(own, server);
  const clients: RawClient[] = [];
  const isRefused = async (): Promise<boolean> => {
    const client = await RawClient.open(own, server.port('api'));
    client.send('GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n');
    clients.push(client);
    return /^HTTP\/1\.1 503 /.test(await client.until(/^HTTP\/1\.1 \d+ /));
  };
  await poll('a refusal', isRefused, (isSo) => isSo);
  assert.match(await (clients.at(-1)?.ended() ?? ''), /3 connections to the API are open, and no more are allowed/);
  assert.ok(clients.length <= 4);
  for (const client of clients) client.leave();
  await poll(
    'the API again',
    () => refusedOf(server, 'max_api_connections').catch(() => 0),
    (count) => count >= 1,
  );
  await calm.assertUndisturbed();
});

test('streams and players of one: refused over RTMP, HTTP and RTSP with the reason, and nobody is told of them', async (t) => {
  const own = scopeOf(t);
  const receiver = await startReceiver(own);
  const server = await serverWith(
    own,
    { max_groups: 2, max_subscribers_per_group: 2 },
    { rtsp: { enable: true, addr: '127.0.0.1:0' }, http_notify: receiver.config() },
  );
  const calm = await startCalm(own, server);
  const waiting = new HttpPlayer(own, server.url('http', 'live/later.flv'));
  await waiting.head();
  const full = '2 streams are here, and no more are allowed';

  const publisher = await TestClient.open(server.port('rtmp'));
  own.after(() => void publisher.socket.destroy());
  await publisher.connectApp('live');
  publisher.call('publish', 3, 'third', 'live');
  assert.equal(await publisher.status('NetStream.Publish.Denied'), full);
  const player = await TestClient.open(server.port('rtmp'));
  own.after(() => void player.socket.destroy());
  await player.connectApp('live');
  player.call('play', 3, 'third');
  assert.equal(await player.status('NetStream.Play.Failed'), full);
  const http = new HttpPlayer(own, server.url('http', 'live/third.flv'));
  assert.equal((await http.head()).status, 503);
  await http.closed();
  assert.equal(http.bodyNow().toString(), `${full}\n`);
  const rtsp = await RawClient.open(own, server.port('rtsp'));
  rtsp.send(`DESCRIBE ${server.url('rtsp', 'live/third')} RTSP/1.0\r\nCSeq: 1\r\n\r\n`);
  assert.match(await rtsp.ended(), /^RTSP\/1\.0 503 [^\r]*2 streams are here, and no more are allowed/);
  assert.equal((await server.api('/api/ctrl/start_rtp_pub', { stream_name: 'third' })).error_code !== 0, true);
  assert.equal(await refusedOf(server, 'max_groups'), 5);

  const second = new HttpPlayer(own, server.url('http', 'live/calm.flv'));
  assert.equal((await second.head()).status, 200);
  const third = new HttpPlayer(own, server.url('http', 'live/calm.flv'));
  assert.equal((await third.head()).status, 503);
  await third.closed();
  assert.equal(third.bodyNow().toString(), '2 players of stream calm are here, and no more are allowed\n');
  assert.equal(await refusedOf(server, 'max_subscribers_per_group'), 1);
  second.leave();
  await receiver.waitFor('on_sub_stop', { stream_name: 'calm' });
  assert.equal((await new HttpPlayer(own, server.url('http', 'live/calm.flv')).head()).status, 200);
  assert.deepEqual(receiver.ofStream('third'), []);
  await calm.assertUndisturbed();
});

test('UDP sockets of RTSP: the player beyond the bound is refused, and TCP is there for it', async (t) => {
  const own = scopeOf(t);
  const server = await serverWith(own, { max_udp_sockets: 2 }, { rtsp: { enable: true, addr: '127.0.0.1:0' } });
  const calm = await startCalm(own, server);
  const url = server.url('rtsp', 'live/calm');
  const ask = async (client: RawClient, lines: string): Promise<string> => {
    const before = client.text().length;
    client.send(`${lines}\r\n\r\n`);
    await client.until(new RegExp(`^[\\s\\S]{${before}}[\\s\\S]*\\r\\n\\r\\n`));
    return client.text().slice(before);
  };
  const client = await RawClient.open(own, server.port('rtsp'));
  await ask(client, `DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1`);
  await client.until(/m=audio/);
  const setup = (cseq: number, track: number, transport: string) =>
    ask(client, `SETUP ${url}/trackID=${track} RTSP/1.0\r\nCSeq: ${cseq}\r\nTransport: ${transport}`);
  assert.match(await setup(2, 0, 'RTP/AVP;unicast;client_port=40000-40001'), /RTSP\/1\.0 200 /);
  assert.match(
    await setup(3, 1, 'RTP/AVP;unicast;client_port=40002-40003'),
    /RTSP\/1\.0 503 [^\r]*2 UDP sockets are open, and no more are allowed/,
  );
  assert.equal(await refusedOf(server, 'max_udp_sockets'), 1);
  const other = await RawClient.open(own, server.port('rtsp'));
  await ask(other, `DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1`);
  await other.until(/m=audio/);
  const tcp = `SETUP ${url}/trackID=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;interleaved=0-1`;
  assert.match(await ask(other, tcp), /RTSP\/1\.0 200 /);
  await calm.assertUndisturbed();
});

test('ports of GB28181 publishers: the API refuses the one that is too many, and says why', async (t) => {
  const own = scopeOf(t);
  const server = await serverWith(own, { max_gb28181_ports: 1 });
  const calm = await startCalm(own, server);
  const open = (stream_name: string, isTcp = false) =>
    server.api('/api/ctrl/start_rtp_pub', { stream_name, timeout_ms: 60_000, is_tcp_flag: isTcp ? 1 : 0 });
  const { data } = await open('first');
  for (const isTcp of [false, true]) {
    const { error_code, desp } = await open('second', isTcp);
    assert.deepEqual([error_code, desp], [2002, '1 ports of GB28181 publishers are open, and no more are allowed']);
  }
  assert.equal(await refusedOf(server, 'max_gb28181_ports'), 2);
  assert.equal((await server.api('/api/stat/group?stream_name=second')).data ?? null, null);
  await server.api('/api/ctrl/kick_session', { stream_name: 'first', session_id: data?.['session_id'] });
  await poll(
    'the port again',
    () => open('second', true),
    ({ error_code }) => error_code === 0,
  );
  await calm.assertUndisturbed();
});

test('low-latency requests that are given up make room in the session at once', async (t) => {
  const own = scopeOf(t);
  const hls = {
    ...{ enable: true, url_pattern: '/hls/', out_path: './hls/', fragment_duration_ms: 30_000 },
    ...{ sub_session_hash_key: 'secret', sub_session_timeout_ms: 60_000 },
  };
  const server = await serverWith(own, {}, { hls });
  const calm = await startCalm(own, server);
  const { headers } = await fetch(server.url('http', 'hls/none/ll.m3u8'), { redirect: 'manual' });
  const location = headers.get('Location') ?? '';
  const path = `/hls/none/${location}`;
  const ask = async (): Promise<RawClient> => {
    const client = await RawClient.open(own, server.port('http'));
    client.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
    return client;
  };
  for (let round = 0; round < 2; round++) {
    const waiting = await Promise.all(Array.from({ length: 32 }, ask));
    // what waits is answered nothing; the first that is too much is
    const isTurnedAway = async (): Promise<boolean> => {
      const client = await ask();
      const answered = await Promise.race([client.until(/^HTTP\/1\.1 429 /), ...waiting.map((each) => each.ended())]);
      client.leave();
      return answered.startsWith('HTTP/1.1 429 ');
    };
    assert.ok(await isTurnedAway());
    for (const each of waiting) each.leave();
    await poll(
      'room in the session',
      async () => {
        const probe = await ask();
        await new Promise((resolve) => setTimeout(resolve, 100));
        const isFull = probe.text().startsWith('HTTP/1.1 429');
        probe.leave();
        return isFull;
      },
      (isFull) => !isFull,
    );
  }
  assert.ok((await refusedOf(server, 'hls_waiting')) >= 2);
  await calm.assertUndisturbed();
});

test('no descriptor is left: connections that come are closed, the log says so, who is here goes on, and later ones are let in', async (t) => {
  const own = scopeOf(t);
  const { server, limitDescriptors } = await startFaulty(own, {
    ...GOPS_CACHED,
    millrace: { limits: { max_connections: 0, handshake_timeout_ms: 60_000 } },
  });
  const calm = await startCalm(own, server);
  const player = new HttpPlayer(own, server.url('http', 'live/calm.flv'));
  await player.body(10_000);
  // a handful more than are open: the rest finds none
  limitDescriptors((await openDescriptors(server)) + 10);
  const idle = await fill(own, server.port('rtmp'), 40);
  await poll(
    'most to be closed',
    () => Promise.resolve(idle.filter(({ socket }) => socket.destroyed).length),
    (count) => count >= 20,
  );
  const line = await server.log.waitFor('the lack', ({ limit }) => limit === 'descriptors');
  assert.match(line.msg, /^no file descriptor is left: connections that come are closed/);
  await player.body(player.received + 100_000);
  for (const client of idle) client.leave();
  await poll(
    'descriptors again',
    () => openDescriptors(server).catch(() => 0),
    (count) => count > 0,
  );
  assert.ok((await refusedOf(server, 'descriptors')) >= 1);
  assert.equal((await new HttpPlayer(own, server.url('http', 'live/calm.flv')).head()).status, 200);
  await calm.assertUndisturbed();
});
