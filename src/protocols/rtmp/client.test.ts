/** A connection to another server on which our own parts fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultLog, Outbound, parseMediaUrl } from '../../net/index.ts';
import { fakeHub, publishTo, video, videoTracks } from '../../streams/hub.fixture.ts';
import { RtmpClient } from './client.ts';
import { RtmpServer } from './server.ts';

const silent = (): void => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };
const clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };

test('a fault of our own in what takes the media ends the connection, and nothing else', async (t) => {
  const { registry } = fakeHub();
  const server = new RtmpServer(
    {
      address: { host: '127.0.0.1', port: 0 },
      tls: null,
      handshakeTimeoutMs: 10_000,
      maxMessageBytes: 1 << 20,
      hevc: 'codec-id-12',
    },
    { hub: registry, ledger: { record: silent }, counter: { next: () => 1 }, clock, log, faults: new FaultLog(log) },
  );
  const { port } = await server.start();
  t.after(() => server.stop());
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  const target = parseMediaUrl(`rtmp://127.0.0.1:${port}/live/s`);
  assert.ok(!('problem' in target));
  let dts = 0;
  const timer = setInterval(() => {
    dts += 10;
    publisher.write(video(dts, true));
  }, 10);
  t.after(() => clearInterval(timer));
  const why = await new Promise<string>((resolve) => {
    new RtmpClient(
      {
        ...{ target, direction: 'play', timeoutMs: 10_000, maxMessageBytes: 1 << 20, hevc: 'codec-id-12' },
        ...{ verifyTls: true, outbound: new Outbound({ allow: [] }) },
      },
      {
        onReady: silent,
        onMedia: () => {
          throw new TypeError('a fault');
        },
        onClosed: resolve,
      },
    );
  });
  assert.equal(why, 'a fault of our own: a fault');
});
