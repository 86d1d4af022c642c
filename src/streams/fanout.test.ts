import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { audio, FakePeer, fakeHub, playFrom, publishTo, video, videoTracks } from './hub.fixture.ts';

const gather = { fanout: { gatherMs: 30, backlogBytes: 1000, backlogMs: 10_000 } };

test('gathering: audio rides along with the next video frame, a key frame opens a write of its own', async () => {
  const { registry } = fakeHub(gather);
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  const { peer } = await playFrom(registry, 'SUB1');
  publisher.write(video(0, true));
  publisher.write(audio(1));
  publisher.write(audio(24));
  publisher.write(video(40));
  publisher.write(audio(47));
  publisher.write(video(80, true));
  assert.deepEqual(peer.writes, ['PH', 'V0', 'a1a24v40', 'a47', 'V80']);
});

test('gathering: what no video frame completes is written when the bound is over', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { registry } = fakeHub(gather);
    const publisher = await publishTo(registry, 'PUB1');
    const { peer } = await playFrom(registry, 'SUB1');
    publisher.write(audio(0));
    publisher.write(audio(23));
    assert.deepEqual(peer.writes, ['PH']);
    mock.timers.tick(30);
    assert.deepEqual(peer.writes, ['PH', 'a0a23']);
  } finally {
    mock.timers.reset();
  }
});

test('merge_write_size: bytes gather until there are enough, but a key frame never waits behind them', async () => {
  const { registry } = fakeHub({ ...gather, formats: { text: { gopNum: 0, mergeWriteBytes: 8 } } });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  const { peer } = await playFrom(registry, 'SUB1');
  publisher.write(video(0, true));
  publisher.write(video(40));
  publisher.write(video(80));
  publisher.write(video(120));
  publisher.write(video(160, true));
  assert.deepEqual(peer.writes, ['PH', 'V0v40v80', 'v120']);
});

test('GOP cache: a newcomer gets the newest GOPs in one write and then what comes, nothing twice', async () => {
  const { registry } = fakeHub({ ...gather, gopNum: 2, formats: { text: { gopNum: 2, mergeWriteBytes: 0 } } });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  for (const dts of [0, 100, 200]) {
    publisher.write(video(dts, true));
    publisher.write(video(dts + 40));
  }
  publisher.write(audio(241));
  const first = await playFrom(registry, 'SUB1');
  assert.deepEqual(first.peer.writes, ['PHV100v140V200v240a241'], 'muxed from the frames that were kept');
  publisher.write(audio(250));
  const second = await playFrom(registry, 'SUB2');
  publisher.write(video(280));
  assert.deepEqual(second.peer.writes, ['PHV100v140V200v240a241', 'a250v280'], 'and from what was muxed before');
  assert.deepEqual(first.peer.writes.at(-1), 'a250v280');
});

test('GOP cache: a GOP beyond single_gop_max_frame_num is given up whole', async () => {
  const { registry } = fakeHub({
    gopNum: 1,
    singleGopMaxFrameNum: 3,
    formats: { text: { gopNum: 1, mergeWriteBytes: 0 } },
  });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  const early = await playFrom(registry, 'SUB1');
  publisher.write(video(0, true));
  for (const dts of [40, 80, 120, 160]) publisher.write(video(dts));
  const late = await playFrom(registry, 'SUB2');
  assert.deepEqual(late.peer.writes, ['PH']);
  publisher.write(video(200, true));
  assert.deepEqual(late.peer.writes, ['PH', 'V200']);
  assert.equal(early.peer.writes.length, 7, 'who watches already is not concerned');
  const last = await playFrom(registry, 'SUB3');
  assert.deepEqual(last.peer.writes, ['PHV200']);
});

