/** Receivers of callbacks, and of decisions, that fail in every way: what it costs, and that nothing is lost by it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { before, test } from 'node:test';
import { BadServer, writeEndlessly } from '../../support/bad-server.ts';
import { publish } from '../../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../../support/flv.ts';
import { HttpPlayer } from '../../support/http.ts';
import { type Millrace, startServer } from '../../support/millrace.ts';
import { fileScope, OrderedScope } from '../../support/temp-dir.ts';
import { makeCertificate } from '../../support/tls.ts';
import { poll } from '../../support/wait-for.ts';

/** Once the request is here whole. */
function onRequest(socket: Socket, answer: () => void): void {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
    if (text.length < text.indexOf('\r\n\r\n') + 4 + length || Number.isNaN(length)) return;
    text = '';
    answer();
  });
}

const says =
  (answer: string): ((socket: Socket) => void) =>
  (socket) =>
    onRequest(socket, () => void socket.write(answer));
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** What a receiver does, and what the log says of it. */
const FAULTS: Readonly<Record<string, readonly [(socket: Socket) => void, RegExp]>> = {
  'takes the connection and says nothing': [() => {}, /no answer within 300 ms/],
  'reads nothing': [(socket) => void socket.pause(), /no answer within 300 ms/],
  'resets the connection after the request': [
    (socket) => onRequest(socket, () => void socket.resetAndDestroy()),
    /ECONNRESET|other side closed/,
  ],
  'ends the connection after the request': [
    (socket) => onRequest(socket, () => void socket.end()),
    /other side closed/,
  ],
  'answers with something else than HTTP': [says('SSH-2.0-OpenSSH_9.2\r\n\r\n'), /HTTP/],
  'answers with a head that never ends': [
    (socket) => onRequest(socket, () => writeEndlessly(socket, `X-Filler: ${'x'.repeat(1000)}\r\n`)),
    /HTTP|Header|header/,
  ],
  'begins a head and goes no further': [says('HTTP/1.1 200 OK\r\nX-Fil'), /no answer within 300 ms/],
  'answers with 500': [says('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'), /answered 500/],
  'answers with provisional answers only': [says('HTTP/1.1 102 Processing\r\n\r\n'), /no answer within 300 ms/],
};

const scope = fileScope();
let certificate: { cert: string; key: string };

before(() => {
  const { certFile, keyFile } = makeCertificate(scope);
  certificate = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
});

const complaint = (server: Millrace, why: RegExp) =>
  server.log.waitFor(
    `a complaint of ${why}`,
    (line) => /callback not delivered/.test(line.msg) && why.test(String(line['why'])),
  );

/** What the server counts of its callbacks. */
async function counted(server: Millrace, field: 'delivered' | 'backlog' | 'refused'): Promise<number> {
  const { data } = await server.api('/api/notify/status');
  const receivers = data?.['receivers'] as Record<string, number>[] | undefined;
  return receivers?.[0]?.[field] ?? 0;
}

test('each fault of a receiver is named, costs no player a frame, and the events come when it is over', {
  concurrency: 3,
}, async (t) => {
  await Promise.all(
    Object.entries(FAULTS).map(([what, [behave, why]]) =>
      t.test(what, async (each) => {
        const own = new OrderedScope();
        each.after(() => own.end());
        const receiver = await new BadServer(behave).start(own);
        const url = `http://127.0.0.1:${receiver.port}/x`;
        const server = await startServer(own, {
          http_notify: { enable: true, on_pub_start: url, on_pub_stop: url },
          millrace: { notify: { timeout_ms: 300 } },
        });
        const publisher = publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
        const player = new HttpPlayer(own, server.url('http', 'live/tv.flv'));
        await complaint(server, why);
        await player.body(player.received + 100_000);
        await publisher.stop();
        receiver.change(says(OK));
        await poll(
          'both events are delivered',
          () => counted(server, 'delivered'),
          (count) => count === 2,
        );
        assertSteadyTime(readFlv(player.bodyNow()), 100);
      }),
    ),
  );
});

