/** Media by UDP: ports, who is heard, and players who fall silent. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { aac, publishFrames, servers, tracksOf, VIDEO_SDP, videoTrack } from './server.fixture.ts';
import { UdpPair } from './udp-pair.ts';

const { undo, start, open } = servers();

async function bound(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  undo.push(() => socket.close());
  return socket;
}

const portOf = (socket: Socket): number => socket.address().port;

test('pairs are even and odd, many at a time', async () => {
  const options = { localAddress: '127.0.0.1', onRtp: () => {}, onRtcp: () => {} };
  const bindings = await Promise.all(Array.from({ length: 50 }, () => UdpPair.bind(options)));
  const pairs = bindings.filter((pair) => pair !== null);
  for (const { ports } of pairs) assert.deepEqual([ports[0] % 2, ports[1]], [0, ports[0] + 1]);
  assert.equal(new Set(pairs.map(({ ports }) => ports[0])).size, 50);
  for (const pair of pairs) {
    pair.close();
    pair.send(0, Buffer.of(1));
    assert.equal(pair.queuedBytes, 0);
  }
  assert.equal(await UdpPair.bind({ ...options, localAddress: '192.0.2.1' }), null, 'no address of this machine');
});

test('a publisher by UDP: its address alone is heard, all bytes count', async () => {
  const at = await start();
  const client = await open(at);
  const socket = await bound();
  const sdp = [['Content-Type', 'application/sdp']] as const;
  await client.ask('ANNOUNCE', at.url('s'), sdp, Buffer.from(VIDEO_SDP));
  const base = client.socket.bytesWritten;
  const offer = `RTP/AVP;unicast;client_port=${portOf(socket)}-${portOf(socket) + 1};mode=record`;
  const answer = await client.ask('SETUP', `${at.url('s')}/streamid=0`, [['Transport', offer]]);
  const [, server] = /server_port=(\d+)-\d+/.exec(answer.headers.get('Transport') ?? '') ?? [];
  await client.ask('RECORD', at.url('s'));
  const { clock, registry, facts } = at;
  const packet = (sequence: number): Buffer =>
    Buffer.from([0x80, 0xe0, 0, sequence, 0, 0, sequence, 0, 0, 0, 0, 7, 0x65, 0x88]);
  const stranger = createSocket('udp4');
  stranger.bind(0, '127.0.0.2');
  await once(stranger, 'listening');
  undo.push(() => stranger.close());
  for (let i = 0; i < 5; i++) {
    stranger.send(packet(100 + i), Number(server), '127.0.0.1');
    socket.send(packet(i), Number(server), '127.0.0.1');
  }
  const read = (): number => registry.group('s')?.pub?.readBytesSum ?? 0;
  const expected = (): number => client.socket.bytesWritten - base + 5 * packet(0).length;
  while (read() < expected()) await new Promise(setImmediate);
  clock.now += 1000;
  await client.ask('TEARDOWN', at.url('s'));
  const stop = facts.at(-1);
  assert.ok(stop?.kind === 'session_stop');
  assert.equal(stop.session.readBytesSum, expected());
});

test('a player by UDP: RTP and RTCP on its ports, bytes counted, closed when it gives no sign', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const at = await start();
  const { picture, sound } = await publishFrames(at.registry, tracksOf(videoTrack, aac));
  const client = await open(at);
  await client.ask('DESCRIBE', at.url('s'));
  const sockets: [Socket, Socket][] = [];
  const got: Buffer[][] = [];
  const servers: number[] = [];
  for (let i = 0; i < 2; i++) {
    const pair: [Socket, Socket] = [await bound(), await bound()];
    const packets: Buffer[] = [];
    pair[0].on('message', (bytes) => packets.push(bytes));
    sockets.push(pair);
    got.push(packets);
    const offer = `RTP/AVP;unicast;client_port=${portOf(pair[0])}-${portOf(pair[1])}`;
    const answer = await client.setup(at.url('s'), i, offer);
    servers.push(Number(/server_port=\d+-(\d+)/.exec(answer.headers.get('Transport') ?? '')?.[1]));
  }
  const playing = client.ask('PLAY', at.url('s'));
  const wrote = (): number => at.registry.group('s')?.subs[0]?.wroteBytesSum ?? 0;
  while (client.responses.length < 4) {
    picture(0, true);
    sound(10);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const info = (await playing).headers.get('RTP-Info') ?? '';
  const seqs = [...info.matchAll(/seq=(\d+)/g)].map(([, seq]) => Number(seq));
  while (got.some((packets) => packets.length === 0)) await new Promise(setImmediate);
  assert.deepEqual(
    got.map(([first]) => first?.readUInt16BE(2)),
    seqs,
  );
  assert.ok(wrote() > client.socket.bytesRead);
  assert.ok(client.packets.length === 0, 'nothing over the connection');

  at.clock.now += 59_000;
  sockets[0]?.[1].send(Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 1]), servers[0] ?? 0, '127.0.0.1');
  const read = (): number => at.registry.group('s')?.subs[0]?.readBytesSum ?? 0;
  while (read() === client.socket.bytesWritten) await new Promise(setImmediate);
  at.clock.now += 59_000;
  t.mock.timers.tick(1000);
  assert.equal((await client.ask('OPTIONS', at.url('s'))).status, 200, 'an RTCP packet was a sign of life');
  at.clock.now += 60_000;
  t.mock.timers.tick(1000);
  await client.untilClosed();
  while (at.facts.length < 3) await new Promise(setImmediate);
  assert.equal(at.story().at(-1), 'stop RTSPSUB1 in=true out=false timed out');
});
