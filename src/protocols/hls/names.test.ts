import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameProblem, parsePath, segmentFile, segmentIndex } from './names.ts';

test('a path names a stream and what of it, or nothing', () => {
  const rows: [string, string | null][] = [
    ['cam.m3u8', 'playlist cam playlist.m3u8'],
    ['cam/playlist.m3u8', 'playlist cam playlist.m3u8'],
    ['cam/record.m3u8', 'playlist cam record.m3u8'],
    ['record.m3u8', 'playlist record playlist.m3u8'],
    ['cam/ll.m3u8', 'low latency cam ll.m3u8'],
    ['cam/ll-x-1.m4s', 'low latency cam ll-x-1.m4s'],
    ['cam/cam-1795578890790-0.ts', 'segment cam cam-1795578890790-0.ts'],
    ['cam-1795578890790-12.ts', 'segment cam cam-1795578890790-12.ts'],
    ['x/a-1-2-1795578890790-12.ts', 'segment a-1-2 a-1-2-1795578890790-12.ts'],
    ['中文 a/中文 a-1-0.ts', 'segment 中文 a 中文 a-1-0.ts'],
    ['.m3u8', 'playlist  playlist.m3u8'],
    ['..\n-1-0.ts', 'segment ..\n ..\n-1-0.ts'],
    ['cam', null],
    ['live/ll-cam.flv', null],
    ['cam/', null],
    ['', null],
    ['cam.ts', null],
    ['cam/other.m3u8', null],
    ['cam/cam-1.ts', null],
    ['cam/playlist.m3u8.unfinished', null],
    ['a/cam/playlist.m3u8', null],
    ['../cam/playlist.m3u8', null],
  ];
  for (const [path, wanted] of rows) {
    const parsed = parsePath(path);
    assert.equal(parsed === null ? null : `${parsed.what} ${parsed.streamName} ${parsed.file}`, wanted, path);
  }
});

test('names that could lead elsewhere, or are too long for a file, are refused with the reason', () => {
  for (const name of ['cam', 'a..b', '...', '.hidden', '中文 流%', '%2e%2e', 'x'.repeat(200), '#a?b&c']) {
    assert.equal(nameProblem(name), null, name);
  }
  for (const name of ['.', '..', 'a/b', '..\\x', 'a\0', 'a\nb', '\x7f']) {
    assert.equal(nameProblem(name)?.couldClimb, true, JSON.stringify(name));
  }
  assert.match(nameProblem('x'.repeat(201))?.reason ?? '', /201 bytes; allowed are 200/);
  assert.match(nameProblem('中'.repeat(67))?.reason ?? '', /201 bytes/);
  assert.match(nameProblem('\ud800')?.reason ?? '', /well-formed/);
  assert.equal(nameProblem('')?.couldClimb, false);
});

test('the name of a segment is read back, and by no other stream', () => {
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 50 }).filter((each) => nameProblem(each) === null);
  fc.assert(
    fc.property(name, name, fc.nat(), fc.nat(), (stream, other, unixMs, index) => {
      const file = segmentFile(stream, unixMs, index);
      assert.equal(segmentIndex(stream, file), index);
      if (other !== stream) assert.equal(segmentIndex(other, file), null);
      assert.deepEqual(parsePath(file), { what: 'segment', streamName: stream, file });
      assert.deepEqual(parsePath(`${stream}/${file}`), { what: 'segment', streamName: stream, file });
    }),
  );
});
