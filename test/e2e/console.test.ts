/** The console in Chromium, against a server with real streams: it shows, plays, commands, and tells of callbacks. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { assertAccessible, buildConsole, button, openConsole, orderedScope, row } from '../support/console.ts';
import { publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope, type Scope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const HOSTILE = '..%5c<script>alert(1)';
/** Each view, and a part of it that is there once it has its answers. */
const VIEWS = [
  ['#/', 'tbody .rate'],
  ['#/stream/tube', '.chart'],
  ['#/events', 'summary'],
  ['#/records', '.panel'],
  ['#/server', 'tbody code'],
  ['#/api', 'summary'],
] as const;

const scope = fileScope();
let receiver: Receiver;
let server: Millrace;
let browser: BrowserContext;

before(async () => {
  await buildConsole(scope);
  receiver = await startReceiver(scope);
  server = await startServer(scope, {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
    hls: { enable: true, out_path: tempDir(scope), fragment_duration_ms: 2000 },
    millrace: { record: { mp4_out_path: tempDir(scope) } },
    misspelt_section: {},
  });
  publish(scope, server.url('rtmp', 'live/tube'), 'h264-bframes-aac');
  publish(scope, server.url('rtmp', `live/${HOSTILE}`), 'aac-only');
  await receiver.waitFor('on_pub_start', { stream_name: 'tube' });
  await receiver.waitFor('on_pub_start', { stream_name: HOSTILE });
  browser = await openBrowser(scope);
});

const open = (t: Scope, hash: string, of: Millrace = server): Promise<Page> => openConsole(t, browser, of, hash);

test('streams are listed with codecs, size, bitrate and viewers; a hostile name is text', async (t) => {
  new HttpPlayer(t, server.url('http', 'live/tube.flv'));
  await receiver.waitFor('on_sub_start', { stream_name: 'tube' });
  const page = await open(t, '');
  await row(page, 'tube').waitFor();
  const cells = (): Promise<string[]> => row(page, 'tube').locator('td').allTextContents();
  // 30 frames a second; a busy machine sends some of them late
  const seen = await poll('bitrate and frames', cells, ([, , rate = '', frames = '']) => {
    return /^\d\.\d\d Mbit\/s$|^\d{3} kbit\/s$/.test(rate) && /^(2[5-9]|3[0-5])$/.test(frames);
  });
  assert.match(String(seen[0]), /H264 1280×720 · AAC$/);
  assert.match(String(seen[1]), /^live RTMP127\.0\.0\.1:\d+$/);
  assert.equal(seen[4], '1');
  assert.equal(await row(page, HOSTILE).locator('a').textContent(), HOSTILE);

  await page.getByRole('searchbox').fill('5C<SCR');
  await row(page, 'tube').waitFor({ state: 'detached' });
  await row(page, HOSTILE).locator('a').click();
  await page.getByRole('heading', { name: HOSTILE }).waitFor();
  assert.equal(await page.locator('script:not([src])').count(), 0);
  await page.goto(`http://127.0.0.1:${server.port('api')}/lal.html`);
  await row(page, 'tube').waitFor();
});

for (const kind of ['WebSocket-FLV', 'HTTP-FLV', 'HLS', 'LL-HLS']) {
  test(`the picture runs by ${kind}`, async (t) => {
    const page = await open(t, '#/stream/tube');
    await page.getByText(kind, { exact: true }).first().click();
    await button(page, 'Play').click();
    const time = (): Promise<number> => page.evaluate<number>("document.querySelector('video').currentTime");
    const started = await poll('the picture begins', time, (at) => at > 0.5);
    await poll('it runs on', time, (at) => at > started + 2);
    const size = await page.evaluate("document.querySelector('video').videoWidth");
    assert.equal(size, 1280);
    assert.equal(await page.locator('.problem').count(), 0);
    await button(page, 'Stop').click();
    await poll('it has stopped', time, (at) => at === 0);
  });
}

