import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { poll } from '../../test/support/wait-for.ts';
import type { Frame, Tracks } from '../media/index.ts';
import type { Fact, FrameConsumer, RecordFacts } from '../streams/index.ts';
import { Recorder, type RecorderOptions } from './recorder.ts';

const silent = (): void => {};
const TRACKS: Tracks = {
  video: null,
  audio: { kind: 'audio', codec: 'AAC', config: Buffer.from([0x12, 0x10]), sampleRate: 44_100, channels: 2 },
  metadata: null,
};
const audio = (dts: number, size = 100): Frame => ({
  ...{ kind: 'audio', codec: 'AAC', dts, pts: dts },
  data: Buffer.alloc(size, 1),
});

/** A recorder of a hub in which `s` is published, and what it tells. */
function setUp(t: TestContext, options: Partial<RecorderOptions> = {}) {
  const folder = tempDir(t);
  const facts: Fact[] = [];
  const warnings: string[] = [];
  const clock = { now: Date.UTC(2026, 0, 1), monotonicMs: () => 0, unixMs: () => clock.now };
  const taps = new Set<FrameConsumer>();
  const recorder = new Recorder(
    {
      folders: { flv: join(folder, 'flv'), ts: join(folder, 'ts'), mp4: join(folder, 'mp4') },
      ...{ always: [], splitMs: 0, splitBytes: 0, hevc: 'codec-id-12', retentionMs: 0 },
      ...options,
    },
    {
      clock,
      ledger: { record: (fact) => facts.push(fact) },
      log: { debug: silent, info: silent, warn: (_, message) => warnings.push(message), error: silent },
      appNameOf: () => 'live',
      tap: (streamName, consumer) => {
        if (streamName !== 's') return null;
        taps.add(consumer);
        consumer.setTracks(TRACKS);
        return () => taps.delete(consumer);
      },
    },
  );
  const write = (frame: Frame): void => {
    for (const each of taps) each.write(frame);
  };
  const stops = (): string[] =>
    facts.flatMap((fact) => (fact.kind === 'record_stop' ? [`${fact.durationMs} ms: ${fact.reason}`] : []));
  return { recorder, folder, facts, warnings, clock, taps, write, stops };
}

test('files of one second do not overwrite each other', async (t) => {
  const { recorder, folder, write } = setUp(t, { splitMs: 100 });
  assert.deepEqual(recorder.startRecord('s', 'flv'), { ok: true });
  for (let dts = 0; dts < 300; dts += 50) write(audio(dts));
  await recorder.stop();
  const second = Date.UTC(2026, 0, 1) / 1000;
  assert.deepEqual(
    readdirSync(join(folder, 'flv')).sort(),
    [0, 1, 2].map((n) => `s-${second + n}.flv`),
  );
});

test('each file’s time begins at 0, and frames that belong before its first one are put there', async (t) => {
  const { recorder, folder, write, stops } = setUp(t);
  recorder.startRecord('s', 'flv');
  write(audio(5000));
  write(audio(4990));
  write(audio(5040));
  await recorder.stop();
  const [name = ''] = readdirSync(join(folder, 'flv'));
  const flv = readFileSync(join(folder, 'flv', name));
  const times: number[] = [];
  for (let at = 13; at < flv.length; at += 15 + flv.readUIntBE(at + 1, 3)) times.push(flv.readUIntBE(at + 4, 3));
  assert.deepEqual(times.slice(-3), [0, 0, 40]);
  assert.deepEqual(stops(), ['40 ms: server stopped']);
});

test('a file is split by its bytes', async (t) => {
  const { recorder, write, stops } = setUp(t, { splitBytes: 1000 });
  recorder.startRecord('s', 'flv');
  for (let dts = 0; dts < 250; dts += 50) write(audio(dts, 600));
  await recorder.stop();
  assert.equal(stops()[0], '50 ms: split');
});

test('a record ends where it is told, once; one more can begin', async (t) => {
  const { recorder, taps, write, stops } = setUp(t);
  recorder.startRecord('s', 'mp4');
  assert.deepEqual(recorder.startRecord('s', 'mp4'), {
    ...{ ok: false, reason: 'stream s is being recorded as mp4 already' },
  });
  write(audio(0));
  assert.equal(recorder.stopRecord('s', 'flv'), 0);
  assert.equal(recorder.stopRecord('s', null), 1);
  assert.equal(recorder.stopRecord('s', null), 0);
  assert.equal(taps.size, 0);
  assert.deepEqual(recorder.startRecord('s', 'mp4'), { ok: true });
  await recorder.stop();
  assert.deepEqual(stops(), ['0 ms: stopped']);
});

