/** Chromium plays HLS by hls.js: segments of MPEG-TS, and low latency by parts of MP4. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { BrowserContext } from 'playwright-core';
import { openBrowser, PLAYER_STATE, type PlayerState, servePage } from '../support/browser.ts';
import { publish } from '../support/ffmpeg.ts';
import { type Millrace, startServer } from '../support/millrace.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const require = createRequire(import.meta.url);
const PLAYER = join(require.resolve('hls.js'), '../hls.min.js');
const PAGE = `<!doctype html><video id="v" muted autoplay></video><script src="/player.js"></script><script>
  const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5 });
  window.faults = [];
  hls.on(Hls.Events.ERROR, (event, data) => { if (data.fatal) faults.push(data.type + ' ' + data.details); });
  hls.loadSource(new URLSearchParams(location.search).get('url'));
  hls.attachMedia(v);
  window.hls = hls;
</script>`;
/** The page's state, and how far it is behind. */
const STATE = `({ ...${PLAYER_STATE}, latency: hls.latency })`;

interface State extends PlayerState {
  /** Seconds. */
  readonly latency: number;
}

const scope = fileScope();
let server: Millrace;
let receiver: Receiver;
let browser: BrowserContext;
let origin: string;

before(async () => {
  receiver = await startReceiver(scope);
  server = await startServer(scope, {
    http_notify: receiver.config(),
    hls: {
      ...{ enable: true, out_path: tempDir(scope), fragment_duration_ms: 2000, fragment_num: 6 },
      ...{ sub_session_hash_key: 'key', sub_session_timeout_ms: 6000 },
    },
  });
  publish(scope, server.url('rtmp', 'live/tube'), 'h264-bframes-aac');
  origin = await servePage(scope, PAGE, PLAYER);
  browser = await openBrowser(scope);
});

for (const [what, path, maxLatency] of [
  ['MPEG-TS', 'hls/tube.m3u8', 30],
  // with key frames 2 s apart
  ['low latency', 'hls/tube/ll.m3u8', 2],
] as const) {
  test(`${what} plays on, picture and sound, as one session that ends when the page is closed`, async () => {
    const from = receiver.callbacks.all.length;
    const page = await browser.newPage();
    await page.goto(`${origin}/?url=${encodeURIComponent(server.url('http', path))}`);
    const ask = (): Promise<State> => page.evaluate<State>(STATE);
    const playing = await poll('the first second plays', ask, ({ time, frames, faults }) => {
      assert.deepEqual(faults, []);
      return time > 0.5 && frames > 10;
    });
    const later = await poll('it plays on', ask, ({ time, frames, audioBytes, latency }) => {
      const isOn = time > playing.time + 5 && frames > playing.frames + 100 && audioBytes > playing.audioBytes;
      return isOn && latency < maxLatency;
    });
    assert.equal(later.size, '1280x720');
    assert.deepEqual(later.faults, []);
    const start = await receiver.waitFor('on_sub_start', { stream_name: 'tube', protocol: 'HLS' }, from);
    await page.close();
    const stop = await receiver.waitFor('on_sub_stop', { session_id: start.body['session_id'] }, from);
    assert.ok(Number(stop.body['wrote_bytes_sum']) > 300_000, `${stop.body['wrote_bytes_sum']} bytes`);
    const sessions = receiver.callbacks.all.slice(from).filter(({ event }) => event === 'on_sub_start');
    assert.equal(sessions.length, 1);
  });
}