test('a slow subscriber loses whole GOPs, counted, and others lose nothing', async () => {
  const { registry } = fakeHub();
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  const slow = await playFrom(registry, 'SUB1');
  const quick = await playFrom(registry, 'SUB2');
  publisher.write(video(0, true));
  slow.peer.writableLength = 1001;
  publisher.write(video(40));
  slow.peer.writableLength = 251;
  publisher.write(video(80));
  publisher.write(video(120, true));
  slow.peer.writableLength = 250;
  publisher.write(video(160));
  publisher.write(video(200, true));
  publisher.write(video(240));
  assert.deepEqual(slow.peer.writes, ['PH', 'V0', 'V200', 'v240']);
  assert.deepEqual(quick.peer.writes, ['PH', 'V0', 'v40', 'v80', 'V120', 'v160', 'V200', 'v240']);
  const dropped = registry.group('s')?.subs.map((sub) => sub.droppedFrames);
  assert.deepEqual(dropped, [4, 0]);
});

test('a subscriber that never catches up is closed at last', async () => {
  const { registry, clock } = fakeHub();
  const publisherPeer = new FakePeer();
  const publisher = await publishTo(registry, 'PUB1', publisherPeer);
  publisher.setTracks(videoTracks);
  const { peer } = await playFrom(registry, 'SUB1');
  publisher.write(video(0, true));
  peer.writableLength = 5000;
  publisher.write(video(40));
  for (let second = 0; second < 31; second++) {
    clock.now += 1000;
    peer.writes.push('.'); // its socket still drains, slowly
    publisherPeer.bytesRead++;
    registry.tick();
  }
  assert.equal(peer.closed, 'too slow');
});

test('tracks that change mid-stream reach running subscribers before the next frame', async () => {
  const { registry } = fakeHub(gather);
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  const { peer } = await playFrom(registry, 'SUB1');
  publisher.write(video(0, true));
  publisher.write(audio(1));
  publisher.setTracks({ ...videoTracks });
  publisher.write(video(40, true));
  assert.deepEqual(peer.writes, ['PH', 'V0', 'a1', 'T', 'V40']);
});

test('video that comes after audio has begun starts at its key frame, for everybody', async () => {
  const { registry } = fakeHub();
  const publisher = await publishTo(registry, 'PUB1');
  const { peer } = await playFrom(registry, 'SUB1');
  publisher.write(audio(0));
  publisher.setTracks(videoTracks);
  publisher.write(video(20));
  publisher.write(audio(23));
  publisher.write(video(60, true));
  publisher.write(audio(70));
  assert.deepEqual(peer.writes, ['PH', 'a0', 'T', 'V60', 'a70']);
});

test('what comes before the first key frame of a publication is muxed for nobody', async () => {
  const { registry } = fakeHub();
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  const { peer } = await playFrom(registry, 'SUB1');
  publisher.write(audio(0));
  publisher.write(video(10));
  publisher.write(video(40, true));
  assert.deepEqual(peer.writes, ['PH', 'V40']);
});

test('GOP cache: one that is larger than the backlog may be is not sent; the newcomer waits for a key frame', async () => {
  const { registry } = fakeHub({
    fanout: { gatherMs: 0, backlogBytes: 20, backlogMs: 10_000 },
    gopNum: 1,
    formats: { text: { gopNum: 1, mergeWriteBytes: 0 } },
  });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  publisher.write(video(0, true));
  for (let dts = 100; dts < 1000; dts += 100) publisher.write(video(dts));
  const { peer } = await playFrom(registry, 'SUB1');
  publisher.write(video(1000));
  publisher.write(video(1040, true));
  assert.deepEqual(peer.writes, ['PH', 'V1040']);
});

test('GOP cache: tracks that change within a GOP keep their place among its frames', async () => {
  const { registry } = fakeHub({ gopNum: 1, formats: { text: { gopNum: 1, mergeWriteBytes: 0 } } });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  publisher.write(video(0, true));
  publisher.setTracks({ ...videoTracks });
  publisher.write(audio(10));
  const first = await playFrom(registry, 'SUB1');
  const second = await playFrom(registry, 'SUB2');
  assert.deepEqual(first.peer.writes, ['PHV0Ta10']);
  assert.deepEqual(second.peer.writes, ['PHV0Ta10']);
});
