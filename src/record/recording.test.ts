/** Records of a hub's publications: what a publisher's odd beginning, or a fault of one record, does to it and to others. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { type Frame, h264Track, type Tracks } from '../media/index.ts';
import { fakeHub, publishTo } from '../streams/hub.fixture.ts';
import { createFileMuxer, type RecordFormat } from './formats.ts';
import { Recorder } from './recorder.ts';

const H264 = h264Track([Buffer.from('6742c01ed90280bfe5c05a808080a0000003002000000651e2c5d4', 'hex')], []);
const PCMA = { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 } as const;
const BOTH: Tracks = { video: H264, audio: PCMA, metadata: null };
const sound = (dts: number): Frame => ({ kind: 'audio', codec: 'PCMA', dts, pts: dts, data: Buffer.alloc(160) });
const picture = (dts: number, key: boolean): Frame => ({
  ...{ kind: 'video', codec: 'H264', dts, pts: dts, key },
  data: Buffer.of(0, 0, 0, 2, key ? 0x65 : 0x41, 5),
});

/** A hub that records all in these formats; `stops` has one line for each file, `troubles` what was logged. */
async function recorded(t: TestContext, always: readonly RecordFormat[]) {
  const folder = tempDir(t);
  const stops: string[] = [];
  const troubles: string[] = [];
  const note = (_: object, message: string): void => void troubles.push(message);
  const recorder = new Recorder(
    {
      folders: { flv: join(folder, 'flv'), ts: join(folder, 'ts'), mp4: join(folder, 'mp4') },
      ...{ always, splitMs: 0, splitBytes: 0, hevc: 'codec-id-12', retentionMs: 0 },
    },
    {
      clock: { monotonicMs: () => 0, unixMs: () => Date.UTC(2026, 0, 1) },
      ledger: {
        record: (fact) => {
          if (fact.kind === 'record_stop') stops.push(`${fact.format} ${fact.durationMs} ms: ${fact.reason}`);
        },
      },
      log: { debug: () => {}, info: () => {}, warn: note, error: note },
      tap: () => null,
      appNameOf: () => 'live',
    },
  );
  const { registry, errors } = fakeHub({}, { ok: true }, [(publication) => recorder.consume(publication)]);
  return { recorder, publisher: await publishTo(registry, 'PUB1'), stops, troubles, errors };
}

test('sound that a format cannot hold comes first: the picture after it is recorded', async (t) => {
  const { recorder, publisher, stops, troubles } = await recorded(t, ['ts', 'flv', 'mp4']);
  publisher.setTracks({ ...BOTH, video: null });
  for (const dts of [0, 20]) publisher.write(sound(dts));
  publisher.setTracks(BOTH);
  for (let dts = 40; dts <= 240; dts += 40) publisher.write(picture(dts, dts === 40));
  publisher.close('peer closed');
  await recorder.stop();
  assert.deepEqual(stops.sort(), [
    'flv 240 ms: publication ended',
    'mp4 200 ms: publication ended',
    'ts 200 ms: publication ended',
  ]);
  assert.deepEqual(troubles, Array(2).fill('not recorded: the format can hold none of its tracks'));
});

test('what never comes to tracks that fit is not recorded, and said once', async (t) => {
  const { recorder, publisher, stops, troubles } = await recorded(t, ['ts']);
  for (let dts = 0; dts < 100; dts += 20) {
    publisher.setTracks({ ...BOTH, video: null });
    publisher.write(sound(dts));
  }
  publisher.close('peer closed');
  await recorder.stop();
  assert.deepEqual([stops, troubles.length], [[], 1]);
});

test('a fault in one record ends it, its file closed; others go on', async (t) => {
  const { recorder, publisher, stops, troubles, errors } = await recorded(t, ['mp4', 'flv']);
  publisher.setTracks({ ...BOTH, audio: null });
  for (let dts = 0; dts < 3000; dts += 500) {
    // only fragments need it
    if (dts === 2000) {
      t.mock.method(Buffer.prototype, 'writeBigUInt64BE', () => {
        throw new Error('a fault');
      });
    }
    publisher.write(picture(dts, dts % 1000 === 0));
  }
  publisher.close('peer closed');
  await recorder.stop();
  assert.deepEqual(stops.sort(), ['flv 2500 ms: publication ended', 'mp4 2000 ms: failed: a fault of the server']);
  assert.deepEqual(troubles, ['a fault of the server ended a record; its stream goes on']);
  assert.deepEqual(errors, [], 'the hub saw nothing of it');
});

test('frames of a byte whose time stands still do not wait for a fragment without end', () => {
  const muxer = createFileMuxer('mp4', { ...BOTH, audio: null }, 'codec-id-12');
  let waiting = 0;
  while (waiting < 100_000 && muxer?.write(picture(0, waiting === 0)).length === 0) waiting++;
  assert.ok(waiting < 100_000, `${waiting} frames wait`);
});
