import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatByName } from './formats.ts';

test('every format is found by the name that it bears', () => {
  const enhanced = ['rtmp-enhanced', 'flv-enhanced', 'ws-flv-enhanced'];
  for (const name of ['rtmp', 'flv', 'ws-flv', ...enhanced, 'ts', 'ws-ts', 'rtp-0-2', 'rtp-none-4', 'rtp-6-none']) {
    assert.equal(formatByName(name)?.name, name);
  }
  for (const name of ['', 'mp4', 'rtp-0', 'rtp-x-2', 'rtp-0-2-4', 'constructor'])
    assert.equal(formatByName(name), null);
});
