/** Makes docs/console.png, the console with real streams and players: `node scripts/screenshot.ts [FILE]`. */
import { join } from 'node:path';
import { openBrowser } from '../test/support/browser.ts';
import { publish, type SourceName } from '../test/support/ffmpeg.ts';
import { HttpPlayer, WebSocketPlayer } from '../test/support/http.ts';
import { GOPS_CACHED, startServer } from '../test/support/millrace.ts';
import { startReceiver } from '../test/support/receiver.ts';
import { OrderedScope, tempDir } from '../test/support/temp-dir.ts';

const FILE = process.argv[2] ?? join(import.meta.dirname, '../docs/console.png');
const STREAMS: readonly (readonly [string, SourceName])[] = [
  ['arena', 'h264-bframes-aac'],
  ['backstage', 'h264-640x360'],
  ['entrance', 'h264-aac'],
];
const SIZE = { width: 1440, height: 1180 };
/** Until the graphs have something to show. Milliseconds. */
const WATCHED_MS = 40_000;

const scope = new OrderedScope();
try {
  await makeScreenshot();
  console.log(`written: ${FILE}`);
} finally {
  await scope.end();
}

async function makeScreenshot(): Promise<void> {
  const receiver = await startReceiver(scope);
  const server = await startServer(scope, {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
    hls: { enable: true, url_pattern: '/hls/', out_path: tempDir(scope) },
    rtsp: { enable: true, addr: '127.0.0.1:0' },
  });
  for (const [name, source] of STREAMS) {
    publish(scope, server.url('rtmp', `live/${name}`), source);
    await receiver.waitFor('on_pub_start', { stream_name: name });
  }
  for (let i = 0; i < 4; i++) new HttpPlayer(scope, server.url('http', 'live/arena.flv'));
  for (let i = 0; i < 2; i++) new WebSocketPlayer(scope, server.url('ws', 'live/arena.flv'));
  new HttpPlayer(scope, server.url('http', 'live/entrance.ts'));
  const browser = await openBrowser(scope);
  const page = await browser.newPage();
  await page.setViewportSize(SIZE);
  await page.goto(`http://127.0.0.1:${server.port('api')}/#/stream/arena`);
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await page.waitForTimeout(WATCHED_MS);
  await page.screenshot({ path: FILE });
}
