/** Publications over RTP on real sockets: order, loss, whose packets are taken, and every way to an end. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { film, psPack, RtpPacketizer, rfc4571 } from '../../../test/support/ps.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { poll } from '../../../test/support/wait-for.ts';
import { type Frame, MAX_NAL_UNITS, type Tracks } from '../../media/index.ts';
import { FaultLog } from '../../net/index.ts';
import { fakeHub, publishTo } from '../../streams/hub.fixture.ts';
import type { Fact } from '../../streams/index.ts';
import { Gb28181Server, type RtpPubRequest } from './index.ts';
import { SENDER_SILENCE_MS } from './session.ts';

const media = film('h264', 'aac', 2);
const VIDEO_FRAMES = media.frames.filter(({ kind }) => kind === 'video').length;
const REQUEST: RtpPubRequest = { streamName: 's', port: 0, timeoutMs: 10_000, isTcp: false, dumpFile: '' };
/** What a socket is sent at a time, so that its buffer holds it. */
const BURST = 20;

/** A hub that keeps the frames, and a server that feeds it. */
function setUp(t: TestContext) {
  const frames: Frame[] = [];
  const tracks: Tracks[] = [];
  const hub = fakeHub({}, { ok: true }, [
    () => ({
      setTracks: (found) => void tracks.push(found),
      write: (frame) => void frames.push(frame),
      discontinuity: () => {},
      end: () => {},
    }),
  ]);
  const warnings: string[] = [];
  const silent = (): void => {};
  const log = {
    debug: silent,
    info: silent,
    warn: (_: object, what: string) => void warnings.push(what),
    error: silent,
  };
  const counted: string[] = [];
  const faults = new FaultLog(log, (protocol, reason) => void counted.push(`${protocol} ${reason}`));
  let last = 0;
  const counter = { next: () => ++last };
  const server = new Gb28181Server({ hub: hub.registry, counter, clock: hub.clock, log, faults });
  t.after(() => hub.registry.stop());
  const start = async (changes: Partial<RtpPubRequest> = {}) => {
    const result = await server.startRtpPub({ ...REQUEST, ...changes });
    if (!result.ok) throw new Error(result.reason);
    return result;
  };
  const count = (kind: Frame['kind']): number => frames.filter((frame) => frame.kind === kind).length;
  return { ...hub, frames, tracks, warnings, counted, server, start, count };
}

/** All packets of the film, in the order of sending. */
function packets(ssrc = 7): Buffer[] {
  const packetizer = new RtpPacketizer(ssrc);
  return media.frames.flatMap((frame) => packetizer.packets(psPack(media, frame), frame.ticks));
}

/** A sender of datagrams from one port. */
function udpSender(t: TestContext, port: number) {
  const socket = dgram.createSocket('udp4');
  t.after(() => socket.close());
  return async (datagrams: readonly Buffer[]): Promise<void> => {
    for (const [i, datagram] of datagrams.entries()) {
      await new Promise<void>((resolve) => socket.send(datagram, port, '127.0.0.1', () => resolve()));
      if (i % BURST === 0) await setImmediate();
    }
  };
}

