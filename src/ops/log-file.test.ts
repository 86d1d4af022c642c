/** Tests of the log's file: appending, rotation, removal of old files, and faults that must not reach who logs. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogFile, type LogFileOptions } from './log-file.ts';

const evening = new Date(2001, 10, 24, 23, 59, 0).getTime();
const MINUTE_MS = 60_000;

interface Bench {
  readonly folder: string;
  readonly filename: string;
  readonly clock: { now: number };
  readonly reports: string[];
  open(options?: Partial<LogFileOptions>): LogFile;
  read(name: string): string;
}

function bench(t: TestContext): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const filename = join(folder, 'logs', 'a.log');
  const clock = { now: evening };
  const reports: string[] = [];
  return {
    folder,
    filename,
    clock,
    reports,
    open: (options = {}) => {
      const file = new LogFile({
        filename,
        rotate: 'never',
        maxRotateDays: 0,
        unixMs: () => clock.now,
        report: (sentence) => reports.push(sentence),
        ...options,
      });
      t.after(() => file.close());
      return file;
    },
    read: (name) => readFileSync(join(folder, 'logs', name), 'utf8'),
  };
}

test('creates its folder and appends to what is there; a line is on the file at once', (t) => {
  const { open, read, reports } = bench(t);
  const first = open();
  first.write('one\n');
  assert.equal(read('a.log'), 'one\n');
  first.close();
  const second = open();
  second.write('zwei 你好\n');
  assert.equal(read('a.log'), 'one\nzwei 你好\n');
  assert.deepEqual(reports, []);
});

test('after close a line is dropped and nothing throws', (t) => {
  const { open, read } = bench(t);
  const file = open();
  file.write('one\n');
  file.close();
  file.close();
  file.write('late\n');
  assert.equal(read('a.log'), 'one\n');
});

test('daily: each day has its own file, named by the day of its lines; no line is lost', (t) => {
  const { open, read, clock, folder } = bench(t);
  const file = open({ rotate: 'daily' });
  file.write('24th\n');
  clock.now += 2 * MINUTE_MS;
  file.write('25th\n');
  clock.now += 48 * 60 * MINUTE_MS;
  file.write('27th\n');
  assert.deepEqual(readdirSync(join(folder, 'logs')).sort(), ['a.log', 'a.log.20011124', 'a.log.20011125']);
  assert.equal(read('a.log.20011124'), '24th\n');
  assert.equal(read('a.log.20011125'), '25th\n');
  assert.equal(read('a.log'), '27th\n');
});

test('hourly: an hour that comes twice does not overwrite the first', (t) => {
  const { open, read, clock } = bench(t);
  const file = open({ rotate: 'hourly' });
  file.write('23h\n');
  clock.now += MINUTE_MS;
  file.write('0h\n');
  file.close();
  clock.now = evening;
  const again = open({ rotate: 'hourly' });
  again.write('23h again\n');
  clock.now += MINUTE_MS;
  again.write('next\n');
  assert.equal(read('a.log.2001112423'), '23h\n');
  assert.equal(read('a.log.2001112423.1'), '0h\n23h again\n');
  assert.equal(read('a.log'), 'next\n');
});

test('a clock that is put back rotates nothing', (t) => {
  const { open, read, clock } = bench(t);
  const file = open({ rotate: 'daily' });
  file.write('one\n');
  clock.now -= 3 * 24 * 60 * MINUTE_MS;
  file.write('two\n');
  assert.equal(read('a.log'), 'one\ntwo\n');
});

test('what an earlier run left gets the name of its own day', (t) => {
  const { open, read, filename, folder } = bench(t);
  mkdirSync(join(folder, 'logs'));
  writeFileSync(filename, 'old\n');
  const day = new Date(2001, 10, 20, 12);
  utimesSync(filename, day, day);
  open({ rotate: 'daily' }).write('new\n');
  assert.equal(read('a.log.20011120'), 'old\n');
  assert.equal(read('a.log'), 'new\n');
});

test('rotated files older than maxRotateDays go, at the start and at each rotation', (t) => {
  const { open, clock, folder, filename } = bench(t);
  mkdirSync(join(folder, 'logs'));
  for (const day of ['20011121', '20011122', '20011123']) writeFileSync(`${filename}.${day}`, '');
  const file = open({ rotate: 'daily', maxRotateDays: 2 });
  assert.deepEqual(readdirSync(join(folder, 'logs')).sort(), ['a.log', 'a.log.20011122', 'a.log.20011123']);
  file.write('24th\n');
  clock.now += 2 * MINUTE_MS;
  file.write('25th\n');
  assert.deepEqual(readdirSync(join(folder, 'logs')).sort(), ['a.log', 'a.log.20011123', 'a.log.20011124']);
});

test('a file that cannot be opened is reported once, tried again, and its return is told with the loss', (t) => {
  const { open, read, clock, reports, filename } = bench(t);
  mkdirSync(filename, { recursive: true });
  const file = open();
  for (let i = 0; i < 5; i++) {
    clock.now += 2000;
    file.write('lost\n');
  }
  assert.equal(reports.length, 1);
  assert.match(reports[0] ?? '', /a\.log could not be opened: EISDIR/);
  rmdirSync(filename);
  clock.now += 2000;
  file.write('back\n');
  assert.equal(read('a.log'), 'back\n');
  assert.equal(reports.length, 2);
  assert.match(reports[1] ?? '', /a\.log is written again; 5 lines were lost/);
});

test('a file that cannot be opened is left alone for a second', (t) => {
  const { open, clock, filename } = bench(t);
  mkdirSync(filename, { recursive: true });
  const file = open();
  rmdirSync(filename);
  clock.now += 999;
  file.write('lost\n');
  assert.equal(existsSync(filename), false);
  clock.now += 1;
  file.write('back\n');
  assert.equal(readFileSync(filename, 'utf8'), 'back\n');
});

test('a full disk is reported once and throws nothing', { skip: !existsSync('/dev/full') }, (t) => {
  const { open, reports } = bench(t);
  const file = open({ filename: '/dev/full' });
  for (let i = 0; i < 3; i++) file.write('lost\n');
  assert.equal(reports.length, 1);
  assert.match(reports[0] ?? '', /could not be written: ENOSPC/);
});

test('a rotated name that cannot be had: lines go on into the old file', (t) => {
  const { open, read, clock, reports, filename, folder } = bench(t);
  const file = open({ rotate: 'daily', filename: `${filename.slice(0, -5)}${'n'.repeat(250)}` });
  file.write('one\n');
  clock.now += 2 * MINUTE_MS;
  file.write('two\n');
  file.write('three\n');
  assert.equal(read('n'.repeat(250)), 'one\ntwo\nthree\n');
  assert.equal(readdirSync(join(folder, 'logs')).length, 1);
  assert.equal(reports.length, 1);
  assert.match(reports[0] ?? '', /could not be rotated: ENAMETOOLONG/);
});

test('a file that someone deleted is made anew at the next rotation', (t) => {
  const { open, read, clock, filename } = bench(t);
  const file = open({ rotate: 'daily' });
  file.write('one\n');
  rmSync(filename);
  clock.now += 2 * MINUTE_MS;
  file.write('two\n');
  assert.equal(read('a.log'), 'two\n');
});

test('leaves no descriptor open over a hundred rotations', (t) => {
  const { open, clock, folder } = bench(t);
  const lowestFree = (): number => {
    const fd = openSync(folder, 'r');
    closeSync(fd);
    return fd;
  };
  const before = lowestFree();
  const file = open({ rotate: 'hourly' });
  for (let i = 0; i < 100; i++) {
    clock.now += 60 * MINUTE_MS;
    file.write('line\n');
  }
  file.close();
  assert.equal(lowestFree(), before);
});
