/** A disk that is full: it costs HLS its segments while it lasts, and nobody else anything. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountDisk } from '../support/disk.ts';
import { decodeStrict, publish } from '../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../support/flv.ts';
import { HttpPlayer } from '../support/http.ts';
import { startServer } from '../support/millrace.ts';
import { startReceiver } from '../support/receiver.ts';
import { poll } from '../support/wait-for.ts';

test('a full disk: other players go on, the loss is told, and behind a gap HLS goes on when there is room', async (t) => {
  const disk = mountDisk(t, 8 * 1024 * 1024);
  if (disk === null) return t.skip('mounting a tmpfs takes root');
  const receiver = await startReceiver(t);
  const server = await startServer(t, {
    http_notify: receiver.config({ on_hls_make_ts: receiver.url('on_hls_make_ts') }),
    hls: { enable: true, out_path: join(disk, 'hls'), fragment_duration_ms: 1000, fragment_num: 20, cleanup_mode: 2 },
  });
  publish(t, server.url('rtmp', 'live/tv'), 'h264-640x360');
  const player = new HttpPlayer(t, server.url('http', 'live/tv.flv'));
  const closes = (): number[] =>
    receiver.callbacks.all.filter(({ body }) => body['event'] === 'close').map(({ body }) => Number(body['id']));
  const closed = async (): Promise<number> => closes().length;
  await poll('two segments', closed, (count) => count >= 2);

  const ballast = join(disk, 'ballast');
  try {
    for (;;) writeFileSync(ballast, Buffer.alloc(4096, 1), { flag: 'a' });
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
  const said = await server.log.waitFor(
    'the loss',
    ({ level, msg }) => level === 'error' && /segments are lost/.test(msg),
  );
  assert.match(String(said['reason']), /ENOSPC|no space/i);
  const before = closes().length;
  await player.body(player.bodyNow().length + 300_000);

  rmSync(ballast);
  await poll('segments again', closed, (count) => count >= before + 2);
  const text = await (await fetch(server.url('http', 'hls/tv.m3u8'))).text();
  assert.equal(text.match(/#EXT-X-DISCONTINUITY$/gm)?.length, 1, text);
  const names = [...text.matchAll(/^tv-\d+-\d+\.ts$/gm)].map(([name]) => name);
  const there = readdirSync(join(disk, 'hls/tv'));
  for (const name of names) assert.ok(there.includes(name), name);
  await decodeStrict(t, server.url('http', 'hls/tv.m3u8'), 4, /discontinuity|DTS|dts/);
  assertSteadyTime(readFlv(player.bodyNow()), 100);
  const ids = closes();
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => a - b),
  );
});
