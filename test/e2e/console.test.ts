/** The console in Chromium, against a server with real streams: it shows, plays, commands, and tells of callbacks. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { run } from '../support/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope, type Scope, tempDir } from '../support/temp-dir.ts';
import { PATIENCE_MS, poll } from '../support/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core'), 'utf8');
const HOSTILE = '..%5c<script>alert(1)';
/** Each view, and a part of it that is there once it has its answers. */
const VIEWS = [
  ['#/', 'tbody .rate'],
  ['#/stream/tube', '.chart'],
  ['#/events', 'summary'],
  ['#/records', '.panel'],
  ['#/server', 'tbody code'],
] as const;

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

const scope = fileScope();
let receiver: Receiver;
let server: Millrace;
let browser: BrowserContext;

before(async () => {
  const built = await run(scope, process.execPath, [join(ROOT, 'scripts/build-console.js')], { cwd: ROOT });
  assert.equal(built.code, 0, built.stderr);
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

/** A page of the console. The test fails where it has an error, opens a dialog, or asks another host for anything. */
async function open(t: Scope, hash: string, of: Millrace = server): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  page.on('dialog', (dialog) => faults.push(`dialog ${dialog.message()}`));
  page.on('console', (line) => {
    // that a request was answered 401 is said there too
    if (line.type() === 'error' && !line.text().includes('401')) faults.push(line.text());
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.hostname !== '127.0.0.1' && url.protocol !== 'blob:') faults.push(`request to ${url.href}`);
  });
  t.after(async () => {
    await page.close();
    assert.deepEqual(faults, []);
  });
  await page.goto(`http://127.0.0.1:${of.port('api')}/${hash}`);
  return page;
}

/** axe-core has no serious or critical finding. */
async function assertAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(`${AXE};0`);
  const { violations } = await page.evaluate<{ violations: Violation[] }>('axe.run()');
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(
    serious.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]),
    [],
    what,
  );
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

/** The row of a table that says this. */
const row = (page: Page, text: string) => page.locator('tr', { hasText: text });

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
  await page.getByText('Events found, oldest first').waitFor();
  await poll(
    'only its events',
    () => page.locator('.events > li').allTextContents(),
    (texts) => texts.length === 1,
  );
  await row(page, new URL(receiver.url('')).origin).waitFor();
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
  const own = await startServer(t);
  const url = own.url('http', 'live/cam.flv');
  const player = new HttpPlayer(t, url);
  const page = await open(t, '#/stream/cam', own);
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
  const guarded = await startServer(t, { millrace: { api: { token: 'sesame' } } });
  const page = await open(t, '', guarded);
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
