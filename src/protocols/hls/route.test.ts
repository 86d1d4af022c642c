import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AV } from '../../containers/mpegts/frames.fixture.ts';
import { FaultLog, type HttpAnswer, type HttpRequestFacts } from '../../net/index.ts';
import { fakeHub, publishTo } from '../../streams/hub.fixture.ts';
import type { ConsumerFactory, Decision, Fact, Publisher } from '../../streams/index.ts';
import type { HlsOptions } from './options.ts';
import { hlsOptions, writeGops } from './publish.fixture.ts';
import { HlsServer } from './server.ts';

const silent = (): void => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** HLS with a hub around it, and what admission says. */
function site(t: TestContext, options: Partial<HlsOptions> = {}, decision: Decision = { ok: true }) {
  const out = mkdtempSync(join(tmpdir(), 'millrace-'));
  t.after(() => rmSync(out, { recursive: true, force: true }));
  const consumers: ConsumerFactory[] = [];
  const hub = fakeHub({}, decision, consumers);
  const asked: string[] = [];
  const facts: Fact[] = [];
  let count = 0;
  const hls = new HlsServer(hlsOptions(out, options), {
    hub: hub.registry,
    counter: { next: () => ++count },
    admission: {
      decide: ({ direction, session }) => {
        asked.push(`${direction} ${session.protocol} ${session.appName}/${session.streamName}?${session.urlParam}`);
        return Promise.resolve(decision);
      },
    },
    ledger: { record: (fact) => void facts.push(fact) },
    clock: hub.clock,
    ...{ log, faults: new FaultLog(log) },
    cwd: '/',
    groupAppName: (name) => hub.registry.group(name)?.appName ?? '',
  });
  consumers.push(...hls.consumers);
  t.after(() => hls.stop());
  /** Resolves when all GOPs but the last, whose segment has begun, are complete segments. */
  const publish = async (gops: number, streamName = 's'): Promise<Publisher> => {
    const publisher = await publishTo(hub.registry, 'PUB1', undefined, streamName);
    publisher.setTracks(AV);
    writeGops({ ...publisher, write: publisher.write, setTracks: silent, discontinuity: silent, end: silent }, gops);
    await until(() => facts.length >= 2 * gops - 1);
    return publisher;
  };
  const get = (target: string, method: 'GET' | 'HEAD' = 'GET'): Promise<HttpAnswer> => {
    const mark = target.indexOf('?');
    const path = decodeURIComponent(mark === -1 ? target : target.slice(0, mark));
    const facts: HttpRequestFacts = {
      ...{ method, path, query: mark === -1 ? '' : target.slice(mark + 1), url: `http://h${target}` },
      ...{ remoteAddr: '1.2.3.4:5', headers: {} },
    };
    assert.ok(hls.route.accepts(path), `${path} is not taken`);
    return hls.route.answer(facts);
  };
  /** An answer that is sent at once, as the listener does. */
  const fetch = async (target: string): Promise<HttpAnswer> => {
    const answer = await get(target);
    if (answer.account !== undefined) {
      hls.route.sent?.(answer.account, Buffer.isBuffer(answer.body) ? answer.body.length : 0);
      hls.route.finished?.(answer.account);
    }
    return answer;
  };
  return { ...hub, out, hls, asked, publish, get, fetch };
}

const text = ({ body }: HttpAnswer): string => (Buffer.isBuffer(body) ? body.toString() : String(body));
/** The last URI of a playlist. */
const lastUri = (answer: HttpAnswer): string => text(answer).trim().split('\n').at(-1) ?? '';
/** Turns of the event loop until what is asked for is so; real time, also where timers are not. */
async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, 'it does not come');
    await new Promise(setImmediate);
  }
}

