/** Publishers that come, go, are refused, return, and bring only one kind of media; players who were there before. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { assertSteadyTime, mediaTags, readFlv } from '../support/flv.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope } from '../support/temp-dir.ts';

const SECOND_BYTES = 100_000;

const scope = fileScope();
let receiver: Receiver;
let server: Millrace;

before(async () => {
  receiver = await startReceiver(scope);
  server = await startServer(scope, {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
  });
});

test('a player who comes before the publisher is sent the stream from its first key frame', async (t) => {
  const player = new HttpPlayer(t, server.url('http', 'live/early.flv'));
  const { body } = await receiver.waitFor('on_sub_start', { stream_name: 'early' });
  assert.deepEqual([body['has_in_session'], body['has_out_session']], [false, true]);
  const flvHeader = await player.body(13);
  assert.equal(flvHeader.subarray(0, 3).toString(), 'FLV');

  publish(t, server.url('rtmp', 'live/early'), 'h264-bframes-aac');
  const tags = readFlv(await player.body(4 * SECOND_BYTES));
  assert.equal(mediaTags(tags).find(({ type }) => type === 'video')?.isKey, true);
  assertSteadyTime(tags, 100);
});

test('a publisher leaves and comes back while a player waits, whose time goes on', async (t) => {
  const url = server.url('rtmp', 'live/back');
  const first = publish(t, url, 'h264-aac');
  const player = new HttpPlayer(t, server.url('http', 'live/back.flv'));
  await player.body(2 * SECOND_BYTES);
  await first.stop();
  const { body: stop } = await receiver.waitFor('on_pub_stop', { stream_name: 'back' });
  assert.deepEqual([stop['has_in_session'], stop['has_out_session']], [false, true]);
  const before = player.bodyNow().length;

  const second = publish(t, url, 'h264-aac');
  const bytes = await player.body(before + 3 * SECOND_BYTES);
  const tags = readFlv(bytes);
  const headers = tags.filter(({ isSequenceHeader, type }) => type === 'video' && isSequenceHeader);
  assert.ok(headers.length >= 1);
  assertSteadyTime(tags, 1000);
  await decodeStrict(t, server.url('http', 'live/back.flv'), 2);
  await second.stop();
});

test('a publisher whose connection breaks is stopped, and its name is free', async (t) => {
  const url = server.url('rtmp', 'live/broken');
  const first = publish(t, url, 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'broken' });
  await first.kill();
  await receiver.waitFor('on_pub_stop', { stream_name: 'broken' });
  publish(t, url, 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'broken' }, receiver.callbacks.all.length);
});

test('a second publisher is refused with a reason, and the first goes on', async (t) => {
  const url = server.url('rtmp', 'live/taken');
  publish(t, url, 'h264-aac');
  await receiver.waitFor('on_pub_start', { stream_name: 'taken' });
  const player = new HttpPlayer(t, server.url('http', 'live/taken.flv'));
  await player.body(SECOND_BYTES);

  const second = await publish(t, url, 'h264-aac').finished;
  assert.notEqual(second.code, 0);
  assert.match(second.stderr, /Server error: .*(publish|taken|exist|use)/i);
  const before = player.bodyNow().length;
  assertSteadyTime(readFlv(await player.body(before + 2 * SECOND_BYTES)), 100);
  const events = receiver.ofStream('taken').filter(({ event }) => event.startsWith('on_pub'));
  assert.deepEqual(
    events.map(({ event }) => event),
    ['on_pub_start'],
  );
});

test('a URL without a stream name is refused with words that say so', async (t) => {
  const { code, stderr } = await publish(t, server.url('rtmp', 'onlyone'), 'h264-640x360').finished;
  assert.notEqual(code, 0);
  assert.match(stderr, /Server error: .*stream/i);
});

test('video without audio', async (t) => {
  publish(t, server.url('rtmp', 'live/mute'), 'h264-only');
  await receiver.waitFor('on_pub_start', { stream_name: 'mute' });
  for (const url of [server.url('rtmp', 'live/mute'), ...httpUrls('mute')]) {
    assert.deepEqual(await probeLines(t, url), ['h264 1280x720'], url);
    await decodeStrict(t, url, 2);
  }
});

test('audio without video', async (t) => {
  publish(t, server.url('rtmp', 'live/radio'), 'aac-only');
  await receiver.waitFor('on_pub_start', { stream_name: 'radio' });
  for (const url of [server.url('rtmp', 'live/radio'), ...httpUrls('radio')]) {
    assert.deepEqual(await probeLines(t, url), ['aac 48000'], url);
    await decodeStrict(t, url, 2);
  }
  const { data } = await server.api('/api/stat/group?stream_name=radio');
  assert.deepEqual(
    ['audio_codec', 'video_codec', 'video_width', 'video_height'].map((key) => data?.[key]),
    ['AAC', '', 0, 0],
  );
});

test('MP3 goes through FLV and RTMP as it is', async (t) => {
  publish(t, server.url('rtmp', 'live/mp3'), 'h264-mp3');
  await receiver.waitFor('on_pub_start', { stream_name: 'mp3' });
  for (const url of [server.url('rtmp', 'live/mp3'), server.url('http', 'live/mp3.flv')]) {
    assert.deepEqual(await probeLines(t, url), ['h264 1280x720', 'mp3 44100'], url);
    await decodeStrict(t, url, 2);
  }
});

test('a publisher that counts in extended timestamps is played', async (t) => {
  // 0x1000000 ms and more do not fit the chunk header's 24 bits
  const output = ['-output_ts_offset', '16776'];
  publish(t, server.url('rtmp', 'live/late'), 'h264-aac', { output });
  await receiver.waitFor('on_pub_start', { stream_name: 'late' });
  const player = new HttpPlayer(t, server.url('http', 'live/late.flv'));
  const tags = readFlv(await player.body(5 * SECOND_BYTES));
  assertSteadyTime(tags, 100);
  await decodeStrict(t, server.url('rtmp', 'live/late'), 3);
});

function httpUrls(stream: string): string[] {
  return ['flv', 'ts'].map((ending) => server.url('http', `live/${stream}.${ending}`));
}
