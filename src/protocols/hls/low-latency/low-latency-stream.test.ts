import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HttpAnswer } from '../../../net/index.ts';
import { AV, assertLawful, bytesOf, frames, readPlaylist, Station } from './stream.fixture.ts';

/** Whether the promise has been settled by now. */
async function settled(answer: HttpAnswer | Promise<HttpAnswer>): Promise<boolean> {
  const pending = Symbol('pending');
  // a settled promise wins against one that takes further turns to settle
  const later = new Promise((resolve) => setImmediate(() => resolve(pending)));
  return (await Promise.race([answer, later])) !== pending;
}

/** On air until `to` in milliseconds: 25 pictures a second, a key frame and so a segment every 2 s, 10 parts in each. */
function onAir(to: number, options: ConstructorParameters<typeof Station>[0] = {}): Station {
  const station = new Station(options);
  station.consumer.setTracks(AV);
  station.write(frames({ to, gopMs: 2000 }));
  return station;
}

/** Waits for what is asked for, and for nothing less, while the stream goes on. */
async function arrivesWith(station: Station, query: string, from: number, readyMs: number): Promise<string> {
  const answer = station.answer('ll.m3u8', query);
  station.write(frames({ from, to: readyMs, gopMs: 2000 }));
  assert.equal(await settled(answer), false, `${query} is answered before ${readyMs} ms`);
  station.write(frames({ from: readyMs, to: readyMs + 1, audio: false, gopMs: 2000 }));
  assert.equal(await settled(answer), true, `${query} is not answered at ${readyMs} ms`);
  const { status, body, headers } = await answer;
  assert.equal(status, 200);
  return bytesOf({ status, body, headers }).toString();
}