test('without sessions: the same playlist at both paths, and its segments beside it, from memory or the disk', async (t) => {
  const { publish, get } = site(t);
  await publish(7);
  const answer = await get('/hls/s.m3u8');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['Content-Type'], 'application/vnd.apple.mpegurl');
  assert.deepEqual(await get('/hls/s/playlist.m3u8'), answer);
  const newest = lastUri(await get('/hls/s.m3u8'));
  for (const path of [`/hls/${newest}`, `/hls/s/${newest}`, `/hls/elsewhere/${newest}`]) {
    const segment = await get(path);
    assert.deepEqual([segment.status, segment.headers['Content-Type']], [200, 'video/mp2t'], path);
    assert.ok(Buffer.isBuffer(segment.body));
    assert.equal(segment.headers['ETag'], `"${newest.slice(2, -3)}"`);
    assert.equal(segment.account, undefined);
  }
  const oldest = await get('/hls/s/s-1000000-0.ts');
  assert.ok(oldest.body !== null && 'path' in oldest.body);
  assert.equal(oldest.body.path, 's/s-1000000-0.ts');
  // what is being made is not there yet
  assert.equal((await get('/hls/s/s-1000000-6.ts')).status, 404);
  assert.match(text(await get('/hls/s/record.m3u8')), /TYPE:EVENT.*s-1000000-0\.ts\n/s);
});

test('what is not there, and what is no name, is said to be so and read from nowhere', async (t) => {
  const { get, out, hls } = site(t);
  mkdirSync(join(out, 'real'));
  writeFileSync(join(out, 'secret.m3u8'), '#EXTM3U\nsecret\n');
  symlinkSync(join(out, 'secret.m3u8'), join(out, 'real/playlist.m3u8'));
  symlinkSync('/etc', join(out, 'etc'));
  const rows: [string, number][] = [
    ['/hls/nobody.m3u8', 404],
    ['/hls/nobody/record.m3u8', 404],
    ['/hls/nobody/ll.m3u8', 404],
    ['/hls/s/other.m3u8', 404],
    ['/hls/s/none.ts', 404],
    ['/hls/../secret.m3u8', 404],
    ['/hls/..%2fsecret.m3u8', 404],
    ['/hls/%2e%2e/playlist.m3u8', 404],
    ['/hls/a%5c..%5cb.m3u8', 404],
    ['/hls/a%00.m3u8', 404],
    ['/hls/real/playlist.m3u8', 404],
    ['/hls/etc/playlist.m3u8', 404],
    ['/hls/.m3u8', 400],
    [`/hls/${'n'.repeat(201)}.m3u8`, 400],
  ];
  for (const [path, status] of rows) assert.equal((await get(path)).status, status, path);
  assert.ok(!hls.route.accepts('/hls/x.flv'));
});

test('where players of MPEG-TS have the same pattern, only segments are taken from them', (t) => {
  const { hls } = site(t, { urlPattern: '/', isPatternShared: true });
  assert.ok(hls.route.accepts('/live/s.m3u8'));
  assert.ok(hls.route.accepts('/s/s-1000000-0.ts'));
  for (const path of ['/live/s.ts', '/live/cam-1-2.ts', '/live/ll-a.flv']) assert.ok(!hls.route.accepts(path), path);
});

test('without sessions a playlist of what is published waits for its first segment, and no longer than 10 s', async (t) => {
  const { publish, get } = site(t);
  const publisher = await publish(1);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const early = get('/hls/s.m3u8');
  const vain = get('/hls/s/record.m3u8');
  // both have looked at the disk by then
  const asked = performance.now();
  await until(() => performance.now() > asked + 100);
  t.mock.timers.tick(10_000);
  assert.deepEqual([(await early).status, (await vain).status], [404, 404]);
  const second = get('/hls/s.m3u8');
  await new Promise(setImmediate);
  writeGops({ ...publisher, write: publisher.write, setTracks: silent, discontinuity: silent, end: silent }, 1, 1000);
  assert.equal((await second).status, 200);
});

test('a publication that ends without a segment ends the wait', async (t) => {
  const { publish, get } = site(t);
  const publisher = await publish(0);
  const waiting = get('/hls/s.m3u8');
  await new Promise(setImmediate);
  publisher.close('peer closed');
  assert.equal((await waiting).status, 404);
});

