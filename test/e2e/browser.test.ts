/** Chromium plays HTTP-FLV and WebSocket-FLV by mpegts.js from a page of another origin. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import type { BrowserContext } from 'playwright-core';
import { openBrowser, PLAYER_STATE, type PlayerState, servePage } from '../support/browser.ts';
import { publish } from '../support/ffmpeg.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { fileScope } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const require = createRequire(import.meta.url);
const PLAYER = require.resolve('mpegts.js');
const PAGE = `<!doctype html><video id="v" muted autoplay></video><script src="/player.js"></script><script>
  const query = new URLSearchParams(location.search);
  const player = mpegts.createPlayer({ type: query.get('type'), isLive: true, url: query.get('url') });
  window.faults = [];
  player.on(mpegts.Events.ERROR, (type, detail, info) => faults.push([type, detail, info && info.msg].join(' ')));
  player.attachMediaElement(v);
  player.load();
  player.play();
</script>`;

const scope = fileScope();
let server: Millrace;
let browser: BrowserContext;
let origin: string;

before(async () => {
  server = await startServer(scope, GOPS_CACHED);
  publish(scope, server.url('rtmp', 'live/tube'), 'h264-bframes-aac');
  origin = await servePage(scope, PAGE, PLAYER);
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
    const ask = (): Promise<PlayerState> => page.evaluate<PlayerState>(PLAYER_STATE);
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
