/** Tests of what becomes of a push that the hub ends: it is made anew, or not, by the reason. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { FaultLog, Outbound } from '../net/index.ts';
import { RtmpServer } from '../protocols/rtmp/index.ts';
import { fakeHub, publishTo, videoTracks } from '../streams/hub.fixture.ts';
import type { Hub, StopReason } from '../streams/index.ts';
import { relayPush } from './push.ts';

const silent = (): void => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };

/** A publication that is pushed to another server; `sessions` are the pushes that the hub has let in. */
async function pushing(t: TestContext) {
  let last = 0;
  const counter = { next: () => ++last };
  const target = fakeHub();
  const server = new RtmpServer(
    {
      address: { host: '127.0.0.1', port: 0 },
      tls: null,
      handshakeTimeoutMs: 10_000,
      maxMessageBytes: 1 << 20,
      hevc: 'codec-id-12' as const,
    },
    { hub: target.registry, ledger: { record: silent }, counter, clock, log, faults: new FaultLog(log) },
  );
  const { port } = await server.start();
  const sessions: { close(reason: StopReason): void }[] = [];
  const came = new EventEmitter();
  const hub: Hub = {
    publish: (identity, peer) => source.registry.publish(identity, peer),
    subscribe: async (identity, peer) => {
      const result = await source.registry.subscribe(identity, peer);
      sessions.push(peer);
      came.emit('session');
      return result;
    },
  };
  const options = {
    addrs: [`127.0.0.1:${port}`],
    timeoutMs: 10_000,
    maxMessageBytes: 1 << 20,
    hevc: 'codec-id-12' as const,
  };
  const outbound = new Outbound({ allow: [] });
  const source: ReturnType<typeof fakeHub> = fakeHub({}, { ok: true }, [
    relayPush(options, { hub, counter, log, outbound }),
  ]);
  const publisher = await publishTo(source.registry, 'PUB1');
  publisher.setTracks(videoTracks);
  t.after(() => {
    publisher.close('peer closed');
    server.stop();
  });
  await once(came, 'session');
  return { sessions, came, target };
}

for (const reason of ['timed out', 'too slow'] as const) {
  test(`a push that is ended because it ${reason} is made anew`, async (t) => {
    const { sessions, came } = await pushing(t);
    sessions[0]?.close(reason);
    await once(came, 'session');
    assert.equal(sessions.length, 2);
  });
}

test('a push that is kicked is not, and the other server loses its publisher', async (t) => {
  const { sessions, target } = await pushing(t);
  sessions[0]?.close('kicked');
  while (!target.story().some((line) => line.startsWith('stop'))) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sessions.length, 1);
});
