/** Tests of what the hub tells those who count: ends of sessions, and how long batches take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { h264Track, NO_TRACKS, type Tracks } from '../media/index.ts';
import { Fanout } from './fanout.ts';
import {
  audio,
  FakeClock,
  FakePeer,
  fakeHub,
  playFrom,
  publishTo,
  textFormat,
  video,
  videoTracks,
  watching,
} from './hub.fixture.ts';
import type { Protocol, StopReason } from './ports.ts';
import type { SessionSnapshot } from './snapshot.ts';

test('a session that ends is told once, with final counters and the reason of its stop', async () => {
  const ended: [SessionSnapshot, StopReason][] = [];
  const watch = watching({ sessionEnded: (...end) => void ended.push(end) });
  const { registry } = fakeHub({}, undefined, [], watch);
  const peer = Object.assign(new FakePeer(), { lostPackets: () => 3 });
  const publisher = await publishTo(registry, 'PUB1', peer);
  publisher.setTracks(videoTracks);
  const player = await playFrom(registry, 'SUB1');
  publisher.write(video(0, true));
  player.peer.writableLength = 5000;
  publisher.write(video(40));
  assert.equal(ended.length, 0);
  peer.bytesRead = 77;
  registry.kick('s', 'SUB1');
  player.subscription.close('peer closed');
  player.subscription.close('peer closed');
  publisher.close('timed out');
  assert.deepEqual(
    ended.map(([{ sessionId, readBytesSum, wroteBytesSum, droppedFrames, lostPackets }, reason]) => [
      ...[sessionId, readBytesSum, wroteBytesSum, droppedFrames, lostPackets, reason],
    ]),
    [
      ['SUB1', 10, player.peer.wroteBytes(), 1, 0, 'kicked'],
      ['PUB1', 77, 0, 0, 3, 'timed out'],
    ],
  );
});

test('a clock that jumps again and again is counted each time, and named once a publication', async () => {
  let jumps = 0;
  const watch = watching({ timeJumped: () => void jumps++ });
  const { registry, warnings } = fakeHub({}, undefined, [], watch);
  for (const id of ['PUB1', 'PUB2']) {
    const publisher = await publishTo(registry, id);
    publisher.setTracks(videoTracks);
    for (const dts of [0, 1e9, 5, 2e9]) publisher.write(video(dts, true));
    publisher.close('peer closed');
  }
  assert.equal(jumps, 6);
  assert.equal(warnings.filter((message) => /its clock jumped/.test(message)).length, 2);
});

test('a picture whose size cannot be read is counted and named once a publication, with what is wrong', async () => {
  const counted: Protocol[] = [];
  const watch = watching({ pictureUnreadable: (protocol) => void counted.push(protocol) });
  const { registry, warnings } = fakeHub({}, undefined, [], watch);
  const pps = [Buffer.from('68ce0fc8', 'hex')];
  // one that ends early, one of 16880x16880
  const sps = ['6742001eda00', '6742001eda00107c0083f9'].map((hex) => Buffer.from(hex, 'hex'));
  for (const id of ['PUB1', 'PUB2']) {
    const publisher = await publishTo(registry, id);
    publisher.setTracks({
      ...NO_TRACKS,
      video: h264Track([Buffer.from('6742c00dda0507faac0440000003004000000c83c50aa8', 'hex')], pps),
    });
    assert.equal(counted.length, id === 'PUB1' ? 0 : 1);
    for (const unit of [...sps, ...sps]) publisher.setTracks({ ...NO_TRACKS, video: h264Track([unit], pps) });
    publisher.close('peer closed');
  }
  assert.deepEqual(counted, ['RTMP', 'RTMP']);
  const named = warnings.filter((message) =>
    /^the SPS cannot be read, the size of the picture is not known: /.test(message),
  );
  assert.equal(named.length, 2);
});

test('a publisher that sends more than ten times what it declares is counted and named once, and goes on', async () => {
  let counted = 0;
  const { registry, clock, warnings } = fakeHub({}, undefined, [], watching({ rateExceeded: () => void counted++ }));
  const peer = new FakePeer();
  const publisher = await publishTo(registry, 'PUB1', peer);
  /** Sends at this rate for so long. */
  const run = (kbits: number, seconds: number): void => {
    for (let second = 0; second < seconds; second++) {
      peer.bytesRead += (kbits * 1000) / 8;
      clock.now += 1000;
      registry.tick();
    }
  };
  run(50_000, 10);
  const declared: Tracks = { ...videoTracks, declaredKbits: 100 };
  publisher.setTracks(declared);
  // what was sent before counts for the window that it fell in
  assert.equal(counted, 0);
  registry.tick();
  assert.equal(counted, 1);
  run(50_000, 20);
  publisher.setTracks({ ...declared, metadata: Buffer.from('x') });
  run(50_000, 20);
  assert.equal(counted, 1);
  assert.equal(publisher.closed, false);
  const named = warnings.filter((message) => /more than 10 times the bit rate that it declares/.test(message));
  assert.equal(named.length, 1);
});

test('a publisher that sends up to ten times what it declares, or declares nothing, is not named', async () => {
  let counted = 0;
  const { registry, clock } = fakeHub({}, undefined, [], watching({ rateExceeded: () => void counted++ }));
  for (const [id, tracks, kbits] of [
    ['PUB1', { ...videoTracks, declaredKbits: 100 }, 990],
    ['PUB2', videoTracks, 1e6],
    ['PUB3', { ...videoTracks, declaredKbits: 100 }, 1010],
  ] as const) {
    const peer = new FakePeer();
    peer.bytesRead = 0;
    const publisher = await publishTo(registry, id, peer);
    publisher.setTracks(tracks);
    for (let second = 0; second < 20; second++) {
      peer.bytesRead += (kbits * 1000) / 8;
      clock.now += 1000;
      registry.tick();
    }
    publisher.close('peer closed');
    assert.equal(counted, id === 'PUB3' ? 1 : 0, id);
  }
});

test('a batch’s time runs from its first frame to its last write; what was cached counts for nothing', () => {
  const clock = new FakeClock();
  const told: number[] = [];
  const watch = watching({ batchWritten: (ms) => void told.push(ms) });
  const options = { gatherMs: 1000, backlogBytes: 1000, backlogMs: 1000 };
  const formatOptions = { gopNum: 1, mergeWriteBytes: 0 };
  const gops = [{ tracks: videoTracks, items: [video(-80, true), audio(-60), video(-40)], frames: 3, bytes: 11 }];
  const fanout = new Fanout(textFormat, videoTracks, gops, options, formatOptions, { clock, watch });
  const sink = {
    writableLength: 0,
    write: () => {
      clock.now += 2;
    },
  };
  fanout.join({ sink: null, flow: 'waiting', drop() {} }, sink);
  assert.deepEqual(told, []);
  fanout.write(audio(0));
  clock.now += 10;
  fanout.write(audio(10));
  clock.now += 5;
  fanout.write(video(15));
  fanout.write(video(55));
  assert.deepEqual(told, [17, 2]);
  fanout.setTracks(NO_TRACKS);
  fanout.close();
});
