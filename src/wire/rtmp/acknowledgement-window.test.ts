/** When acknowledgements are due. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AcknowledgementWindow } from './acknowledgement-window.ts';

test('none before the peer asks, then one each half window, counting from the start', () => {
  const window = new AcknowledgementWindow();
  assert.equal(window.received(3000), null);
  window.setWindow(10_000);
  assert.equal(window.received(1999), null);
  assert.equal(window.received(1), 5000);
  assert.equal(window.received(4999), null);
  assert.equal(window.received(20_000), 29_999);
  window.setWindow(0);
  assert.equal(window.received(1_000_000), null);
});

test('sequence numbers wrap at 2^32', () => {
  const window = new AcknowledgementWindow();
  window.setWindow(100);
  assert.equal(window.received(0xffffffff), 0xffffffff);
  assert.equal(window.received(101), 100);
});