test('without sessions admission is asked for playlists only, and may say another stream', async (t) => {
  const refused = site(t, {}, { ok: false, reason: 'no secret' });
  const answer = await refused.get('/hls/s.m3u8?lal_secret=x');
  assert.deepEqual([answer.status, text(answer)], [403, 'no secret\n']);
  assert.deepEqual(refused.asked, ['play HLS /s?lal_secret=x']);
  await refused.get('/hls/s/s-1-0.ts');
  assert.equal(refused.asked.length, 1);

  const other = site(t, {}, { ok: true, streamName: 's' });
  await other.publish(2);
  const playlist = await other.get('/hls/alias/playlist.m3u8');
  assert.equal((await other.get(`/hls/alias/${lastUri(playlist)}`)).status, 200);
});

test('a viewer becomes a session by its first request, and its playlists carry that on', async (t) => {
  const { publish, get, fetch, facts, registry } = site(t, { sessionKey: 'k' });
  await publish(3);
  const first = await get('/hls/s.m3u8?token=1');
  assert.equal(first.status, 302);
  const location = first.headers['Location'] ?? '';
  const [, hash = ''] = /^s\.m3u8\?token=1&session_id=([0-9a-f]{32})$/.exec(location) ?? [];
  assert.notEqual(hash, '', location);
  const start = facts.at(-1);
  assert.ok(start?.kind === 'session_start');
  assert.deepEqual(
    { ...start.session },
    {
      sessionId: 'HLSSUB1',
      protocol: 'HLS',
      baseType: 'SUB',
      remoteAddr: '1.2.3.4:5',
      url: 'http://h/hls/s.m3u8?token=1',
      appName: 'live',
      streamName: 's',
      urlParam: 'token=1',
      readBytesSum: 0,
      wroteBytesSum: 0,
      hasInSession: true,
      hasOutSession: true,
    },
  );
  const playlist = await fetch(`/hls/${location}`);
  assert.equal(playlist.status, 200);
  assert.match(lastUri(playlist), new RegExp(`^s-1000000-\\d\\.ts\\?session_id=${hash}$`));
  const segment = await fetch(`/hls/s/${lastUri(playlist)}`);
  assert.equal(segment.status, 200);
  assert.equal((await fetch(`/hls/s/record.m3u8?session_id=${hash}`)).status, 200);
  const wrote = registry.group('s')?.subs[0]?.wroteBytesSum ?? 0;
  assert.ok(wrote > (segment.body as Buffer).length);

  // another viewer behind the same address is another session
  assert.notEqual((await get('/hls/s.m3u8')).headers['Location'], location);
  for (const target of [
    lastUri(playlist).replace(/\?.*/, ''),
    's/s-1000000-0.ts?session_id=0',
    `s.m3u8?session_id=${'0'.repeat(32)}`,
    `other.m3u8?session_id=${hash}`,
    's.m3u8?session_id=',
  ]) {
    assert.equal((await get(`/hls/${target}`)).status, 404, target);
  }
  assert.equal((await get('/hls/s.m3u8', 'HEAD')).status, 200);
  assert.equal(registry.group('s')?.subs.length, 2);
});

test('the redirection keeps the form of the path, also for names that must be written otherwise', async (t) => {
  const { get, publish } = site(t, { sessionKey: 'k' });
  await publish(2, 'a b#1');
  for (const [path, location] of [
    ['a%20b%231.m3u8', /^a%20b%231\.m3u8\?session_id=/],
    ['a%20b%231/playlist.m3u8', /^playlist\.m3u8\?session_id=/],
    ['a%20b%231/record.m3u8?x=%20', /^record\.m3u8\?x=%20&session_id=/],
  ] as const) {
    const { headers } = await get(`/hls/${path}`);
    assert.match(headers['Location'] ?? '', location);
    assert.equal(headers['Cache-Control'], 'no-store');
    const target = new URL(headers['Location'] ?? '', `http://h/hls/${path}`);
    const playlist = await get(target.pathname + target.search);
    assert.equal(playlist.status, 200);
    const segment = new URL(lastUri(playlist), target);
    assert.equal((await get(segment.pathname + segment.search)).status, 200);
  }
});

