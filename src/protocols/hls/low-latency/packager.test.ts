import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ReadSample, samplesOf, seams } from '../../../containers/fmp4/inspect.fixture.ts';
import { type AudioFrame, aacTrack, NO_TRACKS, type VideoFrame } from '../../../media/index.ts';
import { AAC_MS, AUDIO_ONLY, AV, assertLawful, frames, picture, Station, sound, VIDEO_ONLY } from './stream.fixture.ts';

/** All that the playlist lists, in order. */
function listedSamples(station: Station): ReadSample[] {
  const whole = station.playlist().segments.filter((segment) => segment.uri !== '');
  return samplesOf(Buffer.concat(whole.map((segment) => station.fetch(segment.uri))));
}

function durations(station: Station): number[] {
  const whole = station.playlist().segments.filter((segment) => segment.uri !== '');
  return whole.map((segment) => Math.round(segment.duration * 1000));
}

const ENOUGH = { segmentCount: 1000, maxBytes: 100_000_000 };

describe('parts and segments', () => {
  const rates = [1, 5, 10, 12.5, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60];
  const streams = fc.record({
    fps: fc.oneof(fc.constantFrom(...rates), fc.constant(0)),
    gopMs: fc.constantFrom(500, 1000, 2000, 3200),
    audio: fc.boolean(),
    jitterMs: fc.constantFrom(0, 3, 12),
    partDurationMs: fc.constantFrom(200, 333, 500),
    from: fc.constantFrom(0, 77_760_000),
  });

  it('keep to the part target, whatever the frame rate, and join', () => {
    fc.assert(
      fc.property(streams, fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })), (given, jitter) => {
        const { fps, gopMs, jitterMs, partDurationMs, from } = given;
        const audio = given.audio || fps === 0;
        const station = new Station({ ...ENOUGH, partDurationMs });
        station.consumer.setTracks(fps === 0 ? AUDIO_ONLY : audio ? AV : VIDEO_ONLY);
        const list = frames({ from, to: from + 12_000, fps, gopMs, audio }).map((frame) => {
          if (frame.kind === 'audio') return frame;
          const dts = Math.round(frame.dts + jitterMs * (jitter.next().value ?? 0));
          return { ...frame, dts, pts: dts };
        });
        const targets = new Set<number>();
        let version = '';
        station.write(list, () => {
          if (!station.lists()) return;
          const text = station.text();
          if (text === version) return;
          version = text;
          const playlist = station.playlist();
          assertLawful(playlist);
          targets.add(playlist.partTargetDuration ?? 0);
        });
        assert.equal(targets.size, 1);
        station.stream.end();
        const samples = listedSamples(station);
        assert.deepEqual(seams(samples), []);
        // sound before the first picture is left out
        const first = list.findIndex((frame) => fps === 0 || frame.kind === 'video');
        assert.equal(samples.length, list.length - first);
      }),
      { numRuns: 40 },
    );
  });

  it('begin at key frames, once a segment is long enough', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(frames({ to: 13_000, gopMs: 1500 }));
    // the first two are short, so that viewers can begin
    assert.deepEqual(durations(station), [1520, 1480, 3000, 3000, 3000]);
    for (const segment of station.playlist().segments) {
      const first = segment.parts.find((part) => !part.hint);
      if (first === undefined) continue;
      assert.equal(first.independent, true);
      const video = samplesOf(station.fetch(first.uri)).filter((sample) => sample.trackId === 1);
      assert.equal(video[0]?.sync, true);
    }
  });

  it('of sound alone have the wanted length, and are all independent', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AUDIO_ONLY);
    station.write(frames({ to: 7000, fps: 0 }));
    const lengths = durations(station);
    assert.equal(lengths.length, 4);
    lengths.forEach((length, i) => {
      const wanted = i < 2 ? 1000 : 2000;
      assert.ok(length >= wanted && length < wanted + 250, `${length}`);
    });
    assert.ok(station.playlist().segments.every(({ parts }) => parts.every((part) => part.hint || part.independent)));
  });

  it('are cut without a key frame at ten times the length', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(VIDEO_ONLY);
    station.write(frames({ to: 45_000, gopMs: 1_000_000, audio: false }));
    assert.deepEqual(durations(station), [20_000, 20_000]);
    assert.equal(station.playlist().targetDuration, 20);
  });

  it('segments are their parts, byte by byte', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(frames({ to: 5000 }));
    for (const segment of station.playlist().segments) {
      if (segment.uri === '' || segment.parts.length === 0) continue;
      const parts = segment.parts.map((part) => station.fetch(part.uri));
      assert.deepEqual(station.fetch(segment.uri), Buffer.concat(parts));
    }
  });
});

