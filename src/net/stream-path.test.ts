import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_NAME_LENGTH, parseStreamPath, withoutEndSlashes } from './stream-path.ts';

test('the last slash parts app and stream', () => {
  const rows: [string, string, string][] = [
    ['/live/test110', 'live', 'test110'],
    ['live/test110', 'live', 'test110'],
    ['/a/b/s', 'a/b', 's'],
    ['//live//s', 'live', 's'],
    ['/s', '', 's'],
    ['s', '', 's'],
    ['/live/中文 流%', 'live', '中文 流%'],
    ['/live/a..b', 'live', 'a..b'],
  ];
  for (const [path, appName, streamName] of rows)
    assert.deepEqual(parseStreamPath(path), { appName, streamName }, path);
});

test('what names no stream, or could climb out of a folder, is refused with the reason', () => {
  assert.match(JSON.stringify(parseStreamPath('/live/')), /names no stream/);
  assert.match(JSON.stringify(parseStreamPath('')), /names no stream/);
  for (const path of ['/live/..', '/../s', '/live/.', '/a/../s', '/live/a\0b']) {
    assert.match(JSON.stringify(parseStreamPath(path)), /may not be/, path);
  }
  assert.match(
    JSON.stringify(parseStreamPath(`/live/${'x'.repeat(MAX_NAME_LENGTH + 1)}`)),
    /1025 characters; allowed are 1024/,
  );
});

test('a million slashes take no time', () => {
  const slashes = '/'.repeat(1_000_000);
  assert.deepEqual(parseStreamPath(`${slashes}a${slashes}s`), { appName: 'a', streamName: 's' });
  assert.match(JSON.stringify(parseStreamPath(`a${slashes}b/s`)), /a name has 1000002 characters/);
  assert.equal(withoutEndSlashes(`${slashes}a${slashes}`), `${slashes}a`);
  assert.equal(withoutEndSlashes(slashes), '');
});