test('what cannot be recorded is refused with its reason', async (t) => {
  const { recorder, facts } = setUp(t);
  const reason = (name: string): string => {
    const result = recorder.startRecord(name, 'flv');
    return result.ok ? 'recorded' : result.reason;
  };
  assert.equal(reason('other'), 'nobody publishes other');
  assert.match(reason('..'), /its name cannot be a file's/);
  assert.match(reason('a\\b'), /backslash/);
  assert.match(reason('x'.repeat(201)), /201 bytes; allowed are 200/);
  await recorder.stop();
  assert.deepEqual(facts, []);
});

test('a folder that cannot be made ends the record without an event', async (t) => {
  const { recorder, folder, write, facts } = setUp(t);
  writeFileSync(join(folder, 'flv'), 'a file where the folder should be');
  recorder.startRecord('s', 'flv');
  write(audio(0));
  await recorder.stop();
  assert.deepEqual(facts, []);
});

test('old files are deleted, by the time of their last byte; running ones and other files are not', async (t) => {
  const { recorder, folder, clock, write } = setUp(t, { retentionMs: 3_600_000 });
  const flv = join(folder, 'flv');
  mkdirSync(flv);
  const age = (name: string, ms: number): void => {
    if (!existsSync(join(flv, name))) writeFileSync(join(flv, name), 'x');
    utimesSync(join(flv, name), new Date(clock.now - ms), new Date(clock.now - ms));
  };
  age('a-1700000000.flv', 3_600_001);
  age('b-1700000000.flv', 3_599_000);
  age('notes.txt', 9_999_999);
  age('c-1700000000.ts', 9_999_999);
  recorder.startRecord('s', 'flv');
  write(audio(0));
  await poll(
    'the running file has bytes',
    () => recorder.list('s'),
    ([file]) => file !== undefined && file.bytes > 0,
  );
  age(`s-${clock.now / 1000}.flv`, 9_999_999);
  await recorder.sweep();
  assert.deepEqual(readdirSync(flv).sort(), [
    'b-1700000000.flv',
    'c-1700000000.ts',
    'notes.txt',
    `s-${clock.now / 1000}.flv`,
  ]);
  await recorder.stop();
});

test('what a crash left open ends with the bytes that are on disk, also where the file is gone', async (t) => {
  const { recorder, folder, facts, clock } = setUp(t);
  const left = (name: string): RecordFacts => ({
    ...{ streamName: 's', appName: 'live', format: 'flv', path: join(folder, name) },
    startUnixMs: clock.now - 60_000,
  });
  const [there, gone] = [left('there.flv'), left('gone.flv')];
  writeFileSync(there.path, 'half a record');
  utimesSync(there.path, new Date(clock.now), new Date(clock.now - 20_000));
  await recorder.endLeft([there, gone]);
  const end = { kind: 'record_stop', unixMs: clock.now, reason: 'server crashed' };
  assert.deepEqual(facts, [
    { ...end, ...there, durationMs: 40_000, bytes: 13 },
    { ...end, ...gone, durationMs: 0, bytes: 0 },
  ]);
});

test('what admission wants recorded is, once: no complaint where it is recorded already', async (t) => {
  const { recorder, write, stops, warnings } = setUp(t);
  recorder.want('s', 'flv');
  write(audio(0));
  // the publisher was lost, and is back
  recorder.want('s', 'flv');
  recorder.want('s', 'mp4');
  write(audio(40));
  assert.deepEqual(warnings, []);
  recorder.want('other', 'flv');
  assert.deepEqual(warnings, ['not recorded, though admission wants it: nobody publishes other']);
  await recorder.stop();
  assert.deepEqual(stops().sort(), ['0 ms: server stopped', '40 ms: server stopped']);
});

test('other options count for the records that begin; how long files stay counts for all', async (t) => {
  const { recorder, folder, clock, write } = setUp(t);
  assert.deepEqual(recorder.startRecord('s', 'flv'), { ok: true });
  write(audio(0));
  const folders = { flv: join(folder, 'other'), ts: join(folder, 'ts'), mp4: join(folder, 'mp4') };
  const rest = { splitMs: 0, splitBytes: 0, hevc: 'codec-id-12' as const, retentionMs: 0 };
  recorder.update({ folders, always: ['flv'], ...rest });
  write(audio(100));
  recorder.stopRecord('s', null);
  const consumer = recorder.consume({
    ...{ streamName: 's', appName: 'live' },
    session: {
      ...{ sessionId: 'P', protocol: 'RTMP', baseType: 'PUB', remoteAddr: '', url: '', appName: 'live' },
      ...{ streamName: 's', urlParam: '' },
    },
  });
  consumer?.setTracks(TRACKS);
  consumer?.write(audio(0));
  await recorder.stop();
  assert.deepEqual([readdirSync(join(folder, 'flv')).length, readdirSync(folders.flv).length], [1, 1]);

  clock.now = Date.now() + 7_200_000;
  await recorder.sweep();
  assert.equal(readdirSync(folders.flv).length, 1);
  recorder.update({ folders, always: [], ...rest, retentionMs: 3_600_000 });
  await recorder.sweep();
  assert.equal(readdirSync(folders.flv).length, 0);
});
