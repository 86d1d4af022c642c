/** How many ports there may be, and whose packets are taken. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { type TestContext, test } from 'node:test';
import { film, psPack, RtpPacketizer } from '../../../test/support/ps.ts';
import { poll } from '../../../test/support/wait-for.ts';
import { PeerLimits } from '../../net/index.ts';
import { UNBOUNDED } from '../../net/peer-limits.fixture.ts';
import { fakeHub } from '../../streams/hub.fixture.ts';
import type { Decision } from '../../streams/index.ts';
import { Gb28181Server, type RtpPubRequest } from './index.ts';

const media = film('h264', null, 1);
const REQUEST: RtpPubRequest = { streamName: 's', port: 0, timeoutMs: 10_000, isTcp: false, dumpFile: '' };

function setUp(t: TestContext, maxPorts: number, decide: (remoteAddr: string) => Promise<Decision> = allow) {
  const hub = fakeHub();
  const silent = (): void => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const limits = new PeerLimits(
    { ...UNBOUNDED, gb28181Ports: { all: maxPorts, perAddress: 0 } },
    PeerLimits.memory(1),
    0,
    { log, clock: hub.clock },
  );
  let last = 0;
  const counter = { next: () => ++last };
  const server = new Gb28181Server({ hub: hub.registry, counter, clock: hub.clock, log, limits, decide });
  t.after(() => hub.registry.stop());
  const start = (changes: Partial<RtpPubRequest> = {}) => server.startRtpPub({ ...REQUEST, ...changes });
  const count = (limit: string): number => limits.refusals.counts().find(([name]) => name === limit)?.[1] ?? 0;
  return { ...hub, start, count };
}

const allow = (): Promise<Decision> => Promise.resolve({ ok: true });

function packets(ssrc: number): Buffer[] {
  const packetizer = new RtpPacketizer(ssrc);
  return media.frames.flatMap((frame) => packetizer.packets(psPack(media, frame), frame.ticks));
}

async function sender(t: TestContext, port: number) {
  const socket = dgram.createSocket('udp4');
  t.after(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const send = async (datagrams: readonly Buffer[]): Promise<void> => {
    for (const datagram of datagrams) {
      await new Promise<void>((resolve) => socket.send(datagram, port, '127.0.0.1', () => resolve()));
    }
  };
  return { address: `127.0.0.1:${socket.address().port}`, send };
}

for (const isTcp of [false, true]) {
  test(`${isTcp ? 'TCP' : 'UDP'}: no more ports than there may be; one that is closed, or was never had, makes room`, async (t) => {
    const { start, registry, count } = setUp(t, 2);
    const first = await start({ streamName: 'a', isTcp });
    assert.ok(first.ok);
    assert.ok(!(await start({ streamName: 'a', isTcp })).ok, 'the stream is taken');
    assert.ok(!(await start({ streamName: 'b', port: first.port, isTcp })).ok, 'the port is taken');
    assert.ok((await start({ streamName: 'b', isTcp })).ok);
    const refused = await start({ streamName: 'c', isTcp });
    assert.deepEqual(refused, {
      ok: false,
      reason: '2 ports of GB28181 publishers are open, and no more are allowed',
    });
    assert.equal(count('max_gb28181_ports'), 1);
    registry.kick('a', first.sessionId);
    assert.ok((await start({ streamName: 'c', isTcp })).ok);
  });
}

test('the first sender’s address is the session’s, so that it can be blocked; packets of others are counted', async (t) => {
  const { start, registry, facts, count } = setUp(t, 0);
  const opened = await start();
  assert.ok(opened.ok);
  assert.equal(registry.group('s')?.pub?.remoteAddr, '');
  const [camera, other] = [await sender(t, opened.port), await sender(t, opened.port)];
  await camera.send(packets(7).slice(0, 3));
  const remoteAddr = (): Promise<string | undefined> => Promise.resolve(registry.group('s')?.pub?.remoteAddr);
  await poll('the address', remoteAddr, (address) => address === camera.address);
  await other.send(packets(8).slice(0, 5));
  await poll(
    'foreign packets',
    () => Promise.resolve(count('foreign_packets')),
    (n) => n === 5,
  );
  assert.equal(await remoteAddr(), camera.address);
  registry.kickWhere((address) => address === other.address);
  assert.ok(registry.group('s')?.pub);
  registry.kickWhere((address) => address === camera.address);
  assert.equal(registry.group('s'), null);
  const stop = facts.at(-1);
  assert.ok(stop?.kind === 'session_stop');
  assert.deepEqual([stop.session.remoteAddr, stop.reason], [camera.address, 'kicked']);
});

test('a sender whose address is blocked is not followed, and another one is', async (t) => {
  const blocked = new Set<string>();
  const decide = (address: string): Promise<Decision> =>
    Promise.resolve(blocked.has(address) ? { ok: false, reason: 'blocked' } : { ok: true });
  const { start, registry, count } = setUp(t, 0, decide);
  const opened = await start();
  assert.ok(opened.ok);
  const [bad, good] = [await sender(t, opened.port), await sender(t, opened.port)];
  blocked.add(bad.address);
  await bad.send(packets(7).slice(0, 10));
  await poll(
    'its packets are dropped',
    () => Promise.resolve(count('foreign_packets')),
    (n) => n >= 8,
  );
  assert.equal(registry.group('s')?.pub?.remoteAddr, '');
  await good.send(packets(8).slice(0, 10));
  await poll(
    'the other one is followed',
    () => Promise.resolve(registry.group('s')?.pub?.remoteAddr),
    (address) => address === good.address,
  );
});
