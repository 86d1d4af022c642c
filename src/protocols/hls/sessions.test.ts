import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpRequestFacts } from '../../net/index.ts';
import { fakeHub } from '../../streams/hub.fixture.ts';
import { Sessions, type ViewerSession } from './sessions.ts';

const REQUEST: HttpRequestFacts = {
  method: 'GET',
  path: '/hls/s.m3u8',
  query: 'a=1',
  url: 'http://h/hls/s.m3u8?a=1',
  remoteAddr: '1.2.3.4:5',
  headers: {},
};

function site(timeoutMs = 5000) {
  const hub = fakeHub();
  let count = 0;
  const ended: string[] = [];
  const sessions = new Sessions(
    { key: 'k', timeoutMs, bitrateWindowSec: 2 },
    { hub: hub.registry, counter: { next: () => ++count }, clock: hub.clock },
    ({ streamName }) => void ended.push(streamName),
  );
  const open = async (streamName = 's'): Promise<ViewerSession> => {
    const opened = await sessions.open(REQUEST, streamName, 'live');
    if (!('hash' in opened)) throw new Error(opened.reason);
    return opened;
  };
  return { ...hub, sessions, open, ended };
}

test('a session ends when nothing was asked for long enough, and no sooner', async () => {
  const { sessions, open, clock, story, ended } = site();
  const quiet = await open();
  const asking = await open();
  for (let second = 0; second < 10; second++) {
    clock.now += 1000;
    assert.ok(sessions.hold(asking.hash, 's'));
    sessions.release(asking.hash);
    sessions.sweep();
    assert.equal(sessions.isLive(quiet), second < 4, `${second}`);
  }
  assert.ok(sessions.isLive(asking));
  assert.deepEqual(story(), [
    'start HLSSUB1 in=false out=true',
    'start HLSSUB2 in=false out=true',
    'stop HLSSUB1 in=false out=true timed out',
  ]);
  assert.deepEqual(ended, ['s']);
  assert.equal(sessions.hold(quiet.hash, 's'), null);
  assert.equal(sessions.size, 1);
});

test('an answer that is waited for, or under way, keeps the session', async () => {
  const { sessions, open, clock } = site();
  const viewer = await open();
  sessions.hold(viewer.hash, 's');
  for (let second = 0; second < 20; second++) {
    clock.now += 1000;
    sessions.sweep();
  }
  assert.ok(sessions.isLive(viewer));
  sessions.release(viewer.hash);
  clock.now += 4999;
  sessions.sweep();
  assert.ok(sessions.isLive(viewer));
  clock.now += 1;
  sessions.sweep();
  assert.ok(!sessions.isLive(viewer));
});

test('hashes are long, all different, and another in each process, whatever the numbers and the key', async () => {
  const hashes = new Set<string>();
  for (let process = 0; process < 2; process++) {
    const { open } = site();
    for (let i = 0; i < 50; i++) hashes.add((await open()).hash);
  }
  assert.equal(hashes.size, 100);
  for (const hash of hashes) assert.match(hash, /^[0-9a-f]{32}$/);
});

test('bit rates are taken over the window that is wanted', async () => {
  const { sessions, open, registry } = site();
  const { hash } = await open();
  sessions.sent(hash, 2 * 1024 * 128);
  for (let second = 0; second < 2; second++) registry.tick();
  assert.deepEqual(
    registry.group('s')?.subs.map((sub) => [sub.writeBitrateKbits, sub.wroteBytesSum]),
    [[1024, 2 * 1024 * 128]],
  );
});

test('of ten thousand viewers who ask by turns none is swept, and all are when they are silent', async () => {
  const { sessions, open, clock } = site();
  const viewers: ViewerSession[] = [];
  for (let i = 0; i < 10_000; i++) viewers.push(await open(`s${i % 100}`));
  for (let second = 0; second < 20; second++) {
    clock.now += 1000;
    for (let i = second % 2; i < viewers.length; i += 2) {
      const { hash = '', streamName = '' } = viewers[i] ?? {};
      assert.ok(sessions.hold(hash, streamName));
      sessions.release(hash);
    }
    sessions.sweep();
  }
  assert.equal(sessions.size, 10_000);
  clock.now += 5000;
  sessions.sweep();
  assert.equal(sessions.size, 0);
});
