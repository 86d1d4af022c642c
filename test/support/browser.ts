/** Debian's Chromium, driven by playwright-core. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
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

/** What a page with a video element `v` and a list `faults` tells; as text, since its world has types of its own. */
export const PLAYER_STATE = `({
  time: v.currentTime, frames: v.getVideoPlaybackQuality().totalVideoFrames,
  audioBytes: v.webkitAudioDecodedByteCount, size: v.videoWidth + 'x' + v.videoHeight, faults,
})`;

export interface PlayerState {
  /** Seconds. */
  readonly time: number;
  readonly frames: number;
  readonly audioBytes: number;
  readonly size: string;
  readonly faults: readonly string[];
}

/** Serves a page, and the script of a player as `/player.js`, from an origin of their own, which is returned. */
export async function servePage(scope: Scope, page: string, script: string): Promise<string> {
  const server = http.createServer((request, response) => {
    if (request.url === '/player.js') response.end(readFileSync(script));
    else response.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function findBrowser(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no browser found; looked for ${COMMANDS.join(', ')} in PATH`);
  return found;
}
