import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parsePlaylist } from '../../containers/m3u8/index.ts';
import { video } from '../../containers/mpegts/frames.fixture.ts';
import { begin, fakeTable, hlsOptions, indexesIn, listed, onDisk, writeGops } from './publish.fixture.ts';
import type { StreamTable } from './stream-table.ts';

function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Resolves when all that was begun is on the disk. */
async function settled(table: StreamTable, streamName = 's'): Promise<void> {
  await table.get(streamName)?.idle;
}

function served(table: StreamTable, streamName = 's') {
  const playlist = table.get(streamName)?.playlist() ?? null;
  return playlist === null ? null : parsePlaylist(playlist.toString());
}

test('segments, both playlists and what is told of them agree at every step', async (t) => {
  const out = tempFolder(t);
  const { table, facts, story } = fakeTable(hlsOptions(`${out}/`));
  const folder = join(out, 's');
  const publication = begin(table);
  assert.equal(table.get('s')?.playlist(), null);
  let at = 0;
  for (let n = 1; n <= 5; n++) {
    at = writeGops(publication, 1, at);
    await settled(table);
    // the last one is being made
    assert.equal(facts.length, 2 * n - 1);
    assert.deepEqual(indexesIn(folder), [...Array(n).keys()]);
    assert.equal(statSync(join(folder, `s-1000000-${n - 1}.ts`)).size, 0);
    const live = onDisk(folder, 'playlist.m3u8');
    assert.deepEqual(listed(live), [...Array(n - 1).keys()].slice(-3).map(String));
    assert.deepEqual(served(table), live);
    assert.equal(onDisk(folder, 'record.m3u8')?.segments.length ?? 0, n - 1);
  }
  publication.end();
  await settled(table);
  assert.deepEqual(story(), ['open 0', ...[0, 1, 2, 3].flatMap((n) => [`close ${n} 1`, `open ${n + 1}`]), 'close 4 1']);
  const live = onDisk(folder, 'playlist.m3u8');
  assert.deepEqual([listed(live), live?.mediaSequence, live?.isEnded], [['2', '3', '4'], 2, true]);
  assert.deepEqual(served(table), live);
  const record = onDisk(folder, 'record.m3u8');
  assert.deepEqual([listed(record), record?.type, record?.isEnded], [['0', '1', '2', '3', '4'], 'event', true]);
  assert.deepEqual(
    readdirSync(folder).filter((file) => !file.endsWith('.ts')),
    ['.cleanup', 'playlist.m3u8', 'record.m3u8'],
  );
  const [, close] = facts;
  assert.deepEqual(close, {
    kind: 'hls_make_ts',
    unixMs: 1_000_000,
    event: 'close',
    streamName: 's',
    cwd: '/cwd',
    tsFile: join(folder, 's-1000000-0.ts'),
    liveM3u8File: join(folder, 'playlist.m3u8'),
    recordM3u8File: join(folder, 'record.m3u8'),
    id: 0,
    durationSec: 1,
  });
});

test('the newest segments are in memory and the same as on the disk; one that is being made is not to be had', async (t) => {
  const out = tempFolder(t);
  const { table } = fakeTable(hlsOptions(out));
  writeGops(begin(table), 7);
  await settled(table);
  const stream = table.get('s');
  const kept = [0, 1, 2, 3, 4, 5, 6].map((n) => stream?.segment(`s-1000000-${n}.ts`));
  assert.deepEqual(
    kept.map((bytes) => (Buffer.isBuffer(bytes) ? 'here' : bytes)),
    [undefined, undefined, undefined, 'here', 'here', 'here', null],
  );
  assert.deepEqual(kept[5], readFileSync(join(out, 's/s-1000000-5.ts')));
});

test('paths are as configured: relative to the working folder where the folder is', async (t) => {
  const out = tempFolder(t);
  const before = process.cwd();
  process.chdir(out);
  t.after(() => process.chdir(before));
  const { table, facts } = fakeTable(hlsOptions('./a/b/'));
  writeGops(begin(table, '中 #1'), 1);
  await settled(table, '中 #1');
  const [fact] = facts;
  assert.ok(fact?.kind === 'hls_make_ts');
  assert.equal(fact.tsFile, 'a/b/中 #1/中 #1-1000000-0.ts');
  assert.equal(fact.liveM3u8File, 'a/b/中 #1/playlist.m3u8');
  assert.ok(existsSync(join(out, fact.tsFile)));
});

