/** Chromium plays HTTP-FLV and WebSocket-FLV by mpegts.js from a page of another origin. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { before, test } from 'node:test';
import type { BrowserContext } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { publish } from '../support/ffmpeg.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { fileScope } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const require = createRequire(import.meta.url);
const PLAYER = require.resolve('mpegts.js');
const PAGE = `<!doctype html><video id="v" muted autoplay></video><script src="/mpegts.js"></script><script>
  const query = new URLSearchParams(location.search);
  const player = mpegts.createPlayer({ type: query.get('type'), isLive: true, url: query.get('url') });
  window.faults = [];
  player.on(mpegts.Events.ERROR, (type, detail, info) => faults.push([type, detail, info && info.msg].join(' ')));
  player.attachMediaElement(v);
  player.load();
  player.play();
</script>`;
/** What is asked of the page, as text: the types of the browser's world are not those of the tests. */
const STATE = `({
  time: v.currentTime, frames: v.getVideoPlaybackQuality().totalVideoFrames,
  audioBytes: v.webkitAudioDecodedByteCount, size: v.videoWidth + 'x' + v.videoHeight, faults,
})`;

interface State {
  readonly time: number;
  readonly frames: number;
  readonly audioBytes: number;
  readonly size: string;
  readonly faults: readonly string[];
}

const scope = fileScope();
let server: Millrace;
let browser: BrowserContext;
let origin: string;

before(async () => {
  server = await startServer(scope, GOPS_CACHED);
  publish(scope, server.url('rtmp', 'live/tube'), 'h264-bframes-aac');
  const pages = http.createServer((request, response) => {
    if (request.url === '/mpegts.js') response.end(readFileSync(PLAYER));
    else response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
  });
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
  scope.after(() => {
    pages.close();
    pages.closeAllConnections();
  });
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  browser = await openBrowser(scope);
});

for (const [scheme, ending, type] of [
  ['http', 'flv', 'flv'],
  ['ws', 'flv', 'flv'],
  ['http', 'ts', 'mpegts'],
  ['ws', 'ts', 'mpegts'],
] as const) {
  test(`${scheme} ${ending} plays on, picture and sound`, async () => {
    const page = await browser.newPage();
    const url = encodeURIComponent(server.url(scheme, `live/tube.${ending}`));
    await page.goto(`${origin}/?type=${type}&url=${url}`);
    const ask = (): Promise<State> => page.evaluate<State>(STATE);
    const playing = await poll('the first second plays', ask, ({ time, frames, faults }) => {
      assert.deepEqual(faults, []);
      return time > 0.5 && frames > 10;
    });
    const later = await poll('it plays on', ask, ({ time, frames, audioBytes }) => {
      return time > playing.time + 2 && frames > playing.frames + 30 && audioBytes > playing.audioBytes;
    });
    assert.equal(later.size, '1280x720');
    assert.deepEqual(later.faults, []);
    await page.close();
  });
}
