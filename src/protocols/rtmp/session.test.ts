import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { FaultLog } from '../../net/index.ts';
import { type Fact, Registry, type SessionCounter } from '../../streams/index.ts';
import { TestClient } from './client.fixture.ts';
import { RtmpServer } from './index.ts';

const silent = (): void => {};
const keyFrame = Buffer.from([0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88]);
const aacConfig = Buffer.from([0xaf, 0, 0x12, 0x10]);
const aacFrame = Buffer.from([0xaf, 1, 0x21, 0x10]);

let facts: Fact[];
let warnings: string[];
let denial: string | null;
let registry: Registry;
let server: RtmpServer;
let port: number;

beforeEach(async () => {
  facts = [];
  warnings = [];
  denial = null;
  const clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };
  const ledger = { record: (fact: Fact) => void facts.push(fact) };
  const log = {
    debug: silent,
    info: silent,
    warn: (_: object, text: string) => void warnings.push(text),
    error: silent,
  };
  let last = 0;
  const counter: SessionCounter = { next: () => ++last };
  registry = new Registry(
    {
      fanout: { gatherMs: 0, backlogBytes: 1 << 20, backlogMs: 5000 },
      formats: {},
      gopNum: 0,
      singleGopMaxFrameNum: 0,
      idleTimeoutMs: 10_000,
      takeover: 'refuse',
      graceMs: 0,
      dummyAudioMs: null,
    },
    {
      ...{ ledger, log, clock, consumers: [], onRecordWanted: silent, onChange: silent },
      admission: {
        decide: () => Promise.resolve(denial === null ? { ok: true } : { ok: false, reason: denial }),
      },
    },
  );
  const options = {
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    handshakeTimeoutMs: 10_000,
    maxMessageBytes: 1 << 20,
    hevc: 'codec-id-12' as const,
  };
  server = new RtmpServer(options, { hub: registry, ledger, counter, clock, log, faults: new FaultLog(log) });
  port = (await server.start()).port;
});

afterEach(async () => {
  server.stop();
  await registry.stop();
});

const story = (): string[] =>
  facts.map((fact) =>
    fact.kind === 'session_start' || fact.kind === 'session_stop'
      ? `${fact.kind} ${fact.session.sessionId} ${fact.session.baseType} ${fact.session.streamName}`
      : fact.kind === 'rtmp_connect'
        ? `rtmp_connect ${fact.sessionId} ${fact.app}`
        : fact.kind,
  );

async function publisher(name = 's'): Promise<TestClient> {
  const client = await TestClient.open(port);
  await client.connectApp('live');
  client.call('publish', 3, name, 'live');
  await client.status('NetStream.Publish.Start');
  return client;
}

test('publish, media, deleteStream: connect, start and stop once each; the connection may publish again under a new id', async () => {
  const client = await publisher();
  client.send({ type: 'audio', streamId: 1, timestamp: 0, payload: aacFrame });
  client.call('FCUnpublish', 4, 's');
  client.call('deleteStream', 5, 1);
  await client.status('NetStream.Unpublish.Success');
  client.call('publish', 6, 'again', 'live');
  await client.until(() => client.statuses().filter((code) => code === 'NetStream.Publish.Start').length === 2);
  assert.deepEqual(story(), [
    'rtmp_connect RTMPPUBSUB1 live',
    'session_start RTMPPUBSUB1 PUB s',
    'session_stop RTMPPUBSUB1 PUB s',
    'session_start RTMPPUBSUB2 PUB again',
  ]);
  client.socket.destroy();
});