test('a stream that comes back goes on with a discontinuity, in this process and in the next', async (t) => {
  const out = tempFolder(t);
  const folder = join(out, 's');
  const first = fakeTable(hlsOptions(out));
  const publication = begin(first.table);
  writeGops(publication, 2);
  publication.end();
  await settled(first.table);
  assert.equal(served(first.table)?.isEnded, true);

  const again = begin(first.table);
  // who looks now sees that it goes on
  assert.equal(served(first.table)?.isEnded, false);
  writeGops(again, 2, 2000);
  await settled(first.table);
  assert.deepEqual(listed(served(first.table)), ['0', '1', 'D2']);
  assert.equal(onDisk(folder, 'record.m3u8')?.isEnded, false);
  again.end();
  await first.table.stop();
  assert.deepEqual(listed(onDisk(folder, 'record.m3u8')), ['0', '1', 'D2', '3']);

  const second = fakeTable(hlsOptions(out));
  const third = begin(second.table);
  await settled(second.table);
  assert.deepEqual(listed(served(second.table)), ['1', 'D2', '3']);
  assert.equal(onDisk(folder, 'playlist.m3u8')?.isEnded, false);
  writeGops(third, 3);
  third.end();
  await second.table.stop();
  const live = onDisk(folder, 'playlist.m3u8');
  assert.deepEqual([listed(live), live?.mediaSequence, live?.discontinuitySequence], [['D4', '5', '6'], 4, 1]);
  const record = onDisk(folder, 'record.m3u8');
  assert.deepEqual([listed(record), record?.isEnded], [['0', '1', 'D2', '3', 'D4', '5', '6'], true]);
  assert.deepEqual(
    second.story().filter((each) => each.startsWith('open')),
    ['open 4', 'open 5', 'open 6'],
  );
});

test('after a crash: what was not finished is not listed, and its number is not used again', async (t) => {
  const out = tempFolder(t);
  const first = fakeTable(hlsOptions(out));
  writeGops(begin(first.table), 3);
  await settled(first.table);
  // nothing is told to an end: the files are as a crash leaves them
  const second = fakeTable(hlsOptions(out));
  writeGops(begin(second.table), 2);
  await settled(second.table);
  assert.deepEqual(listed(onDisk(join(out, 's'), 'playlist.m3u8')), ['0', '1', 'D3']);
  assert.deepEqual(listed(onDisk(join(out, 's'), 'record.m3u8')), ['0', '1', 'D3']);
});

test('a long segment raises the target duration of the record, which stays whole', async (t) => {
  const out = tempFolder(t);
  const { table } = fakeTable(hlsOptions(out));
  const publication = begin(table);
  let at = writeGops(publication, 2);
  for (const dts of [0, 800, 1600, 2400, 3200, 4000]) publication.write(video(at + dts, dts === 0));
  at = writeGops(publication, 2, at + 4800);
  publication.end();
  await settled(table);
  const record = onDisk(join(out, 's'), 'record.m3u8');
  assert.equal(record?.targetSec, 5);
  assert.deepEqual(listed(record), ['0', '1', '2', '3', '4']);
});