async function connect(t: TestContext, port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.after(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** The last frame is known to be whole only by the next one. */
const arrived = (count: (kind: Frame['kind']) => number, frames: number): Promise<number> =>
  poll(
    `${frames} frames of video`,
    () => Promise.resolve(count('video')),
    (n) => n >= frames,
  );

const lastSession = (facts: readonly Fact[]) => {
  const fact = facts.at(-1);
  assert.ok(fact?.kind === 'session_start' || fact?.kind === 'session_stop');
  return fact;
};

test('UDP: the stream is taken at once, all frames come, and a kick frees port and name', async (t) => {
  const { start, facts, frames, count, tracks, registry } = setUp(t);
  const { sessionId, port } = await start();
  assert.ok(port >= 30_000 && port <= 60_000 && port % 2 === 0);
  const { session } = lastSession(facts);
  assert.partialDeepStrictEqual(session, { sessionId: 'PSPUB1', protocol: 'PS', baseType: 'PUB', appName: '' });
  assert.match(session.url, new RegExp(`^ps://(\\[::\\]|0\\.0\\.0\\.0):${port}$`));

  const sent = packets();
  await udpSender(t, port)(sent);
  await arrived(count, VIDEO_FRAMES - 1);
  assert.equal(count('audio'), media.frames.length - VIDEO_FRAMES);
  assert.deepEqual([tracks.at(-1)?.video?.codec, tracks.at(-1)?.audio?.codec], ['H264', 'AAC']);
  assert.ok(frames.every(({ dts }) => dts >= 0 && dts < 2000));

  assert.equal(registry.kick('s', sessionId), 'kicked');
  const stop = lastSession(facts);
  assert.equal(
    stop.session.readBytesSum,
    sent.reduce((sum, { length }) => sum + length, 0),
  );
  assert.equal((await start({ port })).port, port);
});

test('UDP: packets out of order and twice are put right', async (t) => {
  const { start, frames, count } = setUp(t);
  const { port } = await start();
  const sent = packets();
  for (let i = 0; i + 3 < sent.length; i += 4) sent.splice(i, 4, ...sent.slice(i, i + 4).reverse());
  const [first] = sent.splice(3, 1);
  assert.ok(first);
  await udpSender(t, port)([first, ...sent.flatMap((packet) => [packet, packet])]);
  await arrived(count, VIDEO_FRAMES - 1);
  assert.equal(frames.length, media.frames.length - 1);
});

test('UDP: after loss video goes on with the next key frame', async (t) => {
  const { start, frames, count, clock } = setUp(t);
  const { port } = await start();
  const sent = packets();
  const missing = sent.findIndex((packet, i) => i > 50 && isFull(packet));
  sent.splice(missing, 1);
  await udpSender(t, port)(sent);
  await poll(
    'the missing packet to be missed',
    () => Promise.resolve(count('audio')),
    (n) => n > 10,
  );
  // it is waited for, then no longer
  clock.now += 300;
  await poll(
    'the second key frame',
    () => Promise.resolve(frames.filter(isKey).length),
    (n) => n === 2,
  );
  const video = frames.filter(({ kind }) => kind === 'video');
  assert.ok(video.length < VIDEO_FRAMES - 1);
  const behindGap = video.filter(({ dts }, i) => dts - (video[i - 1]?.dts ?? dts) > 41);
  assert.deepEqual(behindGap.map(isKey), [true]);
});

test('UDP: other senders are not heard while the first one sends, and one of them is when it is silent', async (t) => {
  const { start, count, clock, facts, registry } = setUp(t);
  const { port, sessionId } = await start();
  const sent = packets();
  const half = Math.floor(sent.length / 2);
  const first = udpSender(t, port);
  const other = udpSender(t, port);
  await first(sent.slice(0, half));
  await arrived(count, 10);
  const rtcp = Buffer.from('80c80006000000070000000000000000000000000000000000000000', 'hex');
  await other([...packets(8), ...sent, rtcp]);
  await first([...packets(9), rtcp]);
  await first(sent.slice(half));
  await arrived(count, VIDEO_FRAMES - 1);
  assert.equal(count('video'), VIDEO_FRAMES - 1);

  clock.now += SENDER_SILENCE_MS;
  const again = packets(10);
  await other(again);
  await arrived(count, 2 * VIDEO_FRAMES - 2);
  registry.kick('s', sessionId);
  const bytes = [...sent, ...again].reduce((sum, { length }) => sum + length, 0);
  assert.equal(lastSession(facts).session.readBytesSum, bytes);
});

test('UDP: whatever comes, the session goes on', async (t) => {
  const { start, count } = setUp(t);
  const { port } = await start();
  const send = udpSender(t, port);
  const [packet = Buffer.alloc(0)] = packets();
  await send([
    Buffer.alloc(0),
    Buffer.from('hello'),
    Buffer.alloc(1500, 0xff),
    Buffer.alloc(12),
    packet.subarray(0, 11),
  ]);
  await send([Buffer.concat([Buffer.from([0xbf]), packet.subarray(1)])]);
  await send(packets());
  await arrived(count, VIDEO_FRAMES - 1);
});

test('TCP: packets behind their lengths, in whatever pieces', async (t) => {
  const { start, count, frames } = setUp(t);
  const { port } = await start({ isTcp: true });
  const socket = await connect(t, port);
  const bytes = Buffer.concat(packets().flatMap((packet) => [rfc4571(packet), Buffer.alloc(2)]));
  for (let at = 0; at < bytes.length; at += 1000) socket.write(bytes.subarray(at, at + 1000));
  await arrived(count, VIDEO_FRAMES - 1);
  assert.equal(frames.length, media.frames.length - 1);
});

test('a picture of too many NAL units is left out, named and counted, and the publication goes on', async (t) => {
  const { start, count, warnings, counted } = setUp(t);
  const { port } = await start({ isTcp: true });
  const packetizer = new RtpPacketizer(7);
  const [key, ...rest] = media.frames.filter(({ kind }) => kind === 'video');
  if (key === undefined) throw new Error('the film has no pictures');
  const data = Buffer.concat([key.data, Buffer.alloc(5 * MAX_NAL_UNITS, Buffer.from('0000014101', 'hex'))]);
  const socket = await connect(t, port);
  for (const frame of [key, { ...key, data }, ...rest]) {
    for (const packet of packetizer.packets(psPack(media, frame), frame.ticks)) socket.write(rfc4571(packet));
  }
  await arrived(count, 10);
  assert.deepEqual(counted, ['PS limit']);
  assert.match(warnings.join(), /left out: an access unit has 8193 NAL units and more, at most 8192 are allowed/);
});

test('TCP: one connection at a time; the next one after it, or when it is silent', async (t) => {
  const { start, count, clock, frames } = setUp(t);
  const { port } = await start({ isTcp: true });
  const bytes = Buffer.concat(packets().map(rfc4571));
  const first = await connect(t, port);
  first.write(bytes);
  await arrived(count, VIDEO_FRAMES - 1);
  const refused = await connect(t, port);
  await once(refused, 'close');

  // a camera that comes back before its end is seen
  const second = await connect(t, port);
  first.destroy();
  second.write(bytes);
  await arrived(count, 2 * VIDEO_FRAMES - 2);

  clock.now += SENDER_SILENCE_MS;
  const third = await connect(t, port);
  third.write(bytes);
  await once(second, 'close');
  await arrived(count, 3 * VIDEO_FRAMES - 3);
  // each sender began at 0; what is fed to the hub goes on, by the time that passed
  const times = frames.filter(({ kind }) => kind === 'video').map(({ dts }) => dts);
  const steps = times.slice(1).map((time, i) => Math.round(time - (times[i] ?? 0)));
  assert.deepEqual([...new Set(steps)].sort((a, b) => a - b).slice(0, 1), [40]);
  assert.ok(Math.abs((times.at(-1) ?? 0) - (3 * 2000 + SENDER_SILENCE_MS)) < 300, `the last at ${times.at(-1)}`);
});

test('TCP: garbage closes the connection, not the session', async (t) => {
  const { start, count, story } = setUp(t);
  const { port } = await start({ isTcp: true });
  for (const garbage of ['GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1000), '\0\u0001x']) {
    const socket = await connect(t, port);
    socket.write(garbage, 'latin1');
    await once(socket, 'close');
  }
  const socket = await connect(t, port);
  socket.write(Buffer.concat(packets().map(rfc4571)));
  await arrived(count, VIDEO_FRAMES - 1);
  assert.deepEqual(story(), ['start PSPUB1 in=true out=false']);
});

test('it ends where nothing comes for its time, and never where that is 0', async (t) => {
  const { start, story, registry, clock } = setUp(t);
  await start({ streamName: 'a', timeoutMs: 60_000 });
  await start({ streamName: 'b', timeoutMs: 0 });
  registry.tick();
  clock.now += 59_000;
  registry.tick();
  assert.equal(story().length, 2);
  clock.now += 1000;
  registry.tick();
  assert.deepEqual(story().slice(2), ['stop PSPUB1 in=false out=false timed out']);
  clock.now += 1e9;
  registry.tick();
  assert.equal(story().length, 3);
});

test('what is refused, and why', async (t) => {
  const { server, registry, start, story } = setUp(t);
  await publishTo(registry, 'RTMP1', undefined, 'taken');
  const reason = async (changes: Partial<RtpPubRequest>): Promise<string> => {
    const result = await server.startRtpPub({ ...REQUEST, ...changes });
    assert.ok(!result.ok);
    return result.reason;
  };
  assert.equal(await reason({ streamName: 'taken' }), 'stream taken is being published already');
  for (const isTcp of [false, true]) {
    const { port } = await start({ isTcp, streamName: `first-${isTcp}` });
    assert.match(await reason({ isTcp, port }), new RegExp(`^cannot listen on .*${port}: the port is in use`));
  }
  assert.match(await reason({ streamName: 'a/b' }), /slash/);
  assert.match(await reason({ streamName: '..' }), /may not be/);
  // a port whose stream is refused is free again
  const free = await start({ streamName: 'x' });
  registry.kick('x', free.sessionId);
  await reason({ streamName: 'taken', port: free.port });
  await start({ streamName: 'y', port: free.port });
  assert.equal(story().filter((line) => line.startsWith('start')).length, 5);
});

test('the dump has each packet with its time; a file that is there stays as it is', async (t) => {
  const { start, count, registry, clock, warnings } = setUp(t);
  const file = join(tempDir(t), 'packets');
  const { port, sessionId } = await start({ dumpFile: file });
  const sent = packets();
  await udpSender(t, port)(sent);
  await arrived(count, VIDEO_FRAMES - 1);
  registry.kick('s', sessionId);
  const size = sent.reduce((sum, { length }) => sum + 12 + length, 0);
  const bytes = await poll(
    'the whole file',
    () => Promise.resolve(readFileSync(file)),
    ({ length }) => length === size,
  );
  let at = 0;
  for (const packet of sent) {
    assert.equal(bytes.readUInt32BE(at), packet.length);
    assert.equal(bytes.readBigUInt64BE(at + 4), BigInt(clock.now));
    assert.ok(bytes.subarray(at + 12, at + 12 + packet.length).equals(packet));
    at += 12 + packet.length;
  }
  assert.deepEqual(warnings, []);

  const again = await start({ dumpFile: file });
  await udpSender(t, again.port)(sent);
  await arrived(count, 2 * VIDEO_FRAMES - 2);
  assert.deepEqual(warnings, ['no more packets are dumped, the stream goes on']);
  assert.ok(readFileSync(file).equals(bytes));
});

/** As large as a packet of video is, and not the last of its frame. */
function isFull(packet: Buffer): boolean {
  return packet.length === 1412;
}

function isKey(frame: Frame): boolean {
  return frame.kind === 'video' && frame.key;
}