describe('the playlist', () => {
  it('has the tags of low latency', () => {
    const station = onAir(4440);
    const token = /ll-([0-9a-z]+)-0\.m4s/.exec(station.text())?.[1] ?? '';
    const parts = (from: number): string[] =>
      Array.from({ length: 10 }, (_, i) => {
        const independent = i === 0 ? ',INDEPENDENT=YES' : '';
        return `#EXT-X-PART:DURATION=0.20000,URI="ll-${token}-part-${from + i}.m4s"${independent}`;
      });
    assert.deepEqual(station.text().split('\n'), [
      '#EXTM3U',
      '#EXT-X-VERSION:9',
      '#EXT-X-TARGETDURATION:2',
      '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.64800,HOLD-BACK=6,CAN-SKIP-UNTIL=12',
      '#EXT-X-PART-INF:PART-TARGET=0.21600',
      '#EXT-X-MEDIA-SEQUENCE:0',
      `#EXT-X-MAP:URI="ll-${token}-0-init.mp4"`,
      '#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:00.000Z',
      ...parts(0),
      '#EXTINF:2.00000,',
      `ll-${token}-0.m4s`,
      '#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:02.000Z',
      ...parts(10),
      '#EXTINF:2.00000,',
      `ll-${token}-1.m4s`,
      '#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:04.000Z',
      ...parts(20).slice(0, 2),
      `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="ll-${token}-part-22.m4s"`,
      '',
    ]);
  });

  it('carries a suffix behind every URI, as it is', () => {
    const suffix = '?session_id=$&$1';
    const uris =
      onAir(7000)
        .text('', suffix)
        .match(/ll-[^"\n]+/g) ?? [];
    assert.ok(uris.length > 20);
    for (const uri of uris) assert.ok(uri.endsWith(suffix), uri);
    assert.doesNotMatch(onAir(7000).text(), /\0|session_id/);
  });

  it('is the same buffer for all who need no suffix', () => {
    const station = onAir(7000);
    assert.equal(station.now('ll.m3u8').body, station.now('ll.m3u8').body);
  });

  it('is there once there are two whole segments, and not found where that takes too long', async (t) => {
    const early = new Station();
    early.consumer.setTracks(AV);
    await arrivesWith(early, '', 0, 4000);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const late = onAir(3500).answer('ll.m3u8');
    t.mock.timers.tick(6000);
    assert.equal((await late).status, 404);
  });
});

describe('blocking reload', () => {
  it('waits for a whole segment, for a part, and for the part after the last one of a segment', async () => {
    const text = await arrivesWith(onAir(5000), '_HLS_msn=2', 5000, 6000);
    assert.match(text, /-2\.m4s/);
    assert.match(await arrivesWith(onAir(5000), '_HLS_msn=2&_HLS_part=6', 5000, 5400), /part-26\.m4s",?\n?/);
    // segment 2 has parts 0 to 9
    assert.match(await arrivesWith(onAir(5000), '_HLS_msn=2&_HLS_part=10', 5000, 6200), /part-30\.m4s/);
    assert.match(await arrivesWith(onAir(6100), '_HLS_msn=2&_HLS_part=12', 6100, 6200), /part-30\.m4s/);
    assert.match(await arrivesWith(onAir(5900), '_HLS_msn=3&_HLS_part=0', 5900, 6200), /part-30\.m4s/);
  });

  it('answers at once what is there, or was', () => {
    const station = onAir(30_100);
    for (const query of ['_HLS_msn=14', '_HLS_msn=0', '_HLS_msn=3&_HLS_part=99', '_HLS_msn=14&_HLS_part=9']) {
      assert.equal(station.text(query), station.text(), query);
    }
  });

  it('refuses what is malformed or too far ahead', () => {
    const station = onAir(5000);
    const bad = [
      '_HLS_part=1',
      '_HLS_msn=',
      '_HLS_msn=x',
      '_HLS_msn=-1',
      '_HLS_msn=1.5',
      '_HLS_msn=2&_HLS_part=x',
      '_HLS_msn=9999999999999999999999',
      '_HLS_msn=4',
      '_HLS_msn=3&_HLS_part=15',
      // three seconds beyond part 3, which is the last
      '_HLS_msn=2&_HLS_part=18',
    ];
    for (const query of bad) assert.equal(station.now('ll.m3u8', query).status, 400, query);
    for (const query of ['_HLS_msn=3', '_HLS_msn=3&_HLS_part=14', '_HLS_msn=2&_HLS_part=17']) {
      assert.ok(station.answer('ll.m3u8', query) instanceof Promise, query);
    }
  });

  it('gives up after three target durations', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const station = onAir(5000);
    const answer = station.answer('ll.m3u8', '_HLS_msn=2&_HLS_part=9');
    t.mock.timers.tick(5999);
    assert.equal(station.stream.describe().waiting, 1);
    t.mock.timers.tick(1);
    assert.equal((await answer).status, 503);
    assert.equal(station.stream.describe().waiting, 0);
  });

  it('lets so many wait and no more', async () => {
    const station = onAir(5000, { maxWaiting: 2 });
    const waiting = [0, 1].map(() => station.answer('ll.m3u8', '_HLS_msn=2'));
    assert.equal(station.now('ll.m3u8', '_HLS_msn=2').status, 503);
    assert.equal(station.now('ll.m3u8').status, 200);
    assert.deepEqual({ ...station.stream.describe(), bytes: 0 }, { bytes: 0, waiting: 2, refused: 1 });
    station.write(frames({ from: 5000, to: 6100, gopMs: 1000 }));
    for (const answer of waiting) assert.equal((await answer).status, 200);
    assert.equal(station.stream.describe().waiting, 0);
  });

  it('goes on over a publisher that comes back', async () => {
    const station = onAir(5000);
    station.consumer.end();
    const answer = station.answer('ll.m3u8', '_HLS_msn=3&_HLS_part=0');
    assert.equal(await settled(answer), false);
    station.begin(AV);
    station.write(frames({ from: 8000, to: 9300, gopMs: 2000 }));
    assert.equal(await settled(answer), true);
    const playlist = readPlaylist(bytesOf(await answer).toString());
    assertLawful(playlist);
    assert.equal(playlist.segments.at(-1)?.discontinuity, true);
  });
});

describe('the end', () => {
  it('is said to all who wait, and nobody waits any more', async () => {
    const station = onAir(5000);
    const hinted = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(station.text())?.[1] ?? '';
    const reload = station.answer('ll.m3u8', '_HLS_msn=3');
    const part = station.answer(hinted);
    station.stream.end();
    assert.match(bytesOf(await reload).toString(), /-2\.m4s\n#EXT-X-ENDLIST\n$/);
    // what was left became the part that was hinted at
    assert.equal((await part).status, 200);
    for (const query of ['', '_HLS_msn=99&_HLS_part=99', '_HLS_part=1', '_HLS_skip=YES']) {
      assert.equal(station.text(query), bytesOf(await reload).toString(), query);
    }
    assertLawful(station.playlist());
    const next = hinted.replace(/\d+\.m4s/, (id) => `${Number.parseInt(id, 10) + 1}.m4s`);
    assert.equal(station.now(next).status, 404);
  });

  it('of a stream that never was is not found', async () => {
    const station = new Station();
    const answer = station.answer('ll.m3u8');
    station.stream.end();
    assert.equal((await answer).status, 404);
    assert.equal(station.now('ll.m3u8').status, 404);
  });

  it('can be followed by a new beginning', () => {
    const station = onAir(5000);
    station.stream.end();
    station.begin(AV);
    station.write(frames({ from: 8000, to: 12_100, gopMs: 2000 }));
    const playlist = station.playlist();
    assert.equal(playlist.endlist, false);
    assert.equal(playlist.segments.filter((segment) => segment.uri !== '').length, 5);
  });
});

describe('parts, segments and initialisation segments', () => {
  it('the next part can be asked for before it is there, those after it cannot', async () => {
    const station = onAir(4440);
    const prefix = /ll-\w+-part-/.exec(station.text())?.[0] ?? '';
    const name = (id: number): string => `${prefix}${id}.m4s`;
    const answer = station.answer(name(22));
    assert.equal(await settled(answer), false);
    assert.equal(station.now(name(23)).status, 404);
    station.write(frames({ from: 4440, to: 4700, gopMs: 10_000 }));
    assert.equal(await settled(answer), true);
    assert.deepEqual(bytesOf(await answer), station.fetch(name(22)));
  });

  it('what is too old is not found, and no longer in memory', () => {
    const station = onAir(5000);
    const old = station.playlist().segments[0];
    assert.ok(old !== undefined);
    const { bytes } = station.stream.describe();
    station.write(frames({ from: 5000, to: 60_000, gopMs: 2000 }));
    assert.equal(station.now(old.uri).status, 404);
    assert.equal(station.now(old.parts[0]?.uri ?? '').status, 404);
    assert.ok(station.stream.describe().bytes < 5 * bytes);
  });

  it('names of another life of the stream, and names that are none, are not found', () => {
    const first = onAir(5000);
    const second = new Station({ clock: { monotonicMs: () => 0, unixMs: () => 1_700_000_000_000 } });
    second.consumer.setTracks(AV);
    second.write(frames({ to: 5000, gopMs: 2000 }));
    const [segment] = first.playlist().segments;
    assert.ok(segment !== undefined);
    for (const name of [segment.uri, segment.parts[0]?.uri ?? '', segment.map.uri]) {
      assert.equal(first.now(name).status, 200);
      assert.equal(second.now(name).status, 404);
    }
    const junk = [
      '',
      'll-',
      'll.m3u8/',
      '../ll.m3u8',
      segment.uri.toUpperCase(),
      `${segment.uri}\0`,
      `x${segment.uri}`,
    ];
    for (const name of junk) assert.equal(first.now(name).status, 404, name);
    assert.equal(first.now(segment.uri.replace('-0.m4s', '-99999999999999999999.m4s')).status, 404);
  });
});

describe('delta updates', () => {
  it('leave out what lies before the skip boundary, and what follows is the same', () => {
    const station = onAir(33_000, { segmentCount: 12 });
    const whole = station.text().split('\n');
    const delta = station.text('_HLS_skip=YES').split('\n');
    const skip = delta.findIndex((line) => line.startsWith('#EXT-X-SKIP'));
    // 12 segments of 2 s and 1 s of a further one; 12 s may not be skipped
    assert.equal(delta[skip], '#EXT-X-SKIP:SKIPPED-SEGMENTS=6');
    assert.deepEqual(delta.slice(0, skip), whole.slice(0, skip));
    assert.match(delta[skip + 1] ?? '', /^#EXT-X-MAP/);
    const rest = delta.slice(skip + 2);
    assert.deepEqual(rest, whole.slice(-rest.length));
    assert.equal(rest.filter((line) => line.startsWith('#EXTINF')).length, 6);
    assert.equal(station.text('_HLS_skip=v2'), station.text('_HLS_skip=YES'));
    assert.equal(station.text('_HLS_skip=no'), station.text());
    assert.equal(station.playlist('_HLS_skip=YES').skip, 6);
  });

  it('are the whole playlist where nothing is old enough', () => {
    const station = onAir(9000);
    assert.equal(station.text('_HLS_skip=YES'), station.text());
  });

  it('come by blocking reload too', async () => {
    const station = onAir(33_000, { segmentCount: 12 });
    const text = await arrivesWith(station, '_HLS_msn=16&_HLS_skip=YES', 33_000, 34_000);
    assert.match(text, /EXT-X-SKIP/);
  });
});
