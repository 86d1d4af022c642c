/** Pulling from our own server, and from servers that refuse, ask for passwords, or say nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import type { Frame, Tracks } from '../../media/index.ts';
import { FaultLog, Outbound, parseMediaUrl } from '../../net/index.ts';
import type { Source } from '../../streams/index.ts';
import { RtspReader, type RtspRequest } from '../../wire/rtsp/index.ts';
import { openRtspSource, type RtspSourceOptions } from './index.ts';
import { aac, publishFrames, servers, tracksOf, videoTrack } from './server.fixture.ts';

const { undo, start } = servers();

interface Pulled {
  readonly source: Source;
  readonly frames: Frame[];
  readonly tracks: Tracks[];
  readonly warnings: string[];
  bytes: number;
  /** Resolves with the reason when the source has ended. */
  readonly closed: Promise<string>;
}

function pull(url: string, options: Partial<RtspSourceOptions> = {}): Pulled {
  const target = parseMediaUrl(url);
  if ('problem' in target) throw new Error(target.problem);
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  const [frames, tracks, warnings]: [Frame[], Tracks[], string[]] = [[], [], []];
  const silent = (): void => {};
  const log = {
    ...{ debug: silent, info: silent, error: silent },
    warn: (_: object, text: string) => void warnings.push(text),
  };
  const clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };
  const source = openRtspSource(
    {
      ...{ target, isUdp: false, timeoutMs: 5000, verifyTls: false, outbound: new Outbound({ allow: [] }) },
      ...{ userAgent: 'test', ...options },
    },
    {
      onTracks: (each) => tracks.push(each),
      onFrame: (frame) => frames.push(frame),
      onBytes: (bytes) => {
        pulled.bytes += bytes.length;
      },
      onClosed: resolve,
    },
    { log, clock, faults: new FaultLog(log) },
  );
  undo.push(() => source.close('test'));
  const pulled: Pulled = { source, frames, tracks, warnings, closed, bytes: 0 };
  return pulled;
}