test('a player gets its statuses, then the media of a publisher whose first frames came with its publish command', async () => {
  const player = await TestClient.open(port);
  await player.connectApp('live');
  player.call('play', 3, 's');
  await player.status('NetStream.Play.Start');
  assert.deepEqual(player.statuses(), ['NetStream.Play.Reset', 'NetStream.Play.Start']);
  const sender = await TestClient.open(port);
  await sender.connectApp('live');
  sender.socket.cork();
  sender.call('publish', 3, 's', 'live');
  sender.send({ type: 'audio', streamId: 1, timestamp: 0xfffffffe, payload: aacConfig });
  sender.send({ type: 'audio', streamId: 1, timestamp: 0xfffffffe, payload: aacFrame });
  sender.send({ type: 'audio', streamId: 1, timestamp: 21, payload: aacFrame });
  sender.socket.uncork();
  const audio = () =>
    player.received.flatMap((m) => (m.type === 'audio' && m.payload.equals(aacFrame) ? [m.timestamp] : []));
  await player.until(() => audio().length === 2);
  assert.deepEqual(audio(), [0, 23], 'timestamps near the wrap begin at 0 and go on over it');
  assert.equal(registry.kick('s', 'RTMPPUBSUB1'), 'kicked');
  await player.untilClosed();
  assert.ok(player.statuses().includes('NetStream.Play.Stop'));
  sender.socket.destroy();
});

test('aggregate messages are taken apart', async () => {
  const player = await TestClient.open(port);
  await player.connectApp('live');
  player.call('play', 3, 's');
  await player.status('NetStream.Play.Start');
  const sender = await publisher();
  sender.send({
    type: 'aggregate',
    streamId: 1,
    timestamp: 1000,
    messages: [
      { type: 'audio', streamId: 1, timestamp: 1000, payload: aacConfig },
      { type: 'audio', streamId: 1, timestamp: 1000, payload: aacFrame },
      { type: 'audio', streamId: 1, timestamp: 1023, payload: aacFrame },
    ],
  });
  const audio = () =>
    player.received.flatMap((m) => (m.type === 'audio' && m.payload.equals(aacFrame) ? [m.timestamp] : []));
  await player.until(() => audio().length === 2);
  assert.deepEqual(audio(), [1000, 1023]);
  sender.socket.destroy();
  player.socket.destroy();
});

test('refusals say why and close: no name, taken, denied', async () => {
  const first = await publisher();
  const refused = async (verb: string, name: string | boolean, code: string): Promise<string> => {
    const client = await TestClient.open(port);
    await client.connectApp('live');
    client.call(verb, 3, name);
    const reason = await client.status(code);
    await client.untilClosed();
    return reason;
  };
  assert.match(await refused('publish', '', 'NetStream.Publish.BadName'), /rtmp:\/\/HOST\/APP\/STREAM/);
  assert.match(await refused('publish', false, 'NetStream.Publish.BadName'), /needs a stream name/);
  assert.match(await refused('publish', '?token=1', 'NetStream.Publish.BadName'), /names no stream/);
  assert.match(await refused('publish', 's', 'NetStream.Publish.BadName'), /being published already/);
  assert.match(await refused('play', '..', 'NetStream.Play.StreamNotFound'), /may not be/);
  denial = 'authentication failed: no';
  assert.equal(await refused('publish', 'other', 'NetStream.Publish.Denied'), denial);
  assert.equal(await refused('play', 's', 'NetStream.Play.Failed'), denial);
  assert.equal(first.closed, false);
  const sessions = story().filter((line) => line.startsWith('session'));
  assert.deepEqual(sessions, ['session_start RTMPPUBSUB1 PUB s'], 'the refused are no sessions, and the first goes on');
  first.socket.destroy();
});

test('pings are answered, unknown commands are errors, questions about streams have answers', async () => {
  const client = await TestClient.open(port);
  await client.connectApp('live');
  client.send({ type: 'user-control', event: 'ping-request', timestamp: 77 });
  client.call('releaseStream', 10, 's');
  client.call('getStreamLength', 11, 's');
  client.call('inventedHere', 12);
  const error = await client.answer((message) => message.name === '_error');
  assert.equal(error.transactionId, 12);
  const pong = client.received.find((message) => message.type === 'user-control' && message.event === 'ping-response');
  assert.ok(pong?.type === 'user-control' && pong.event === 'ping-response' && pong.timestamp === 77);
  assert.deepEqual((await client.answer((message) => message.transactionId === 11)).args, [0]);
  client.socket.destroy();
});

