import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Arrivals, poll } from '../../test/support/wait-for.ts';
import { FaultLog, PeerLimits } from '../net/index.ts';
import { UNBOUNDED } from '../net/peer-limits.fixture.ts';
import { audio, FakePeer, fakeHub, identity, publishTo } from '../streams/hub.fixture.ts';
import { PlayerThreads } from './player-threads.ts';
import type { PlayerOptions } from './ports.ts';

const PLAYERS = 24;
const NOTHING = { plain: null, tls: null };
const ANY_PORT = { key: 'httpflv.http_listen_addr', addr: { host: '127.0.0.1', port: 0 } };
const WORKER = new URL('./worker.ts', import.meta.url);

const options = (changes: Partial<PlayerOptions> = {}): PlayerOptions => ({
  rtmp: NOTHING,
  rtsp: {
    ...NOTHING,
    webSocket: null,
    auth: { isAskedOfPlayers: false, isAskedOfPublishers: false, method: 'basic', username: '', password: '' },
  },
  flv: { plain: ANY_PORT, tls: null, urlPattern: '/' },
  ts: { ...NOTHING, urlPattern: '/' },
  hls: { ...NOTHING, urlPattern: '/hls/', isPatternShared: false },
  handshakeTimeoutMs: 10_000,
  maxMessageBytes: 1_000_000,
  hevc: 'codec-id-12',
  serverName: 'test',
  peers: UNBOUNDED,
  ...changes,
});

/** Two player threads before a hub with a fake clock; their real threads are in `workers`, in the order of their starts. */
function startThreads(t: TestContext, given: PlayerOptions, startWorker?: (name: string) => Worker) {
  const hub = fakeHub();
  const log = new Arrivals<{ message: string; fields: object }>(({ message }) => message);
  const say = (fields: object, message: string): void => log.add({ message, fields });
  const threadLog = { debug: say, info: say, warn: say, error: say };
  let number = 0;
  const workers: Worker[] = [];
  const threads = new PlayerThreads(2, given, {
    hub: hub.registry,
    ledger: { record: (fact) => void hub.facts.push(fact) },
    counter: { next: () => ++number },
    clock: hub.clock,
    ...{ log: threadLog, faults: new FaultLog(threadLog), limitMemory: PeerLimits.memory(3) },
    startWorker: (name, workerData) => {
      const worker = startWorker?.(name) ?? new Worker(WORKER, { name, workerData });
      workers.push(worker);
      return worker;
    },
  });
  t.after(() => threads.end());
  return { ...hub, threads, workers, log };
}

/** Players that count what they are sent. */
class Player {
  readonly closed: Promise<unknown>;
  bytes = 0;
  readonly #socket: net.Socket;

  constructor(t: TestContext, port: number) {
    this.#socket = net.connect(port, '127.0.0.1');
    this.#socket.write('GET /live/s.flv HTTP/1.1\r\nHost: x\r\n\r\n');
    this.#socket.on('data', (chunk) => {
      this.bytes += chunk.length;
    });
    this.#socket.on('error', () => {});
    this.closed = once(this.#socket, 'close');
    t.after(() => this.#socket.destroy());
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }
}