test('admission is asked once a session; where it says another stream the viewer is led there', async (t) => {
  const refused = site(t, { sessionKey: 'k' }, { ok: false, reason: 'no secret' });
  const answer = await refused.get('/hls/s.m3u8');
  assert.deepEqual([answer.status, text(answer)], [403, 'no secret\n']);
  assert.deepEqual(refused.facts, []);

  const { get, publish, asked } = site(t, { sessionKey: 'k' }, { ok: true, streamName: 's' });
  await publish(2);
  for (const path of ['/hls/alias.m3u8', '/hls/alias/record.m3u8']) {
    const { headers } = await get(path);
    const target = new URL(headers['Location'] ?? '', `http://h${path}`);
    const playlist = await get(target.pathname + target.search);
    const segment = new URL(lastUri(playlist), target);
    assert.equal((await get(segment.pathname + segment.search)).status, 200, `${target}`);
  }
  assert.deepEqual(asked, []);
});

test('a viewer of a stream that is not there yet waits for it in its session', async (t) => {
  const { get, publish, facts, clock } = site(t, { sessionKey: 'k' });
  const { headers } = await get('/hls/s.m3u8');
  const start = facts[0];
  assert.ok(start?.kind === 'session_start' && !start.session.hasInSession && start.session.appName === '');
  const playlist = get(`/hls/${headers['Location']}`);
  clock.now += 3000;
  await publish(2);
  assert.equal((await playlist).status, 200);
});

test('a kicked viewer: what is under way is cut, what it waits for is in vain, and its stop has the true bytes', async (t) => {
  const { get, publish, facts, registry, hls } = site(t, { sessionKey: 'k' });
  const { headers: waiting } = await get('/hls/later.m3u8');
  const vain = get(`/hls/${waiting['Location']}`);
  await publish(3);
  const { headers } = await get('/hls/s.m3u8');
  const playlist = await get(`/hls/${headers['Location']}`);
  const account = playlist.account ?? '';
  assert.equal(hls.route.sent?.(account, 100), true);
  assert.equal(registry.kick('s', 'HLSSUB2'), 'kicked');
  assert.equal((await get(`/hls/${headers['Location']}`)).status, 404);
  assert.ok(facts.every(({ kind }) => kind !== 'session_stop'));
  assert.equal(hls.route.sent?.(account, 20), false);
  hls.route.finished?.(account);
  const stop = facts.at(-1);
  assert.ok(stop?.kind === 'session_stop');
  assert.deepEqual([stop.reason, stop.session.wroteBytesSum], ['kicked', 120]);

  assert.equal(registry.kick('later', 'HLSSUB1'), 'kicked');
  assert.equal((await vain).status, 404);
  assert.equal(registry.group('later'), null);
});

test('when the server stops every viewer has its stop, also those who wait', async (t) => {
  const { get, publish, registry, story } = site(t, { sessionKey: 'k' });
  await publish(3);
  await get('/hls/s.m3u8');
  const { headers } = await get('/hls/later.m3u8');
  const vain = get(`/hls/${headers['Location']}`);
  await registry.stop();
  assert.equal((await vain).status, 404);
  assert.equal(story().filter((each) => /stop HLSSUB. .* server stopped/.test(each)).length, 2);
  assert.equal((await get('/hls/s.m3u8')).status, 503);
});

test('low latency beside it: the same sessions, and nothing of it where it is off', async (t) => {
  const { get, publish } = site(t, { sessionKey: 'k', partDurationMs: 200 });
  const publisher = await publish(5);
  const { headers } = await get('/hls/s/ll.m3u8?_HLS_msn=1');
  assert.match(headers['Location'] ?? '', /^ll\.m3u8\?_HLS_msn=1&session_id=[0-9a-f]{32}$/);
  const playlist = await get(`/hls/s/${headers['Location']}`);
  assert.equal(playlist.status, 200);
  const uri = /^ll-\S+\.m4s\?session_id=\S+$/m.exec(text(playlist))?.[0];
  assert.ok(uri, text(playlist));
  const segment = await get(`/hls/s/${uri}`);
  assert.deepEqual([segment.status, segment.headers['Content-Type']], [200, 'video/mp4']);
  assert.equal((await get(`/hls/s/${uri.replace(/\?.*/, '')}`)).status, 404);
  publisher.close('peer closed');
  assert.match(text(await get(`/hls/s/${headers['Location']}`)), /#EXT-X-ENDLIST/);

  const off = site(t);
  await off.publish(3);
  assert.equal((await off.get('/hls/s/ll.m3u8')).status, 404);
});