test('a receiver that flaps gets every event, in order, when it is there', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  const ways = Object.values(FAULTS).flatMap(([behave]) => [behave, says(OK)]);
  let turn = 0;
  const receiver = await new BadServer((socket) => ways[turn++ % ways.length]?.(socket)).start(own);
  const url = `http://127.0.0.1:${receiver.port}/x`;
  const server = await startServer(own, {
    http_notify: { enable: true, on_sub_start: url, on_sub_stop: url },
    millrace: { notify: { timeout_ms: 300 } },
  });
  for (let i = 0; i < 20; i++) {
    const player = new HttpPlayer(own, server.url('http', `live/s${i}.flv`));
    await player.head();
    player.leave();
  }
  await poll(
    'all events are delivered',
    () => counted(server, 'delivered'),
    (count) => count === 40,
  );
  assert.equal(await counted(server, 'backlog'), 0);
});

test('a certificate that nobody vouches for: no event is sent, and the log says why', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  let requests = 0;
  const receiver = await new BadServer((socket) => onRequest(socket, () => void requests++), certificate).start(own);
  const url = `https://127.0.0.1:${receiver.port}/x`;
  const server = await startServer(own, {
    http_notify: { enable: true, on_sub_start: url },
    millrace: { admission: { on_play: url } },
  });
  const player = new HttpPlayer(own, server.url('http', 'live/x.flv'));
  assert.equal((await player.head()).status, 403);
  await server.log.waitFor('the reason', ({ why }) => /self-signed certificate/.test(String(why)));
  assert.equal(requests, 0);
});

test('a redirection is not followed: the event counts as refused, the decision as no', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  const elsewhere = await new BadServer(says(OK)).start(own);
  const location = `http://127.0.0.1:${elsewhere.port}/`;
  const redirect = `HTTP/1.1 307 Over there\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
  const receiver = await new BadServer(says(redirect)).start(own);
  const url = `http://127.0.0.1:${receiver.port}/x`;
  const server = await startServer(own, {
    http_notify: { enable: true, on_sub_start: url },
    millrace: { admission: { on_publish: url } },
  });
  new HttpPlayer(own, server.url('http', 'live/x.flv'));
  await poll(
    'the event is refused',
    () => counted(server, 'refused'),
    (count) => count === 1,
  );
  const { finished } = publish(own, server.url('rtmp', 'live/x'), 'h264-640x360');
  assert.notEqual((await finished).code, 0);
  await server.log.waitFor('the refusal', ({ msg }) => /not allowed \(answer 307\)/.test(msg));
  assert.equal(elsewhere.connections.all.length, 0);
});

test('decisions: nobody is let in by a receiver that fails, those who run go on, and each fault is named', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  const receiver = await new BadServer(says(OK)).start(own);
  const server = await startServer(own, {
    millrace: { admission: { on_play: `http://127.0.0.1:${receiver.port}/x`, timeout_ms: 300 } },
  });
  publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
  const player = new HttpPlayer(own, server.url('http', 'live/tv.flv'));
  await player.body(10_000);
  for (const [what, [behave]] of Object.entries(FAULTS)) {
    receiver.change(behave);
    const refused = new HttpPlayer(own, server.url('http', 'live/tv.flv'));
    assert.equal((await refused.head()).status, 403, what);
  }
  receiver.change((socket) =>
    onRequest(socket, () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      writeEndlessly(socket, `400\r\n${' '.repeat(1024)}\r\n`);
    }),
  );
  const refused = new HttpPlayer(own, server.url('http', 'live/tv.flv'));
  assert.equal((await refused.head()).status, 403, 'an answer without end');
  const unanswered = server.log.all.filter(({ msg }) => /nobody answered whether a session is let in/.test(msg));
  // 500 is an answer
  assert.equal(unanswered.length, Object.keys(FAULTS).length);
  await player.body(player.received + 50_000);
  assertSteadyTime(readFlv(player.bodyNow()), 100);
});