test('a viewer is kicked by keys alone, and its callback comes', async (t) => {
  const from = receiver.callbacks.all.length;
  new HttpPlayer(t, server.url('http', 'live/tube.ts'));
  const { body } = await receiver.waitFor('on_sub_start', { protocol: 'TS' }, from);
  const id = String(body['session_id']);
  const page = await open(t, '');
  const focused = (): Promise<string> =>
    page.evaluate<string>("document.activeElement.ariaLabel ?? document.activeElement.textContent ?? ''");
  const tabTo = (name: string) =>
    poll(
      `the focus on ${name}`,
      async () => {
        await page.keyboard.press('Tab');
        return focused();
      },
      (text) => text === name,
    );
  await row(page, 'tube').waitFor();
  await tabTo('Skip to content');
  await page.keyboard.press('Enter');
  await tabTo('tube');
  await page.keyboard.press('Enter');
  await poll('the focus on the heading', focused, (text) => text === 'tube');
  await row(page, id).waitFor();
  await tabTo(`Kick ${id}`);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await focused(), `Kick ${id}`);
  await page.keyboard.press('Enter');
  await tabTo('Cancel');
  await tabTo('Kick');
  await page.keyboard.press('Enter');
  const stop = await receiver.waitFor('on_sub_stop', { session_id: id }, from);
  assert.equal(stop.headers['millrace-reason'], 'kicked');
  await row(page, id).waitFor({ state: 'detached' });
});

test('events come live with body and state; a refused one is replayed', async (t) => {
  const page = await open(t, '#/events');
  await page.locator('summary', { hasText: 'on_server_start' }).waitFor();
  receiver.answer = ({ event }) => (event === 'on_sub_start' ? 418 : 200);
  t.after(() => {
    receiver.answer = () => 200;
  });
  const from = receiver.callbacks.all.length;
  new HttpPlayer(t, server.url('http', 'live/nobody-there.flv'));
  const { headers, raw } = await receiver.waitFor('on_sub_start', { stream_name: 'nobody-there' }, from);
  const event = page.locator('.events > li', { hasText: 'nobody-there' });
  await event.getByText('refused').waitFor();
  await event.locator('summary').click();
  await event.getByText(String(headers['webhook-id'])).waitFor();
  assert.deepEqual(JSON.parse(String(await event.locator('pre').textContent())), JSON.parse(raw));
  assert.match(String(await event.locator('.attempts').textContent()), /HTTP 418/);
  receiver.answer = () => 200;
  const before = receiver.callbacks.all.length;
  await event.getByRole('button', { name: 'Replay' }).click();
  const again = await receiver.waitFor('on_sub_start', { stream_name: 'nobody-there' }, before);
  assert.equal(again.headers['webhook-id'], headers['webhook-id']);
  await event.getByText('delivered', { exact: true }).waitFor();

  await page.getByLabel('Stream').fill('nobody-there');
  await page.keyboard.press('Enter');
  await page.getByText('Events found, newest first').waitFor();
  await poll(
    'only its events',
    () => page.locator('.events > li').allTextContents(),
    (texts) => texts.length === 1,
  );
  await row(page, new URL(receiver.url('')).origin).waitFor();
});

test('events of a stream are found, the newest first, page by page', async (t) => {
  const ownScope = orderedScope(t);
  const own = await startReceiver(ownScope);
  const busy = await startServer(ownScope, { http_notify: own.config() });
  // two events each: more than a page
  for (let i = 0; i < 60; i++) {
    const from = own.callbacks.all.length;
    const player = new HttpPlayer(t, busy.url('http', 'live/often.flv'));
    await own.waitFor('on_sub_start', {}, from);
    player.leave();
    await own.waitFor('on_sub_stop', {}, from);
  }
  const page = await open(ownScope, '#/events/often', busy);
  const numbers = async (): Promise<number[]> => (await page.locator('.seq').allTextContents()).map(Number);
  const isNewestFirst = (all: readonly number[]): boolean => all.every((seq, i) => i === 0 || seq < (all[i - 1] ?? 0));
  const first = await poll('a page', numbers, ({ length }) => length === 100);
  assert.ok(isNewestFirst(first));
  await button(page, 'Older').click();
  const rest = await poll('the page before it', numbers, ({ length }) => length === 20);
  assert.ok(isNewestFirst(rest) && (rest[0] ?? 0) < (first.at(-1) ?? 0));
  await button(page, 'Newer').click();
  await poll('the first page', numbers, ({ length }) => length === 100);
});

test('a record is begun and ended, and listed', async (t) => {
  const page = await open(t, '#/stream/tube');
  await button(page, 'Record').click();
  await page.getByText(/Recording as mp4: [1-9]/).waitFor();
  await page.getByText('1 file').click();
  await row(page, 'tube').getByText('running').waitFor();
  await row(page, 'tube').getByRole('button', { name: 'Stop' }).click();
  await row(page, 'tube').getByText('running').waitFor({ state: 'detached' });
  assert.match(String(await row(page, 'tube').textContent()), /tube-\d+\.mp4/);
});

