/** The console in a browser, as tests open, look at and judge it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import type { Millrace } from './millrace.ts';
import { run } from './process.ts';
import { OrderedScope, type Scope } from './temp-dir.ts';
import { PATIENCE_MS } from './wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core'), 'utf8');

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Builds it where its sources have changed since it was built. */
export async function buildConsole(scope: Scope): Promise<void> {
  const built = await run(scope, process.execPath, [join(ROOT, 'scripts/build-console.js')], { cwd: ROOT });
  assert.equal(built.code, 0, built.stderr);
}

/** A page of the console. The test fails where it has an error, opens a dialog, or asks another host for anything. */
export async function openConsole(t: Scope, browser: BrowserContext, of: Millrace, hash: string): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  page.on('dialog', (dialog) => faults.push(`dialog ${dialog.message()}`));
  page.on('console', (line) => {
    // that a request was answered 401, or /readyz 503, is said there too
    if (line.type() === 'error' && !/status of (401|503)/.test(line.text())) faults.push(line.text());
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
export async function assertAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(`${AXE};0`);
  const { violations } = await page.evaluate<{ violations: Violation[] }>('axe.run()');
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(
    serious.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]),
    [],
    what,
  );
}

/** A scope that ends with the test, the page before the server that it asks: a page without one has errors to tell. */
export function orderedScope(t: Scope): Scope {
  const scope = new OrderedScope();
  t.after(() => scope.end());
  return scope;
}

export function button(page: Page, name: string): Locator {
  return page.getByRole('button', { name, exact: true });
}

/** The row of a table that says this. */
export function row(page: Page, text: string): Locator {
  return page.locator('tr', { hasText: text });
}
