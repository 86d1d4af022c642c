/** Bounds on what peers send and take, against the real server: clients that hardly read, datagrams of others than the peer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Millrace } from '../support/millrace.ts';
import { RawClient } from '../support/raw-client.ts';
import { publishRtsp } from '../support/rtsp.ts';
import { KEY_PICTURE, rtpPacket, sendTo, udpSocket } from '../support/rtsp-attacker.ts';
import { type Scope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';
import { refusedOf, SOURCE, scopeOf, serverWith, startCalm } from './limits.fixture.ts';

/** More than the system takes for a client at once, and what the slow one reads. Bytes. */
const SEGMENT_BYTES = 128 * 1024 * 1024;
/** What the slow client takes: enough that its connection never stands still, and far less than it must. */
const [SIP_BYTES, SIP_MS] = [32 * 1024, 50];

test('a client that takes too little of an HLS segment for 30 s is closed; one that reads gets it whole', async (t) => {
  const own = scopeOf(t);
  const out = tempDir(own);
  const folder = join(out, 'large');
  mkdirSync(folder);
  const segment = join(folder, 'large-1-1.ts');
  writeFileSync(segment, '');
  truncateSync(segment, SEGMENT_BYTES);
  const hls = { enable: true, url_pattern: '/hls/', out_path: out };
  const server = await serverWith(own, { min_read_bytes_per_sec: 10_000_000 }, { hls });
  const calm = await startCalm(own, server);
  const path = '/hls/large/large-1-1.ts';
  const slow = await RawClient.open(own, server.port('http'));
  slow.socket.removeAllListeners('data').pause();
  slow.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
  let taken = 0;
  const sip = (): void => {
    const bytes: Buffer | null = slow.socket.read(SIP_BYTES) ?? slow.socket.read();
    taken += bytes?.length ?? 0;
  };
  const sipping = setInterval(sip, SIP_MS);
  own.after(() => clearInterval(sipping));

  const response = await fetch(server.url('http', path.slice(1)));
  assert.equal((await response.arrayBuffer()).byteLength, SEGMENT_BYTES);
  // as long as it takes: the server looks at 30 s
  for (const megabytes of [4, 8, 12]) {
    await poll(
      `${megabytes} MB taken`,
      () => Promise.resolve(taken),
      (bytes) => bytes > megabytes * 1_000_000,
    );
  }
  const line = await server.log.waitFor('the cut', ({ limit }) => limit === 'min_read_bytes_per_sec');
  assert.match(line.msg, /^an answer is taken too slowly, \d+ bytes in 30 s where 300000000 are the least$/);
  assert.equal(await refusedOf(server, 'min_read_bytes_per_sec'), 1);
  slow.socket.resume();
  await slow.ended();
  await calm.assertUndisturbed();
});

/** Passes RTSP on as it is. @returns its port, and the server's UDP ports that it has seen named so far */
async function startListeningRelay(scope: Scope, server: Millrace): Promise<{ port: number; udpPorts: Set<number> }> {
  const udpPorts = new Set<number>();
  const relay = net.createServer((client) => {
    const upstream = net.connect(server.port('rtsp'), '127.0.0.1');
    scope.after(() => void upstream.destroy());
    upstream.on('data', (bytes: Buffer) => {
      for (const [, ...ports] of bytes.toString('latin1').matchAll(/server_port=(\d+)-(\d+)/g)) {
        for (const port of ports) udpPorts.add(Number(port));
      }
    });
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.pipe(upstream).pipe(client);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  scope.after(() => void relay.close());
  return { port: (relay.address() as AddressInfo).port, udpPorts };
}

for (const threads of [1, 2]) {
  test(`RTP of others than the peer to the UDP ports of an RTSP publisher, ${threads} thread(s): counted, and players see nothing of it`, async (t) => {
    const own = scopeOf(t);
    const server = await serverWith(own, {}, { rtsp: { enable: true, addr: '127.0.0.1:0' }, millrace: { threads } });
    const { port, udpPorts } = await startListeningRelay(own, server);
    const calm = await startCalm(own, server, () => {
      publishRtsp(own, `rtsp://127.0.0.1:${port}/live/calm`, SOURCE, 'udp');
    });
    assert.equal(udpPorts.size, 4);
    // as a publisher's would be: payload types of the SDP, one after the other, pictures that decoders take
    for (const address of ['127.0.0.2', '127.0.0.3']) {
      const foreign = await udpSocket(own, address);
      for (let i = 0; i < 100; i++) {
        for (const to of udpPorts) await sendTo(foreign, to, rtpPacket(i, i * 3000, KEY_PICTURE));
      }
    }
    await poll(
      'foreign packets counted',
      () => refusedOf(server, 'foreign_packets'),
      (count) => count > 400,
    );
    assert.ok(server.log.all.some(({ limit, level }) => limit === 'foreign_packets' && level === 'warn'));
    await calm.assertUndisturbed();
  });
}
