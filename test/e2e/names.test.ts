/** Which stream a URL names: apps with slashes, one stream name in two apps, query strings, odd names. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { probeLines, publish } from '../support/ffmpeg.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope } from '../support/temp-dir.ts';

const PLAYED = ['h264 640x360', 'aac 48000'];

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

const NAMES: readonly { readonly what: string; readonly app: string; readonly stream: string }[] = [
  { what: 'a percent sign', app: 'live', stream: '100%' },
  { what: 'what looks percent-encoded', app: 'live', stream: 'a%2Fb%20c' },
  { what: 'spaces', app: 'live', stream: 'two words here' },
  { what: 'Chinese', app: 'live', stream: '直播間一號' },
  { what: '200 characters', app: 'live', stream: 'n'.repeat(200) },
  { what: 'dots and the endings themselves', app: 'live', stream: 'cam.1.flv.ts' },
  { what: 'an app of two parts', app: 'a/b', stream: 'deep' },
  { what: 'an app of four parts', app: 'a/b/c/d', stream: 'deeper' },
];

for (const { what, app, stream } of NAMES) {
  test(`a name with ${what} is published, played and reported`, async (t) => {
    const rtmp = rtmpInput(app, stream);
    const publisher = publish(t, rtmp.url, 'h264-640x360', { output: rtmp.options });
    const { body } = await receiver.waitFor('on_pub_start', { stream_name: stream });
    assert.equal(body['app_name'], app);
    assert.equal(body['url'], server.url('rtmp', `${app}/${stream}`));

    const path = `${app}/${encodeURIComponent(stream)}`;
    assert.deepEqual(await probeLines(t, rtmp.url, rtmp.options), PLAYED);
    assert.deepEqual(await probeLines(t, server.url('http', `${path}.flv`)), PLAYED);
    assert.deepEqual(await probeLines(t, server.url('http', `${path}.ts`)), PLAYED);

    const { data } = await server.api(`/api/stat/group?stream_name=${encodeURIComponent(stream)}`);
    assert.equal(data?.['stream_name'], stream);
    assert.equal(data?.['app_name'], app);
    const { body: sub } = await receiver.waitFor('on_sub_start', { stream_name: stream, protocol: 'FLV' });
    assert.equal(sub['app_name'], app);
    assert.equal(sub['url'], server.url('http', `${path}.flv`));
    await publisher.stop();
    await receiver.waitFor('on_pub_stop', { stream_name: stream });
  });
}

test('two apps with one stream name are one group, whose app is its creator’s', async (t) => {
  publish(t, server.url('rtmp', 'first/shared'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'shared' });
  assert.deepEqual(await probeLines(t, server.url('http', 'second/shared.flv')), PLAYED);
  const { body } = await receiver.waitFor('on_sub_start', { stream_name: 'shared' });
  assert.equal(body['app_name'], 'second');
  assert.equal(body['has_in_session'], true);
  const { data } = await server.api('/api/stat/group?stream_name=shared');
  assert.equal(data?.['app_name'], 'first');

  const other = publish(t, server.url('rtmp', 'second/shared'), 'h264-640x360');
  assert.notEqual((await other.finished).code, 0);
});

test('a query is no part of the name, and is reported as it came', async (t) => {
  const query = 'token=1111&next=y%20z?&empty=';
  publish(t, server.url('rtmp', `live/asked?${query}`), 'h264-640x360');
  const { body } = await receiver.waitFor('on_pub_start', { stream_name: 'asked' });
  assert.equal(body['app_name'], 'live');
  assert.equal(body['url_param'], query);
  assert.equal(body['url'], server.url('rtmp', `live/asked?${query}`));

  assert.deepEqual(await probeLines(t, server.url('http', 'live/asked.flv?user=a%26b&n=1')), PLAYED);
  const { body: sub } = await receiver.waitFor('on_sub_start', { stream_name: 'asked' });
  assert.equal(sub['url_param'], 'user=a%26b&n=1');
  assert.equal(sub['url'], server.url('http', 'live/asked.flv?user=a%26b&n=1'));

  assert.deepEqual(await probeLines(t, server.url('rtmp', 'live/asked?who=me')), PLAYED);
  const { body: rtmp } = await receiver.waitFor('on_sub_start', { stream_name: 'asked', protocol: 'RTMP' });
  assert.equal(rtmp['url_param'], 'who=me');
  assert.equal(rtmp['url'], server.url('rtmp', 'live/asked?who=me'));
});

/** ffmpeg's RTMP URLs end at a space, so there the stream's name goes beside the URL. */
function rtmpInput(app: string, stream: string): { url: string; options: string[] } {
  if (!stream.includes(' ')) return { url: server.url('rtmp', `${app}/${stream}`), options: [] };
  return { url: server.url('rtmp', app), options: ['-rtmp_app', app, '-rtmp_playpath', stream] };
}
