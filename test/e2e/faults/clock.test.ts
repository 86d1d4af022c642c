/** The clock of the wall jumps by hours, ahead and back, under a running server: what is measured by it, and what must not be. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFaulty } from '../../support/faults.ts';
import { decodeStrict, publish } from '../../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../../support/flv.ts';
import { HttpPlayer } from '../../support/http.ts';
import { startReceiver } from '../../support/receiver.ts';
import { OrderedScope } from '../../support/temp-dir.ts';
import { poll } from '../../support/wait-for.ts';

const HOUR_MS = 3_600_000;
const KEY = 'a key of more than thirty-two characters';

/** A token for every stream that ends so many milliseconds from now by the real clock. */
function token(aheadMs: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { stream: '*', action: '*', exp: Math.floor((Date.now() + aheadMs) / 1000) };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', KEY).update(signed).digest('base64url')}`;
}

test('the clock jumps ahead and back by hours: no session ends, media, records, HLS and callbacks go on, and files keep their names', async (t) => {
  const own = new OrderedScope();
  t.after(() => own.end());
  const receiver = await startReceiver(own);
  const { server, folder, cause } = await startFaulty(own, {
    http_notify: receiver.config({ on_hls_make_ts: receiver.url('on_hls_make_ts') }),
    hls: { enable: true, out_path: './hls/', fragment_duration_ms: 1000, fragment_num: 30 },
    record: { enable_flv: true, flv_out_path: './flv/' },
    log: { filename: 'logs/server.log', is_rotate_hourly: true },
    millrace: {
      notify: receiver.ownConfig(),
      record: { split_duration_sec: 1 },
      admission: { jwt: { play: true, key: KEY } },
    },
  });
  let refused = '';
  receiver.answer = ({ body }) => (body['stream_name'] === refused ? 503 : 200);
  publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
  const url = (stream: string, ms: number): string => server.url('http', `live/${stream}.flv?token=${token(ms)}`);
  const player = new HttpPlayer(own, url('tv', 60_000));
  await player.body(10_000);

  for (const hours of [3, -3, 0]) {
    refused = `visited${hours}`;
    const visitor = new HttpPlayer(own, url(refused, 24 * HOUR_MS));
    await receiver.waitFor('on_sub_start', { stream_name: `visited${hours}` });
    cause({ kind: 'clock', aheadMs: hours * HOUR_MS });
    await poll(
      'what a token says of its end is measured by the wall',
      async () => {
        const response = await fetch(url('other', HOUR_MS));
        await response.body?.cancel();
        return response.status;
      },
      (status) => status === (hours > 1 ? 403 : 200),
    );
    refused = '';
    visitor.leave();
    // a retry waits by the clock that does not jump
    await receiver.waitFor('on_sub_stop', { stream_name: `visited${hours}` });
    const from = receiver.callbacks.all.length;
    await receiver.waitFor('on_record_start', { stream_name: 'tv' }, from);
    await receiver.callbacks.waitFor('a segment', ({ body }) => body['event'] === 'close', from);
  }

  const all = receiver.callbacks.all;
  const started = all.filter(({ event }) => event === 'on_record_start').map(({ body }) => String(body['path']));
  assert.equal(new Set(started).size, started.length, 'a record’s name came twice');
  const stopped = all.filter(({ event }) => event === 'on_record_stop');
  for (const { body } of stopped) {
    assert.equal(body['reason'], 'split');
    assert.ok(Number(body['duration']) > 1 && Number(body['duration']) < 10, String(body['duration']));
    await decodeStrict(own, join(folder, String(body['path'])), 1);
  }
  assert.equal(all.filter(({ event }) => event === 'on_pub_stop').length, 0);
  assertSteadyTime(readFlv(player.bodyNow()), 100);
  const playlist = await (await fetch(server.url('http', `hls/tv.m3u8?token=${token(60_000)}`))).text();
  const names = [...playlist.matchAll(/^tv-\S+\.ts$/gm)].map(([name]) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= 3, playlist);
  assert.doesNotMatch(playlist, /DISCONTINUITY/);
});