test('cleanup never: nothing is deleted; folder: all of it, some time after the end, unless the stream came back', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const cleanup of ['never', 'folder'] as const) {
    const out = tempFolder(t);
    const { table } = fakeTable(hlsOptions(out, { cleanup }));
    const folder = join(out, 's');
    const first = begin(table);
    writeGops(first, 8);
    first.end();
    await settled(table);
    // 1000 ms x (3 + 2)
    t.mock.timers.tick(4900);
    const second = begin(table);
    t.mock.timers.tick(10_000);
    writeGops(second, 1, 8000);
    second.end();
    await settled(table);
    assert.equal(indexesIn(folder).length, 9);
    t.mock.timers.tick(4999);
    assert.notEqual(table.get('s'), null);
    t.mock.timers.tick(1);
    assert.equal(table.get('s'), null);
    await table.stop();
    assert.equal(existsSync(folder), cleanup === 'never');
    if (cleanup === 'never') assert.equal(indexesIn(folder).length, 9);

    // whoever comes now begins anew, or goes on with what is there
    const third = begin(table);
    writeGops(third, 1);
    third.end();
    await settled(table);
    assert.deepEqual(listed(onDisk(folder, 'record.m3u8')).at(-1), cleanup === 'never' ? 'D9' : '0');
  }
});

test('a stream that comes back while its folder is being deleted begins in a new one', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const out = tempFolder(t);
  const { table, story } = fakeTable(hlsOptions(out));
  const first = begin(table);
  writeGops(first, 3);
  first.end();
  await settled(table);
  t.mock.timers.tick(5000);
  writeGops(begin(table), 2);
  await settled(table);
  assert.deepEqual(listed(onDisk(join(out, 's'), 'record.m3u8')), ['0']);
  assert.deepEqual(indexesIn(join(out, 's')), [0, 1]);
  assert.equal(story().filter((each) => each === 'open 0').length, 2);
});

test('what a process was to delete, and ended before, the next one deletes, unless the stream came back', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const out = tempFolder(t);
  for (const [name, cleanup] of [
    ['gone', 'folder'],
    ['back', 'segments'],
    ['kept', 'never'],
  ] as const) {
    const { table } = fakeTable(hlsOptions(out, { cleanup }));
    writeGops(begin(table, name), 2);
    await table.stop();
  }
  mkdirSync(join(out, 'not ours'));
  const { table } = fakeTable(hlsOptions(out));
  await table.start();
  writeGops(begin(table, 'back'), 1);
  t.mock.timers.tick(4999);
  await table.get('back')?.idle;
  assert.deepEqual(readdirSync(out), ['back', 'gone', 'kept', 'not ours']);
  t.mock.timers.tick(1);
  await table.stop();
  assert.deepEqual(readdirSync(out), ['back', 'kept', 'not ours']);
  assert.equal(indexesIn(join(out, 'kept')).length, 2);
});

test('cleanup of segments: those too far behind go at once, there is no record, and the folder goes at the end', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const out = tempFolder(t);
  const folder = join(out, 's');
  const options = hlsOptions(out, { cleanup: 'segments' });
  const before = fakeTable(options);
  writeGops(begin(before.table), 8);
  await settled(before.table);
  // three listed, two behind them, and the one that is being made
  assert.deepEqual(indexesIn(folder), [2, 3, 4, 5, 6, 7]);
  assert.equal(existsSync(join(folder, 'record.m3u8')), false);

  const { table } = fakeTable(options);
  const publication = begin(table);
  writeGops(publication, 3);
  await settled(table);
  assert.deepEqual(listed(served(table)), ['6', 'D8', '9']);
  assert.deepEqual(indexesIn(folder), [5, 6, 7, 8, 9, 10]);
  publication.end();
  writeFileSync(join(folder, 'keep me'), '');
  await settled(table);
  t.mock.timers.tick(5000);
  await table.stop();
  // what is not ours stays, and the folder with it
  assert.deepEqual(readdirSync(folder), ['keep me']);
});

test('in memory: nothing touches the disk, what is kept is bounded, paths are told all the same', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const out = tempFolder(t);
  const { table, facts, story } = fakeTable(hlsOptions(join(out, 'none'), { inMemory: true, cleanup: 'never' }));
  const publication = begin(table);
  writeGops(publication, 9);
  publication.end();
  await settled(table);
  assert.deepEqual(readdirSync(out), []);
  assert.deepEqual(listed(served(table)), ['6', '7', '8']);
  const kept = [...Array(9).keys()].filter((n) => Buffer.isBuffer(table.get('s')?.segment(`s-1000000-${n}.ts`)));
  assert.deepEqual(kept, [4, 5, 6, 7, 8]);
  assert.equal(story().length, 18);
  const [fact] = facts;
  assert.equal(fact?.kind === 'hls_make_ts' && fact.tsFile, join(out, 'none/s/s-1000000-0.ts'));
  t.mock.timers.tick(5000);
  assert.equal(table.get('s'), null);
});

