/** Debian's Chromium, driven by playwright-core. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { type Scope, tempDir } from './temp-dir.ts';

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome'];

/** Starts a browser that plays by itself and calls nobody. */
export async function openBrowser(scope: Scope): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(tempDir(scope), {
    executablePath: findBrowser(),
    headless: true,
    ignoreHTTPSErrors: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
  scope.after(() => context.close());
  return context;
}

function findBrowser(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no browser found; looked for ${COMMANDS.join(', ')} in PATH`);
  return found;
}
