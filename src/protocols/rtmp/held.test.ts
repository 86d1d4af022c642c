/** What a peer sends while admission is being asked is held, but only so much of it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FaultLog } from '../../net/index.ts';
import { fakeHub } from '../../streams/hub.fixture.ts';
import { Registry, type StreamOptions } from '../../streams/index.ts';
import { TestClient } from './client.fixture.ts';
import { RtmpServer } from './index.ts';

async function serverThatAsksForever(t: TestContext) {
  const { clock } = fakeHub();
  const warnings: string[] = [];
  const silent = (): void => {};
  const warn = (_: object, text: string): void => void warnings.push(text);
  const log = { debug: silent, info: silent, warn, error: warn };
  const ledger = { record: silent };
  const options: StreamOptions = {
    ...{ fanout: { gatherMs: 0, backlogBytes: 1000, backlogMs: 1000 }, formats: {}, gopNum: 0 },
    ...{ singleGopMaxFrameNum: 0, idleTimeoutMs: 10_000, graceMs: 0, dummyAudioMs: null },
    takeover: 'refuse',
  };
  const registry = new Registry(options, {
    ...{ ledger, log, clock, consumers: [], onRecordWanted: silent, onChange: silent },
    admission: { decide: () => new Promise(silent) },
  });
  const server = new RtmpServer(
    {
      address: { host: '127.0.0.1', port: 0 },
      tls: null,
      handshakeTimeoutMs: 10_000,
      maxMessageBytes: 1 << 20,
      hevc: 'codec-id-12',
    },
    { hub: registry, ledger, counter: { next: () => 1 }, clock, log, faults: new FaultLog(log) },
  );
  t.after(() => server.stop());
  return { port: (await server.start()).port, warnings };
}

test('messages ahead of the answer are bounded in number: empty ones cost memory, too', async (t) => {
  const { port, warnings } = await serverThatAsksForever(t);
  const client = await TestClient.open(port);
  t.after(() => void client.socket.destroy());
  await client.connectApp('live');
  client.call('publish', 3, 's', 'live');
  for (let i = 0; i <= 10_000; i++) {
    client.send({ type: 'video', streamId: 1, timestamp: i, payload: Buffer.alloc(0) });
  }
  await client.untilClosed();
  assert.deepEqual(warnings, ['RTMP protocol error: more than 10000 messages ahead of the answer']);
});