test('a thread that dies ends its own players, whose stops are told, and another takes its place', async (t) => {
  const { threads, workers, registry, facts, log } = startThreads(t, options());
  const bound = await threads.ports[0]?.start();
  assert.ok(bound !== undefined && bound.port > 0);
  const publisher = await publishTo(registry, 'PUB1', new FakePeer());
  const play = async (count: number): Promise<Player[]> => {
    const before = registry.group('s')?.subs.length ?? 0;
    const players = Array.from({ length: count }, () => new Player(t, bound.port));
    await poll(
      'subscribers',
      async () => registry.group('s')?.subs.length,
      (now) => now === before + count,
    );
    return players;
  };
  const stops = (): number =>
    facts.filter((fact) => fact.kind === 'session_stop' && fact.reason === 'server crashed').length;
  /** Every player that is open is sent what is published now. */
  const allServed = async (players: readonly Player[]): Promise<void> => {
    const open = players.filter(({ isOpen }) => isOpen);
    const before = open.map(({ bytes }) => bytes);
    publisher.write(audio(registry.group('s')?.subs.length ?? 0));
    await poll('bytes for everybody', async () => open.every(({ bytes }, i) => bytes > (before[i] ?? 0)), Boolean);
  };

  const players = await play(PLAYERS);
  await poll('heads', async () => players.every(({ bytes }) => bytes > 100), Boolean);
  await allServed(players);
  await workers[0]?.terminate();
  const gone = await poll(
    'stops',
    async () => stops(),
    (count) => count > 0,
  );
  assert.ok(gone < PLAYERS, 'players of the other thread are not concerned');
  await poll(
    'closed connections',
    async () => players.filter(({ isOpen }) => !isOpen).length,
    (count) => count === gone,
  );
  assert.equal(registry.group('s')?.subs.length, PLAYERS - gone);
  await allServed(players);

  await log.waitFor('a new thread', ({ message }) => message === 'a player thread serves again');
  assert.equal(workers.length, 3);
  // the new one alone serves once the other old one is gone
  await workers[1]?.terminate();
  await poll(
    'stops',
    async () => stops(),
    (count) => count === PLAYERS,
  );
  const later = await play(4);
  await poll('heads', async () => later.every(({ bytes }) => bytes > 100), Boolean);
  await allServed(later);
});

test('a thread that does not answer is ended and started anew', async (t) => {
  const silent = (): Worker =>
    new Worker("require('node:worker_threads').parentPort.on('message', () => {})", { eval: true });
  const { threads, workers, log } = startThreads(t, options(), silent);
  const opening = threads.ports[0]?.start();
  for (let second = 0; second <= 30; second++) threads.tick();
  await assert.rejects(async () => opening, /the player thread ended: no answer for 30 s/);
  const { fields } = await log.waitFor('the end', ({ message }) => message.startsWith('a player thread died'));
  assert.partialDeepStrictEqual(fields, { why: 'no answer for 30 s' });
  await poll(
    'new threads',
    async () => workers.length,
    (count) => count >= 4,
  );
});

test('a port that another program has is refused, also where that program would share it', async (t) => {
  for (const reusePort of [false, true]) {
    const other = net.createServer().listen({ host: '127.0.0.1', port: 0, reusePort });
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const addr = { host: '127.0.0.1', port };
    const flv = { plain: { key: 'k', addr }, tls: null, urlPattern: '/' };
    const { threads } = startThreads(t, options({ flv }));
    await assert.rejects(async () => threads.ports[0]?.start(), {
      message: `cannot listen on 127.0.0.1:${port}: the port is in use by another program`,
    });
  }
});

test('what keeps the threads from listening is told in the words of the one that tried', async (t) => {
  const tls = { ...ANY_PORT, certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' };
  const { threads } = startThreads(t, options({ flv: { plain: ANY_PORT, tls, urlPattern: '/' } }));
  const [http, https] = threads.ports;
  assert.deepEqual([http?.name, http?.required, https?.name, https?.required], ['http', true, 'https', false]);
  await assert.rejects(async () => https?.start(), /cannot read the certificate \/nowhere\/cert.pem/);
  await http?.start();
});

test('stopping lets nobody in; a session goes on until it is ended', async (t) => {
  const { threads, registry, story } = startThreads(t, options());
  const bound = await threads.ports[0]?.start();
  assert.ok(bound !== undefined);
  const player = new Player(t, bound.port);
  await poll(
    'a head',
    async () => player.bytes,
    (bytes) => bytes > 100,
  );
  threads.ports[0]?.stop();
  await poll('nobody listens', async () => await refused(bound.port), Boolean);
  assert.ok(player.isOpen);
  await registry.stop();
  await player.closed;
  await threads.end();
  assert.match(story().at(-1) ?? '', /^stop FLVSUB\d+ in=false out=false server stopped$/);
  const late = await registry.subscribe(identity('SUB1'), new FakePeer());
  assert.equal(late.ok, false);
});

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => socket.destroy());
    socket.on('error', () => resolve(true));
    socket.on('close', () => resolve(false));
  });
}