test('a pull is begun and ended', async (t) => {
  const page = await open(t, '');
  await page.getByRole('button', { name: 'Start a pull' }).click();
  await page.getByRole('textbox', { name: /^Address/ }).fill(server.url('rtmp', 'live/tube'));
  await page.getByRole('textbox', { name: /^Stream/ }).fill('fetched');
  await button(page, 'Start').click();
  await row(page, 'RTMPPULL').waitFor();
  await button(page, 'Stop the pull').click();
  await page.getByText('not there').waitFor();
});

test('an address is blocked from a viewer’s row, and let in again', async (t) => {
  const ownScope = orderedScope(t);
  const own = await startServer(ownScope);
  const url = own.url('http', 'live/cam.flv');
  const player = new HttpPlayer(t, url);
  const page = await open(ownScope, '#/stream/cam', own);
  await page.getByRole('button', { name: /^Block 127/ }).click();
  await button(page, 'Block').click();
  await player.closed();
  assert.equal((await new HttpPlayer(t, url).head()).status, 403);
  await page.getByRole('link', { name: 'Server' }).click();
  await page.getByRole('textbox', { name: 'Address' }).fill('127.0.0.1');
  await button(page, 'Unblock').click();
  await page.getByText('127.0.0.1 is let in again').waitFor();
  assert.equal((await new HttpPlayer(t, url).head()).status, 200);
});

test('warnings of the configuration are shown', async (t) => {
  const page = await open(t, '');
  await page.getByText(/The configuration has \d+ warnings/).click();
  await page.getByText('misspelt_section: unknown key').waitFor();
  await row(page, 'RTMP')
    .getByText(String(server.port('rtmp')))
    .waitFor();
});

test('who has no token is asked for it; it is kept for the tab, and no longer', async (t) => {
  const ownScope = orderedScope(t);
  const guarded = await startServer(ownScope, { millrace: { api: { token: 'sesame' } } });
  const page = await open(ownScope, '', guarded);
  await page.getByLabel('Token').fill('sesam');
  await page.keyboard.press('Enter');
  await page.getByText('The token was not taken').waitFor();
  await assertAccessible(page, 'sign-in');
  await page.getByLabel('Token').fill('sesame');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Streams', exact: true }).waitFor();
  await page.reload();
  await page.getByRole('link', { name: 'Events' }).click();
  await page.getByRole('heading', { name: 'Events', exact: true }).waitFor();
  await page.getByText('HTTP Notify is off').waitFor();
  await button(page, 'Sign out').click();
  await page.getByLabel('Token').waitFor();
  const stored = await page.evaluate('JSON.stringify([sessionStorage.length, localStorage.length, document.cookie])');
  assert.equal(stored, '[0,0,""]');
});

for (const width of [390, 1600]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`at ${width} pixels, ${colorScheme}, every view fits and axe finds nothing serious`, async (t) => {
      const page = await open(t, '');
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      // charts that were drawn wider take a moment to follow
      await page.reload();
      for (const [hash, part] of VIEWS) {
        await page.goto(`http://127.0.0.1:${server.port('api')}/${hash}`);
        await page.locator(part).first().waitFor();
        if (part === 'summary') await page.locator(part).first().click();
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.equal(overflow, 0, hash);
        await assertAccessible(page, hash);
      }
      await page.goto(`http://127.0.0.1:${server.port('api')}/#/`);
      await page.getByRole('button', { name: 'Start a pull' }).click();
      await assertAccessible(page, 'dialog');
    });
  }
}

test('the theme that is picked goes before the system’s', async (t) => {
  const page = await open(t, '#/server');
  await page.emulateMedia({ colorScheme: 'light' });
  const scheme = (): Promise<string> => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  const light = await scheme();
  await page.getByRole('button', { name: 'Theme: automatic' }).click();
  await page.getByRole('button', { name: 'Theme: light' }).click();
  await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
  const root = 'getComputedStyle(document.documentElement).backgroundColor';
  assert.equal(await page.evaluate(root), 'rgb(16, 20, 22)');
  assert.equal(await scheme(), light);
});
