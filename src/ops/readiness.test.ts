/** Tests of readiness: each phase, and what is remarked though the server serves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readiness } from './readiness.ts';

test('only a server that takes sessions is ready', () => {
  let remark = '';
  const readiness = new Readiness(() => remark);
  assert.deepEqual(readiness.answer(), { isReady: false, text: 'not ready: the server is starting' });
  readiness.phase = 'ready';
  assert.deepEqual(readiness.answer(), { isReady: true, text: 'ready' });
  remark = 'the disk is full';
  assert.deepEqual(readiness.answer(), { isReady: true, text: 'ready, but the disk is full' });
  readiness.phase = 'draining';
  assert.deepEqual(readiness.answer(), { isReady: false, text: 'not ready: the server takes no new sessions' });
  readiness.phase = 'stopping';
  assert.deepEqual(readiness.answer(), { isReady: false, text: 'not ready: the server is stopping' });
  assert.equal(readiness.isReady, false);
});
