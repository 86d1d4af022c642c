/** Tests of what the hub tells those who count: ends of sessions, and how long batches take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_TRACKS } from '../media/index.ts';
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
} from './hub.fixture.ts';
import type { StopReason } from './ports.ts';
import type { SessionSnapshot } from './snapshot.ts';

test('a session that ends is told once, with final counters and the reason of its stop', async () => {
  const ended: [SessionSnapshot, StopReason][] = [];
  const watch = {
    sessionEnded: (...end: [SessionSnapshot, StopReason]) => void ended.push(end),
    batchWritten() {},
    timeJumped() {},
  };
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
  const watch = { sessionEnded() {}, batchWritten() {}, timeJumped: () => void jumps++ };
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

test('a batch’s time runs from its first frame to its last write; what was cached counts for nothing', () => {
  const clock = new FakeClock();
  const told: number[] = [];
  const watch = { sessionEnded() {}, batchWritten: (ms: number) => void told.push(ms), timeJumped() {} };
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
