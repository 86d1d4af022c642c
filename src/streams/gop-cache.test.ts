/** What the cache of frames may take of the memory, whatever a publisher sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GopCache } from './gop-cache.ts';
import { audio, video, videoTracks } from './hub.fixture.ts';

/** More than this of one-byte frames would take far more memory than their bytes. */
const MANY = 300_000;

test('frames of a byte are not kept without end', () => {
  const cache = new GopCache(1, 0);
  cache.push(video(0, true), true, videoTracks);
  let kept = 1;
  while (kept < MANY && !cache.push(audio(kept), false, videoTracks)) kept++;
  assert.ok(kept < MANY, `${kept} frames kept`);
  assert.deepEqual(cache.gops, []);
});

test('tracks that change without a frame between them are kept once, with the last ones', () => {
  const cache = new GopCache(1, 0);
  cache.push(video(0, true), true, videoTracks);
  const last = { ...videoTracks };
  for (const tracks of [{ ...videoTracks }, { ...videoTracks }, last]) cache.setTracks(tracks);
  assert.equal(cache.gops[0]?.items.length, 2);
  assert.equal(cache.gops[0]?.items.at(-1), last);
});

test('tracks that change with every frame count with all their bytes', () => {
  const cache = new GopCache(1, 0);
  cache.push(video(0, true), true, videoTracks);
  const metadata = Buffer.alloc(16 * 1024 * 1024);
  let changes = 0;
  do cache.setTracks({ ...videoTracks, metadata });
  while (!cache.push(audio(++changes), false, videoTracks) && changes < 10);
  assert.equal(changes, 4);
});
