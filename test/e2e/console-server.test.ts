/** The console's pages about the server itself, in Chromium: the API's reference, reloading and draining. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import type { BrowserContext } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { assertAccessible, buildConsole, button, openConsole, orderedScope, row } from '../support/console.ts';
import { HttpPlayer } from '../support/http.ts';
import { type Config, Millrace, startProcess, startServer, writeConfig } from '../support/millrace.ts';
import { fileScope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const scope = fileScope();
let browser: BrowserContext;

before(async () => {
  await buildConsole(scope);
  browser = await openBrowser(scope);
});

test('the API is read: searched, opened, copied, by keys alone', async (t) => {
  const own = orderedScope(t);
  const server = await startServer(own);
  const page = await openConsole(own, browser, server, '#/api');
  const base = `http://127.0.0.1:${server.port('api')}`;
  const names = (): Promise<string[]> => page.locator('.entry-name').allTextContents();
  const { paths, webhooks, components } = (await (await fetch(`${base}/api/openapi.json`)).json()) as Record<
    'paths' | 'webhooks',
    object
  > & { components: { schemas: object } };
  const wanted = [paths, webhooks, components.schemas].flatMap((each) => Object.keys(each));
  const all = await poll('every entry', names, ({ length }) => length === wanted.length);
  assert.deepEqual(all.toSorted(), wanted.toSorted());

  await page.getByRole('searchbox').focus();
  await page.keyboard.type('kick');
  await poll('what is like it', names, (found) => found.length === 1 && found[0] === '/api/ctrl/kick_session');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await row(page, 'session_id').getByText('required').waitFor();
  const command = String(await page.locator('.command pre').textContent());
  assert.match(command, new RegExp(`^curl -d '\\{"stream_name":.*\\}' ${base}/api/ctrl/kick_session$`));
  await page.evaluate('navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }');
  await page.getByRole('button', { name: 'Copy the command' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Copied').waitFor();
  assert.equal(await page.evaluate('globalThis.copied'), command);

  await page.goto(`${base}/#/api/${encodeURIComponent('/api/stat/group')}`);
  await row(page, 'in_frame_per_sec[].unix_sec').waitFor();
  await row(page, 'pushs').getByRole('link', { name: 'Session' }).click();
  await row(page, 'dropped_frames').waitFor();
  assert.match(String(await page.evaluate('document.activeElement.textContent')), /^Session/);
});

test('the configuration is read again, and what came of it shown', async (t) => {
  const ownScope = orderedScope(t);
  const file = writeConfig(ownScope);
  const own = new Millrace(startProcess(ownScope, ['-c', file, '-p', tempDir(ownScope)]));
  ownScope.after(() => own.stop());
  await own.ready();
  const page = await openConsole(ownScope, browser, own, '#/server');
  const panel = page.getByRole('region', { name: 'Reload' });
  await button(page, 'Reload').click();
  await panel.getByText('Nothing in the file has changed').waitFor();
  const config = JSON.parse(readFileSync(file, 'utf8')) as Config;
  writeFileSync(file, JSON.stringify({ ...config, server_id: '2', log: { level: 2, is_to_stdout: true } }));
  await button(page, 'Reload').click();
  await panel.getByText('Needs a restart').waitFor();
  assert.match(String(await panel.textContent()), /Appliedlog\.level.*Needs a restartserver_id/);
  writeFileSync(file, JSON.stringify({ ...config, rtmp: { enable: true, addr: 'nowhere' } }));
  await button(page, 'Reload').click();
  await panel.getByText(/rtmp\.addr: found "nowhere"/).waitFor();
  await assertAccessible(page, 'a reload that failed');
});

test('a server is drained, after a question, and ends', async (t) => {
  const ownScope = orderedScope(t);
  const own = await startServer(ownScope);
  const player = new HttpPlayer(t, own.url('http', 'live/cam.flv'));
  await player.head();
  const page = await openConsole(ownScope, browser, own, '#/server');
  await page.getByText('ready', { exact: true }).waitFor();
  await button(page, 'Drain …').click();
  await assertAccessible(page, 'the question');
  await button(page, 'Cancel').click();
  await button(page, 'Drain …').click();
  await page.getByLabel('Those who are here may stay').selectOption('an hour');
  await button(page, 'Drain').click();
  await page.getByText('Draining: 1 session is left').waitFor();
  await page.getByText('not ready').waitFor();
  assert.equal((await new HttpPlayer(t, own.url('http', 'live/cam.flv')).head()).status, 503);
  // the page would tell of errors that come with the end
  await page.goto('about:blank');
  player.leave();
  const { code } = await own.finished;
  assert.equal(code, 0);
});