/** A server with one stream of a picture and a sound every 10 ms. */
async function serve(...args: Parameters<typeof start>) {
  const server = await start(...args);
  const { picture, sound, publisher } = await publishFrames(server.registry, tracksOf(videoTrack, aac));
  let dts = 0;
  const timer = setInterval(() => {
    dts += 10;
    picture(dts, dts % 100 === 10);
    sound(dts + 5);
  }, 10);
  undo.push(() => clearInterval(timer));
  return { ...server, publisher };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

for (const isUdp of [false, true]) {
  test(`tracks and frames ${isUdp ? 'by UDP' : 'over the connection'}, and a clean end`, async () => {
    const server = await serve();
    const pulled = pull(server.url('s'), { isUdp });
    await until(() => pulled.frames.filter(({ kind }) => kind === 'video').length >= 20);
    await until(() => pulled.frames.some(({ kind }) => kind === 'audio'));
    const tracks = pulled.tracks.at(-1);
    assert.deepEqual(tracks?.video, videoTrack);
    assert.deepEqual(tracks?.audio?.codec, 'AAC');
    const video = pulled.frames.filter((frame) => frame.kind === 'video');
    assert.equal(video[0]?.key, true);
    for (const [i, { dts }] of video.entries()) {
      if (i > 0) assert.ok(Math.abs(dts - (video[i - 1]?.dts ?? 0) - 10) < 1, `frame ${i} at ${dts}`);
    }
    assert.equal(pulled.source.remoteAddr, `127.0.0.1:${server.port}`);
    assert.ok(pulled.source.readBytes() >= pulled.bytes && pulled.bytes > 500);
    assert.ok(pulled.source.wroteBytes() > 200);
    pulled.source.close('enough');
    assert.equal(await pulled.closed, 'enough');
    await until(() => server.story().some((line) => /^stop RTSPSUB1 .* peer closed$/.test(line)));
    assert.deepEqual(pulled.warnings, []);
  });
}

for (const method of ['basic', 'digest'] as const) {
  test(`name and password by ${method}, with characters that URLs do not like`, async () => {
    const auth = {
      ...{ isAskedOfPlayers: true, isAskedOfPublishers: false, method },
      ...{ username: 'us@r', password: 'p@s/s' },
    };
    const server = await serve({ auth });
    const at = (user: string): string => server.url('s').replace('rtsp://', `rtsp://${user}@`);
    const right = pull(at('us%40r:p@s%2Fs'));
    await until(() => right.frames.length > 0);
    assert.match(await pull(at('us%40r:wrong')).closed, /^DESCRIBE was answered 401 Unauthorized/);
    assert.match(await pull(server.url('s')).closed, /^DESCRIBE was answered 401/);
  });
}

test('a stream that is not there, and one that ends', async () => {
  const server = await serve({ publisherWaitMs: 30 });
  assert.match(
    await pull(server.url('other')).closed,
    /^DESCRIBE was answered 404 Not Found \(nobody publishes other\)/,
  );
  const pulled = pull(server.url('s'));
  await until(() => pulled.frames.length > 0);
  server.registry.kick('s', 'RTSPSUB2');
  assert.equal(await pulled.closed, 'the server closed the connection');
});

/** A server that answers each request as told; gives the requests that came. */
async function fake(answer: (request: RtspRequest) => string | null) {
  const requests: RtspRequest[] = [];
  const server = createServer((socket) => {
    const reader = new RtspReader();
    socket.on('error', () => {});
    undo.push(() => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      reader.push(bytes);
      for (let message = reader.next(); message !== null; message = reader.next()) {
        if (message.kind !== 'request') continue;
        requests.push(message);
        const text = answer(message);
        if (text !== null) socket.write(text.replace('\r\n', `\r\nCSeq: ${message.headers.get('CSeq')}\r\n`));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { requests, url: `rtsp://127.0.0.1:${port}/live/s` };
}

const SDP = 'v=0\r\nm=audio 0 RTP/AVP 8\r\na=control:audio\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 33\r\n';
const described = `RTSP/1.0 200 OK\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`;

test('UDP is refused: the connection serves; keep-alives come within the time-out of the session', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { requests, url } = await fake(({ method, headers }) => {
    if (method === 'DESCRIBE') return described;
    if (method !== 'SETUP') return 'RTSP/1.0 200 OK\r\n\r\n';
    return headers.get('Transport')?.includes('TCP')
      ? 'RTSP/1.0 200 OK\r\nSession: 12 ; timeout=9\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n'
      : 'RTSP/1.0 461 Unsupported Transport\r\n\r\n';
  });
  const pulled = pull(url, { isUdp: true });
  await until(() => requests.some(({ method }) => method === 'PLAY'));
  await until(() => {
    t.mock.timers.tick(3000);
    return requests.filter(({ method }) => method === 'OPTIONS').length === 2;
  });
  pulled.source.close('enough');
  await until(() => requests.some(({ method }) => method === 'TEARDOWN'));
  assert.deepEqual(
    requests.slice(0, 5).map(({ method, url: asked }) => `${method} ${asked.slice(url.length)}`),
    ['OPTIONS ', 'DESCRIBE ', 'SETUP /audio', 'SETUP /audio', 'PLAY '],
    'one medium of each kind that can be carried',
  );
  assert.ok(requests.slice(4).every(({ headers }) => headers.get('Session') === '12'));
});

test('servers that say nothing, nonsense, or nothing that can be carried', async () => {
  const silent = await fake(() => null);
  assert.equal(await pull(silent.url, { timeoutMs: 50 }).closed, 'no media within 50 ms');
  const nonsense = await fake(() => 'HTTP/1.1 200 OK\r\n\r\n');
  assert.match(await pull(nonsense.url).closed, /^the server broke the protocol/);
  const useless = await fake(() => 'RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nv=0\r\n');
  assert.equal(await pull(useless.url).closed, 'the description has no medium that can be carried');
  const { url } = await fake(() => null);
  assert.match(await pull(url.replace(/:\d+/, ':1')).closed, /ECONNREFUSED/);
});

for (const method of ['SETUP', 'PLAY']) {
  test(`a server that breaks the protocol right behind its answer to ${method} leaves no timer behind`, async (t) => {
    const { url } = await fake((request) => {
      if (request.method === 'DESCRIBE') return described;
      return `RTSP/1.0 200 OK\r\n\r\n${request.method === method ? 'nonsense\r\n' : ''}`;
    });
    const set = t.mock.method(globalThis, 'setInterval');
    const clear = t.mock.method(globalThis, 'clearInterval');
    assert.match(await pull(url).closed, /^the server broke the protocol/);
    await new Promise((resolve) => setImmediate(resolve));
    const cleared = clear.mock.calls.map(({ arguments: [timer] }) => timer);
    const left = set.mock.calls.flatMap(({ result }) => (cleared.includes(result) ? [] : [result]));
    for (const timer of left) clearInterval(timer);
    assert.equal(left.length, 0);
  });
}
