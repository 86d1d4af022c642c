import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRtmpUrl } from './url.ts';

const socket = { localAddress: '127.0.0.1', localPort: 1935 };

test('app, stream and query from tcUrl, app and key', () => {
  const rows: [string, string, string, string, string, string, string][] = [
    ['rtmp://h/live', 'live', 's?token=1', 'rtmp://h/live/s?token=1', 'live', 's', 'token=1'],
    ['rtmp://h:1935/a/b', 'a/b', 's', 'rtmp://h:1935/a/b/s', 'a/b', 's', ''],
    ['rtmp://h/a', 'a', 'b/s', 'rtmp://h/a/b/s', 'a/b', 's', ''],
    ['rtmp://h/live/', 'live/', 's', 'rtmp://h/live/s', 'live', 's', ''],
    ['rtmp://h/live?x=1', 'live?x=1', 's', 'rtmp://h/live?x=1/s', 'live', 's', 'x=1'],
    ['', 'live', 's?a=b?c', 'rtmp://127.0.0.1:1935/live/s?a=b?c', 'live', 's', 'a=b?c'],
    ['rtmp://h/live', 'live', '100% 中文', 'rtmp://h/live/100% 中文', 'live', '100% 中文', ''],
  ];
  for (const [tcUrl, app, key, url, appName, streamName, urlParam] of rows) {
    assert.deepEqual(parseRtmpUrl(tcUrl, app, key, socket), { url, appName, streamName, urlParam });
  }
});

test('a key that names nothing is a problem to be told', () => {
  assert.match(JSON.stringify(parseRtmpUrl('rtmp://h/s', 's', '?token=1', socket)), /names no stream/);
  assert.match(JSON.stringify(parseRtmpUrl('rtmp://h/live', 'live', '../x/..', socket)), /may not be/);
});

test('a million slashes take no time', () => {
  const slashes = '/'.repeat(1_000_000);
  const { url } = { url: '', ...parseRtmpUrl(`rtmp://h${slashes}a${slashes}`, 'a', 's', socket) };
  assert.equal(url, `rtmp://h${slashes}a/s`);
});