test('a disk that fails costs segments: counted, said once in a while, a gap in the playlist, then it goes on', async (t) => {
  const out = tempFolder(t);
  const folder = join(out, 's');
  writeFileSync(folder, 'in the way');
  const { table, errors, story, clock } = fakeTable(hlsOptions(out));
  const publication = begin(table);
  let at = writeGops(publication, 3);
  await settled(table);
  assert.equal(served(table), null);
  assert.deepEqual(story(), []);
  // the first look at the folder, and then nothing more for 10 s
  assert.equal(errors.length, 1);
  clock.now += 10_000;
  at = writeGops(publication, 1, at);
  await settled(table);
  assert.match(errors[1] ?? '', /segments are lost.*"lost":4/);

  unlinkSync(folder);
  at = writeGops(publication, 3, at);
  await settled(table);
  assert.deepEqual(listed(served(table)), ['0', '1']);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'in the way');
  at = writeGops(publication, 2, at);
  await settled(table);
  unlinkSync(folder);
  writeGops(publication, 3, at);
  await settled(table);
  assert.match(listed(served(table)).join(), /,D\d+,\d+$/);
  // each that was told to be complete was told to be begun, and numbers go up
  const told = story();
  const closed = told.filter((each) => each.startsWith('close')).map((each) => each.split(' ')[1]);
  for (const id of closed) assert.ok(told.indexOf(`open ${id}`) < told.indexOf(`close ${id} 1`), told.join());
  assert.deepEqual(closed, [...closed].sort());
});

test('playlists that cannot be written are with the next segment, and segments are told of when they are listed', async (t) => {
  const out = tempFolder(t);
  const folder = join(out, 's');
  const { table, story, errors } = fakeTable(hlsOptions(out));
  const publication = begin(table);
  let at = writeGops(publication, 2);
  await settled(table);
  unlinkSync(join(folder, 'playlist.m3u8'));
  mkdirSync(join(folder, 'playlist.m3u8/x'), { recursive: true });
  at = writeGops(publication, 2, at);
  await settled(table);
  assert.equal(errors.length, 1);
  assert.deepEqual(
    story().filter((each) => each.startsWith('close')),
    ['close 0 1'],
  );
  rmSync(join(folder, 'playlist.m3u8'), { recursive: true });
  writeGops(publication, 1, at);
  await settled(table);
  assert.deepEqual(listed(onDisk(folder, 'record.m3u8')), ['0', '1', '2', '3']);
  assert.deepEqual(listed(onDisk(folder, 'playlist.m3u8')), ['1', '2', '3']);
  assert.deepEqual(
    story().filter((each) => each.startsWith('close')),
    ['close 0 1', 'close 1 1', 'close 2 1', 'close 3 1'],
  );
});

test('a link in the place of the folder is not followed', async (t) => {
  const out = tempFolder(t);
  const elsewhere = tempFolder(t);
  symlinkSync(elsewhere, join(out, 's'));
  const { table, errors } = fakeTable(hlsOptions(out));
  writeGops(begin(table), 3);
  await settled(table);
  assert.deepEqual(readdirSync(elsewhere), []);
  assert.match(errors.join(), /not a folder/);
});

test('names that cannot be folders have no HLS; the others have their own', async (t) => {
  const out = tempFolder(t);
  const { table } = fakeTable(hlsOptions(out));
  for (const name of ['..', 'a\\b', 'x'.repeat(300)]) assert.throws(() => begin(table, name), /is not taken/);
  for (const name of ['a', 'a-1', 'a-1-0']) writeGops(begin(table, name), 2);
  await table.stop();
  assert.deepEqual(readdirSync(out), ['a', 'a-1', 'a-1-0']);
  for (const name of readdirSync(out)) assert.equal(listed(served(table, name)).length, 1);
});