test('acknowledgements follow the window that the peer asks for', async () => {
  const client = await publisher();
  client.send({ type: 'window-acknowledgement-size', size: 2000 });
  for (let i = 0; i < 50; i++)
    client.send({ type: 'video', streamId: 1, timestamp: i * 40, payload: Buffer.alloc(100, 0x17) });
  await client.until(() => client.received.some((message) => message.type === 'acknowledgement'));
  assert.ok(client.received.some((message) => message.type === 'acknowledgement' && message.sequence > 3073));
  client.socket.destroy();
});

test('a peer that breaks the protocol loses its own session, with its stop, and no other', async () => {
  const good = await publisher('good');
  const bad = await publisher('bad');
  const chunkSize = Buffer.from([2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
  bad.socket.write(chunkSize);
  await bad.untilClosed();
  assert.match(warnings.join('\n'), /2147483647/);
  const stop = facts.at(-1);
  assert.ok(stop?.kind === 'session_stop' && stop.reason === 'protocol error' && stop.session.streamName === 'bad');
  good.send({ type: 'video', streamId: 1, timestamp: 0, payload: keyFrame });
  assert.deepEqual([good.closed, registry.groups().length], [false, 1]);
  good.socket.destroy();
});

test('another protocol on the port, and commands before connect, are named and closed', async () => {
  for (const [bytes, wanted] of [
    [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /HTTP/],
    [Buffer.from([0x16, 3, 1, 0, 200, 1]), /TLS/],
  ] as const) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', silent);
    socket.write(bytes);
    await once(socket, 'close');
    assert.match(String(warnings.pop()), wanted);
  }
  const client = await TestClient.open(port);
  client.call('createStream', 1);
  await client.untilClosed();
  assert.match(String(warnings.pop()), /before connect/);
});

test('a second play or publish on one connection is refused, ends it, and the first session has its stop', async () => {
  for (const verb of ['play', 'publish']) {
    const client = await TestClient.open(port);
    await client.connectApp('live');
    client.call(verb, 3, verb);
    await client.status(verb === 'play' ? 'NetStream.Play.Start' : 'NetStream.Publish.Start');
    client.call(verb, 4, 'other');
    await client.untilClosed();
    const stop = facts.at(-1);
    assert.ok(stop?.kind === 'session_stop' && stop.session.streamName === verb && stop.reason === 'protocol error');
  }
  assert.deepEqual(registry.groups(), []);
});

test('a later session on one connection counts its own bytes only', async () => {
  const client = await publisher('first');
  client.send({ type: 'video', streamId: 1, timestamp: 0, payload: Buffer.alloc(100_000, 0x17) });
  client.call('deleteStream', 4, 1);
  client.call('publish', 5, 'second', 'live');
  await client.until(() => client.statuses().filter((code) => code === 'NetStream.Publish.Start').length === 2);
  const starts = facts.flatMap((fact) => (fact.kind === 'session_start' ? [fact.session] : []));
  assert.equal(starts.length, 2);
  assert.ok((starts[1]?.readBytesSum ?? 1e9) < 1000, `${starts[1]?.readBytesSum} bytes`);
  client.socket.destroy();
});

test('a peer that asks without end and reads no answer is closed', async () => {
  const client = await publisher('s');
  client.socket.pause();
  const questions = setInterval(() => {
    for (let i = 0; i < 20_000 && client.socket.writable; i++) client.call('createStream', 7);
  }, 1);
  try {
    await client.untilClosed();
  } finally {
    clearInterval(questions);
  }
  assert.match(warnings.join('\n'), /answers that the peer does not read, allowed are 1048576/);
});

test('a peer that has not asked for a stream may send small messages only; a publisher larger ones', async () => {
  const early = await TestClient.open(port);
  early.send({ type: 'video', streamId: 1, timestamp: 0, payload: Buffer.alloc(300_000) });
  await early.untilClosed();
  assert.match(String(warnings.pop()), /a message of 300000 bytes \(type 9\), at most 262144 allowed/);
  const client = await publisher('s');
  client.send({ type: 'video', streamId: 1, timestamp: 0, payload: Buffer.alloc(300_000, 0x17) });
  client.call('createStream', 7);
  await client.answer((message) => message.name === '_result' && message.transactionId === 7);
  client.socket.destroy();
});
