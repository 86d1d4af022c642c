/** Tests of a pull's ends: at any moment, each of its sessions has one start and one stop, in this order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeHub, video, videoTracks } from '../streams/hub.fixture.ts';
import type { Source, SourceEvents } from '../streams/index.ts';
import type { PullDeps } from './pull.ts';
import { Pulls } from './pulls.ts';

const silent = (): void => {};

/** Pulls from sources that do what the test says; `facts` has those of the hub and of the pulls, as they come. */
function setUp() {
  const hub = fakeHub();
  const sources: { readonly events: SourceEvents; closed: string | null }[] = [];
  let last = 0;
  const deps: PullDeps = {
    ...{ hub: hub.registry, clock: hub.clock, counter: { next: () => ++last } },
    ledger: { record: (fact) => hub.facts.push(fact) },
    log: { debug: silent, info: silent, warn: silent, error: silent },
    openSource: (_, events): Source => {
      const entry: (typeof sources)[number] = { events, closed: null };
      sources.push(entry);
      const close = (why: string): void => {
        if (entry.closed !== null) return;
        entry.closed = why;
        events.onClosed(why);
      };
      return { remoteAddr: '192.0.2.1:1935', readBytes: () => 1, wroteBytes: () => 1, close };
    },
    openDump: () => ({ write: silent, close: silent }),
    refusalOf: () => null,
    stateOf: () => ({ hasInSession: false, hasOutSession: false }),
  };
  const pulls = new Pulls({ addr: '192.0.2.1', timeoutMs: 1000 }, deps);
  const start = (retryNum: number): void => {
    const rest = { streamName: '', timeoutMs: 1000, autoStopMs: -1, isUdp: false, dumpFile: '' };
    assert.ok(pulls.start({ url: 'rtmp://192.0.2.1/live/s', retryNum, ...rest }).ok);
  };
  /** The first media of the newest source come. */
  const begin = (): void => {
    sources.at(-1)?.events.onTracks(videoTracks);
    sources.at(-1)?.events.onFrame(video(0, true));
  };
  return { ...hub, pulls, sources, start, begin };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const STARTED = 'start RTMPPULL1 in=true out=false';

test('a source that ends with its first media: the session is begun, ended, and the next try is another one', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { start, begin, sources, story } = setUp();
  start(-1);
  begin();
  sources[0]?.events.onClosed('the stream has ended');
  await settled();
  assert.deepEqual(story(), [STARTED, 'stop RTMPPULL1 in=false out=false peer closed']);
  t.mock.timers.tick(1000);
  begin();
  await settled();
  assert.deepEqual(story().slice(2), ['start RTMPPULL2 in=true out=false']);
});

test('likewise where it is given up then', async () => {
  const { start, begin, sources, story, pulls } = setUp();
  start(0);
  begin();
  sources[0]?.events.onClosed('the stream has ended');
  await settled();
  assert.deepEqual(story(), [STARTED, 'stop RTMPPULL1 in=false out=false peer closed']);
  assert.equal(pulls.stop('s'), null, 'it is over');
});

test('one that is stopped, or kicked, as its session begins', async () => {
  for (const end of ['stop', 'kick'] as const) {
    const { start, begin, sources, story, pulls, registry } = setUp();
    start(-1);
    begin();
    // the hub has begun it, and its answer is on the way
    while (story().length === 0) await Promise.resolve();
    if (end === 'stop') pulls.stop('s');
    else registry.kick('s', 'RTMPPULL1');
    await settled();
    assert.deepEqual(story(), [STARTED, 'stop RTMPPULL1 in=false out=false kicked']);
    assert.equal(sources[0]?.closed, 'kicked');
    assert.equal(pulls.stop('s'), null, 'it is over');
  }
});

test('one that the hub refuses is told of once, when it is given up', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { start, begin, sources, story, registry } = setUp();
  await registry.stop();
  start(1);
  begin();
  await settled();
  assert.equal(sources[0]?.closed, 'the server is stopping');
  assert.deepEqual(story(), []);
  t.mock.timers.tick(1000);
  begin();
  await settled();
  assert.deepEqual(story(), ['stop RTMPPULL1 in=false out=false pull failed']);
});

test('a source whose media never make a frame is given up in time', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { start, sources, story } = setUp();
  start(0);
  sources[0]?.events.onTracks(videoTracks);
  t.mock.timers.tick(999);
  assert.equal(sources[0]?.closed, null);
  t.mock.timers.tick(1);
  assert.equal(sources[0]?.closed, 'no media within 1000 ms');
  assert.deepEqual(story(), ['stop RTMPPULL1 in=false out=false pull failed']);
});

test('one that runs is not ended by that time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { start, begin, sources } = setUp();
  start(0);
  begin();
  await settled();
  t.mock.timers.tick(60_000);
  assert.equal(sources[0]?.closed, null);
});

test('on demand: one that has brought nothing is over where somebody else publishes, and begins anew after', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { pulls, begin, sources, story } = setUp();
  const change = (hasInSession: boolean): void =>
    pulls.onChange({ streamName: 's', appName: 'live', hasInSession, isAwaited: false, players: 1 });
  change(false);
  change(true);
  assert.equal(sources[0]?.closed, 'replaced');
  t.mock.timers.tick(60_000);
  assert.equal(sources.length, 1, 'it is not tried again');
  change(false);
  begin();
  // its own session
  change(true);
  await settled();
  change(true);
  assert.equal(sources[1]?.closed, null);
  assert.deepEqual(story(), ['stop RTMPPULL1 in=false out=false replaced', 'start RTMPPULL2 in=true out=false']);
});

test('on demand: none begins while a publisher may come back, or another takes its place; then one does', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { pulls, sources, story } = setUp();
  const change = { streamName: 's', appName: 'live', hasInSession: false, isAwaited: true, players: 1 };
  pulls.onChange(change);
  pulls.onChange({ ...change, players: 2 });
  assert.deepEqual([sources.length, story()], [0, []]);
  pulls.onChange({ ...change, isAwaited: false });
  assert.equal(sources.length, 1);
});
