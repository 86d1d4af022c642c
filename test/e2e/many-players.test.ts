/** 3,000 players come and go while the receiver takes 10 ms for each callback: it hears of every one, twice. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Count } from '../chaos/count.ts';
import { startServer } from '../support/millrace.ts';
import { withPatience } from '../support/wait-for.ts';

const PLAYERS = 3000;
/** One lane each: 60 players, 120 callbacks of 10 ms one after the other. */
const STREAMS = 50;
const ANSWER_MS = 10;
/** So many come at a time, and so many stay. */
const [COMING, STAYING] = [50, 1000];

interface Told {
  readonly event: string;
  readonly sessionId: string;
  readonly stream: string;
  readonly token: string;
  readonly streamSeq: number;
}

test('none of 6,000 events is lost', async (t) => {
  const { told, count, url } = await slowReceiver(t);
  const server = await startServer(t, {
    log: { level: 2 },
    http_notify: {
      ...{ enable: true, update_interval_sec: 0 },
      ...{ on_sub_start: url('on_sub_start'), on_sub_stop: url('on_sub_stop') },
    },
  });
  await comeAndGo(server.port('http'));
  await withPatience(count.reached(2 * PLAYERS), () => `only ${count.value} of ${2 * PLAYERS} callbacks came`);
  await server.stop();

  assert.equal(told.length, 2 * PLAYERS);
  const tokens = new Set(told.filter(({ event }) => event === 'on_sub_start').map(({ token }) => token));
  assert.equal(tokens.size, PLAYERS);
  const stopped = told.filter(({ event }) => event === 'on_sub_stop');
  assert.equal(new Set(stopped.map(({ sessionId }) => sessionId)).size, PLAYERS);
  const open = new Map<string, string>();
  for (const { event, sessionId, token } of told) {
    if (event === 'on_sub_start') open.set(sessionId, token);
    else assert.equal(open.get(sessionId), token, `the stop of ${sessionId} comes after its start`);
  }
  for (const [stream, numbers] of Map.groupBy(told, (each) => each.stream)) {
    const expected = Array.from(numbers, (_, i) => i + 1);
    assert.deepEqual(
      numbers.map(({ streamSeq }) => streamSeq),
      expected,
      stream,
    );
  }
});

/** Answers each callback after a while; `told` is in order of arrival. */
async function slowReceiver(t: TestContext) {
  const told: Told[] = [];
  const count = new Count();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
      told.push({
        event: request.url?.slice(1) ?? '',
        sessionId: body['session_id'] ?? '',
        stream: body['stream_name'] ?? '',
        token: body['url_param'] ?? '',
        streamSeq: Number(request.headers['millrace-stream-seq']),
      });
      count.add();
      setTimeout(() => response.writeHead(200).end(), ANSWER_MS);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { told, count, url: (event: string) => `http://127.0.0.1:${port}/${event}` };
}

/** All players, each of whom goes when enough others have come after it. */
async function comeAndGo(port: number): Promise<void> {
  const staying: Socket[] = [];
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let i = next++; i < PLAYERS; i = next++) {
      staying.push(await play(port, i));
      if (staying.length > STAYING) staying.shift()?.destroy();
    }
  };
  await Promise.all(Array.from({ length: COMING }, hand));
  for (const socket of staying) socket.destroy();
}

/** Resolves once the player is let in. */
async function play(port: number, i: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET /live/m${i % STREAMS}.flv?n=${i} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  const answer = withPatience(once(socket, 'data'), () => `player ${i} was not answered`);
  const [head] = (await answer) as [Buffer];
  assert.match(head.toString('latin1'), /^HTTP\/1\.1 200 /);
  socket.on('error', () => {});
  socket.resume();
  return socket;
}