describe('what is missing', () => {
  it('a picture or two leaves parts within the target', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    const missing = (frame: VideoFrame | AudioFrame): boolean =>
      frame.kind === 'video' && [5120, 5160].includes(frame.dts);
    station.write(frames({ to: 9000 }).filter((frame) => !missing(frame)));
    assertLawful(station.playlist());
    assert.equal(station.playlist().partTargetDuration, 0.216);
    assert.deepEqual(seams(listedSamples(station)), []);
  });

  it('a key frame that is late begins its segment nevertheless', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(VIDEO_ONLY);
    const late = frames({ to: 9000, audio: false }).filter((frame) => frame.dts < 3960 || frame.dts >= 4000);
    station.write(late.map((frame) => (frame.dts === 4000 ? picture(4030, true) : frame)));
    assertLawful(station.playlist());
    // the segment's last part ended at its longest
    assert.deepEqual(durations(station), [1000, 1000, 2016, 1984, 2000]);
    const first = station.playlist().segments[3];
    assert.equal(samplesOf(station.fetch(first?.uri ?? ''))[0]?.time, 4030 * 90);
  });

  it('pictures that stop let the sound go on, and come back at a key frame', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(
      frames({ to: 30_000 }).filter((frame) => frame.kind === 'audio' || frame.dts < 5000 || frame.dts >= 20_000),
    );
    station.stream.end();
    const playlist = station.playlist();
    assert.equal(playlist.partTargetDuration, 0.216);
    assert.ok(playlist.targetDuration <= 3, `${playlist.targetDuration}`);
    const samples = listedSamples(station);
    assert.deepEqual(seams(samples), []);
    const total = durations(station).reduce((sum, duration) => sum + duration, 0);
    assert.ok(Math.abs(total - 30_000) < 50, `${total}`);
  });

  it('a hole without sound ends a segment, whose parts are no longer listed since they do not fill it', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(VIDEO_ONLY);
    const list = frames({ to: 9000, audio: false }).filter((frame) => frame.dts < 4500 || frame.dts >= 5520);
    station.write(list, () => {
      if (station.lists()) assertLawful(station.playlist());
    });
    assert.equal(station.playlist().partTargetDuration, 0.216);
    assert.deepEqual(durations(station), [1000, 1000, 2000, 1520, 2480]);
    assert.deepEqual(
      station.playlist().segments.map((segment) => segment.parts.length > 0),
      [false, false, false, false, true, true],
    );
    assert.deepEqual(seams(listedSamples(station)), []);
  });

  it('a long hole is a new beginning', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(frames({ to: 60_000 }).filter((frame) => frame.dts < 4500 || frame.dts >= 50_500));
    const segments = station.playlist().segments.filter((segment) => segment.uri !== '');
    assert.equal(station.playlist().targetDuration, 2);
    const broken = segments.filter((segment) => segment.discontinuity === true);
    assert.equal(broken.length, 1);
    assert.equal(broken[0]?.programDateTime?.getTime(), Date.UTC(2030, 0, 1, 0, 0, 51));
  });

  it('no order of times breaks it', () => {
    const step = fc.record({
      ms: fc.oneof(fc.constant(40), fc.integer({ min: -1000, max: 4000 }), fc.constant(0)),
      kind: fc.constantFrom('picture', 'key', 'sound', 'jump', 'tracks'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
        const station = new Station(ENOUGH);
        station.consumer.setTracks(AV);
        let dts = 5000;
        for (const { ms, kind } of steps) {
          dts += ms;
          if (kind === 'jump') station.consumer.discontinuity();
          else if (kind === 'tracks') station.consumer.setTracks(ms > 1000 ? AV : VIDEO_ONLY);
          else station.write([kind === 'sound' ? sound(dts) : picture(dts, kind === 'key')]);
        }
        station.stream.end();
        const answer = station.now('ll.m3u8');
        if (answer.status === 404) return;
        assertLawful(station.playlist());
      }),
      { numRuns: 300 },
    );
  });

  it('time that stands still fills no memory', () => {
    let dropped = 0;
    const station = new Station({ maxBytes: 100_000, onDropped: () => void dropped++ });
    station.consumer.setTracks(AV);
    station.write([picture(0, true, 1000), picture(1000, false, 1000)]);
    for (let i = 0; i < 1000; i++) station.write([picture(1000, false, 1000), sound(1000, 1000)]);
    const { bytes } = station.stream.describe();
    assert.ok(bytes < 150_000, `${bytes} bytes`);
    assert.ok(dropped > 10);
  });
});

