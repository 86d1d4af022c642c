import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentBase, controlUrl, namesControl, parseStreamUrl, splitTrackUrl } from './url.ts';

test('the stream of a URL', () => {
  const rows: readonly (readonly [url: string, app: string, stream: string, query: string])[] = [
    ['rtsp://h/live/s', 'live', 's', ''],
    ['rtsp://h:5544/live/s/?a=b', 'live', 's', 'a=b'],
    ['rtsp://h/a/b/s%20t?x=/y/z', 'a/b', 's t', 'x=/y/z'],
    ['RTSPS://h/live/100%', 'live', '100%', ''],
    ['ws://h/live/s', 'live', 's', ''],
    ['/live/s?q', 'live', 's', 'q'],
  ];
  for (const [url, appName, streamName, urlParam] of rows) {
    assert.deepEqual(parseStreamUrl(url), { url, appName, streamName, urlParam });
  }
  const withUser = parseStreamUrl('rtsp://u:p@ss@h/live/s?t=a@b');
  assert.deepEqual(withUser, { url: 'rtsp://h/live/s?t=a@b', appName: 'live', streamName: 's', urlParam: 't=a@b' });
  for (const url of ['rtsp://h', 'rtsp://h/', '*', 'rtsp://h/live/..', 'rtsp://h/a/%2e%2e/s', 'rtsp://h/live/%00']) {
    const found = parseStreamUrl(url);
    if (url !== '*') assert.ok('problem' in found, url);
  }
});

test('a control joined to a URL in any of the ways that clients have', () => {
  assert.deepEqual(splitTrackUrl('rtsp://h/live/s/trackID=1'), { url: 'rtsp://h/live/s', track: 1 });
  assert.deepEqual(splitTrackUrl('rtsp://h/live/s/trackID=12?a=b'), { url: 'rtsp://h/live/s?a=b', track: 12 });
  assert.deepEqual(splitTrackUrl('rtsp://h/live/s/?a=b/trackID=0'), { url: 'rtsp://h/live/s/?a=b', track: 0 });
  assert.deepEqual(splitTrackUrl('rtsp://h/live/trackID=0'), { url: 'rtsp://h/live', track: 0 });
  assert.equal(splitTrackUrl('rtsp://h/live/trackID=0x'), null);
  assert.equal(splitTrackUrl('rtsp://h/live/s'), null);

  for (const url of ['rtsp://h/s?a=b/streamid=1', 'rtsp://h/s/streamid=1?a=b', 'rtsp://h/s/streamid=1']) {
    assert.ok(namesControl(url, 'streamid=1'), url);
    assert.ok(!namesControl(url, 'streamid=0'), url);
    assert.ok(!namesControl(url, 'streamid='), url);
  }
  assert.ok(!namesControl('rtsp://h/s/stream=10', 'stream=1'));
  assert.ok(namesControl('rtsp://h/x', 'rtsp://h/x'));

  assert.equal(contentBase('rtsp://h/live/s'), 'rtsp://h/live/s/');
  assert.equal(contentBase('rtsp://h/live/s/?a=b/'), 'rtsp://h/live/s/?a=b/');
  assert.equal(controlUrl('rtsp://h/s/', 'trackID=0'), 'rtsp://h/s/trackID=0');
  assert.equal(controlUrl('rtsp://h/s', 'trackID=0'), 'rtsp://h/s/trackID=0');
  assert.equal(controlUrl('rtsp://h/s', 'rtsp://other/t'), 'rtsp://other/t');
  assert.equal(controlUrl('rtsp://h/s', '*'), 'rtsp://h/s');
  assert.equal(controlUrl('rtsp://h/s', null), 'rtsp://h/s');
});

test('a million slashes take no time', () => {
  const slashes = '/'.repeat(1_000_000);
  assert.match(JSON.stringify(parseStreamUrl(`rtsp://h/a${slashes}b/s`)), /a name has 1000002 characters/);
  assert.equal(contentBase(`rtsp://h/a${slashes}s/`), `rtsp://h/a${slashes}s/`);
});
