/** Whose datagrams are heard, and how many sockets there may be. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { createLimits } from '../../net/peer-limits.fixture.ts';
import { UdpPair, UdpPairs } from './udp-pair.ts';

const silent = (): void => {};

async function sender(t: TestContext): Promise<{ port: number; send(text: string, to: number): Promise<void> }> {
  const socket: Socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return {
    port: socket.address().port,
    send: (text, to) => new Promise((resolve) => socket.send(text, to, '127.0.0.1', () => resolve())),
  };
}

async function listening(t: TestContext) {
  const heard: string[] = [];
  const bounds = createLimits();
  const pairs = new UdpPairs(bounds);
  t.after(() => pairs.close());
  const pair = await pairs.open({
    ...{ localAddress: '127.0.0.1', onRtcp: silent },
    onRtp: (bytes) => void heard.push(bytes.toString()),
  });
  assert.ok(pair instanceof UdpPair);
  const until = async (count: number): Promise<string[]> => {
    while (heard.length + pair.strangers < count) await new Promise(setImmediate);
    return heard;
  };
  const foreign = (): number => bounds.refusals.counts().find(([limit]) => limit === 'foreign_packets')?.[1] ?? 0;
  return { pair, until, foreign };
}

test('behind NAT: the first port of the peer’s address is heard, and no other after it', async (t) => {
  const { pair, until, foreign } = await listening(t);
  const [mapped, other] = [await sender(t), await sender(t)];
  pair.setPeer({ address: '127.0.0.1', ports: [1, 2] });
  await mapped.send('a', pair.ports[0]);
  await until(1);
  await other.send('b', pair.ports[0]);
  await until(2);
  await mapped.send('c', pair.ports[0]);
  assert.deepEqual(await until(3), ['a', 'c']);
  assert.deepEqual([pair.strangers, foreign(), pair.readBytes], [1, 1, 2]);
});

test('the port that the peer named goes before one that spoke first', async (t) => {
  const { pair, until } = await listening(t);
  const [named, other] = [await sender(t), await sender(t)];
  pair.setPeer({ address: '127.0.0.1', ports: [named.port, named.port + 1] });
  await other.send('a', pair.ports[0]);
  await until(1);
  await named.send('b', pair.ports[0]);
  await until(2);
  await other.send('c', pair.ports[0]);
  assert.deepEqual(await until(3), ['a', 'b']);
});

test('sockets are allowed by address and in all, and given back at the session’s end', async () => {
  const bounds = createLimits({ udpSockets: { all: 6, perAddress: 4 } });
  const open = { localAddress: '127.0.0.1', onRtp: silent, onRtcp: silent };
  const [first, second, third] = [new UdpPairs(bounds), new UdpPairs(bounds), new UdpPairs(bounds)];
  for (const pairs of [first, second]) assert.ok((await pairs.open(open, '192.0.2.1')) instanceof UdpPair);
  assert.equal(
    await first.open(open, '192.0.2.1'),
    '4 UDP sockets are open from this address, and no more are allowed',
  );
  assert.ok((await third.open(open, '192.0.2.2')) instanceof UdpPair);
  assert.equal(await third.open(open, '192.0.2.2'), '6 UDP sockets are open, and no more are allowed');
  first.close();
  first.close();
  assert.ok((await third.open(open, '192.0.2.2')) instanceof UdpPair);
  assert.equal(await third.open(open, '192.0.2.3'), '6 UDP sockets are open, and no more are allowed');
  for (const pairs of [second, third]) pairs.close();
});

test('a pair that cannot be had costs nothing of what is allowed', async () => {
  const bounds = createLimits({ udpSockets: { all: 2, perAddress: 0 } });
  const pairs = new UdpPairs(bounds);
  const on = { onRtp: silent, onRtcp: silent };
  assert.equal(await pairs.open({ localAddress: '192.0.2.1', ...on }), 'no UDP ports are free');
  assert.ok((await pairs.open({ localAddress: '127.0.0.1', ...on })) instanceof UdpPair);
  pairs.close();
});