describe('the start', () => {
  it('is a key frame; sound before it is left out', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    const list = frames({ to: 8000, gopMs: 2000 }).filter((frame) => frame.dts >= 500);
    station.write(list);
    station.stream.end();
    const samples = listedSamples(station);
    assert.equal(Math.min(...samples.filter(({ trackId }) => trackId === 1).map(({ time }) => time)), 2000 * 90);
    const firstSound = Math.min(...samples.filter(({ trackId }) => trackId === 2).map(({ time }) => time));
    assert.ok(firstSound >= 2000 * 48 && firstSound <= (2000 + AAC_MS) * 48);
  });

  it('waits only so long for pictures that were promised', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(frames({ to: 12_000, fps: 0 }));
    assert.ok(durations(station).length >= 3);
    station.write(frames({ from: 12_000, to: 18_000 }));
    station.stream.end();
    assert.deepEqual(seams(listedSamples(station)), []);
    assert.ok(listedSamples(station).some((sample) => sample.trackId === 1));
  });

  it('takes a track that is announced a little later for one of its own', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(VIDEO_ONLY);
    station.write(frames({ to: 400, audio: false }));
    station.consumer.setTracks(AV);
    station.write(frames({ from: 400, to: 6000, gopMs: 1600 }));
    const playlist = station.playlist();
    assert.ok(playlist.segments.every((segment) => segment.discontinuity !== true));
    assert.equal(new Set(playlist.segments.map((segment) => segment.map?.uri)).size <= 2, true);
    assert.equal(listedSamples(station)[0]?.time, 0);
  });
});

describe('what does not follow', () => {
  it('new tracks have a discontinuity, an initialisation segment and a frame rate of their own', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(frames({ to: 5000 }));
    station.consumer.setTracks({ ...AV, audio: aacTrack(Buffer.from('1210', 'hex')) });
    station.write(frames({ from: 5000, to: 10_000, fps: 24 }));
    const segments = station.playlist().segments.filter((segment) => segment.uri !== '');
    assert.deepEqual(
      segments.map((segment) => segment.discontinuity === true),
      [false, false, false, false, true, false],
    );
    const maps = segments.map((segment) => segment.map.uri);
    assert.equal(new Set(maps).size, 2);
    assert.notDeepEqual(station.fetch(maps[0] ?? ''), station.fetch(maps.at(-1) ?? ''));
  });

  it('the same tracks again change nothing', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(frames({ to: 4100 }));
    station.consumer.setTracks({ ...AV, metadata: Buffer.from('new') });
    station.write(frames({ from: 4100, to: 7000 }));
    assert.ok(station.playlist().segments.every((segment) => segment.discontinuity !== true));
  });

  it('a jump of the clock has a discontinuity and goes on at a key frame', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(frames({ to: 4500 }));
    station.consumer.discontinuity();
    station.write(frames({ from: 4500, to: 9000 }));
    const segments = station.playlist().segments.filter((segment) => segment.uri !== '');
    const broken = segments.find((segment) => segment.discontinuity === true);
    assert.ok(broken !== undefined);
    assert.equal(samplesOf(station.fetch(broken.uri)).find((sample) => sample.trackId === 1)?.time, 5000 * 90);
    assert.equal(new Set(segments.map((segment) => segment.map.uri)).size, 1);
  });

  it('a publisher that comes back goes on behind a discontinuity, with numbers that never repeat', () => {
    const station = new Station(ENOUGH);
    station.consumer.setTracks(AV);
    station.write(frames({ to: 4500 }));
    station.consumer.end();
    const before = station.playlist();
    assert.equal(before.endlist, false);
    station.begin(AV);
    station.write(frames({ from: 10_000, to: 15_000 }));
    const after = station.playlist();
    assert.deepEqual(
      after.segments.slice(0, 3).map((segment) => segment.uri),
      before.segments.slice(0, 3).map((segment) => segment.uri),
    );
    const broken = after.segments.filter((segment) => segment.discontinuity === true);
    assert.equal(broken.length, 1);
    assert.equal(broken[0]?.programDateTime?.getTime(), Date.UTC(2030, 0, 1, 0, 0, 10));
    const uris = after.segments.flatMap((segment) => [segment.uri, ...segment.parts.map((part) => part.uri)]);
    assert.equal(new Set(uris).size, uris.length);
  });

  it('frames of a byte whose time stands still do not wait without end', () => {
    const station = new Station({ ...ENOUGH, maxBytes: 1_000_000 });
    station.consumer.setTracks(AV);
    let waiting = 0;
    while (waiting < 10_000 && !station.lists()) station.consumer.write(picture(0, waiting++ === 0, 1));
    assert.ok(waiting < 10_000, `${waiting} frames wait`);
  });

  it('the consumer of a publication that another one replaced does nothing more', () => {
    const station = new Station(ENOUGH);
    const old = station.consumer;
    old.setTracks(AV);
    station.write(frames({ to: 4500 }));
    station.begin(AV);
    const text = station.text();
    for (const frame of frames({ from: 4500, to: 9000 })) old.write(frame);
    old.discontinuity();
    old.setTracks(NO_TRACKS);
    old.end();
    assert.equal(station.text(), text);
  });
});
