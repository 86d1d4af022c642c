/** Records: in every format, by configuration and by API, split, through a crash, on a full disk. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountDisk } from '../support/disk.ts';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { type Config, GOPS_CACHED, Millrace, startProcess, startServer, writeConfig } from '../support/millrace.ts';
import { type Callback, type Receiver, startReceiver } from '../support/receiver.ts';
import { type Scope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const FORMATS = ['flv', 'ts', 'mp4'] as const;
const RECORDED = ['h264 640x360', 'aac 48000'];

/** Everything below one folder. */
function into(folder: string, receiver: Receiver, record: Config = {}, own: Config = {}): Config {
  return {
    ...GOPS_CACHED,
    http_notify: receiver.config(),
    record: { flv_out_path: join(folder, 'flv'), mpegts_out_path: join(folder, 'ts'), ...record },
    millrace: {
      notify: { ...receiver.ownConfig(), outbox_path: join(folder, 'outbox.db') },
      record: { mp4_out_path: join(folder, 'mp4'), ...own },
    },
  };
}

/** Waits until that many bytes are on disk. */
function untilBytes(path: string, bytes: number): Promise<number> {
  return poll(
    `${bytes} bytes of ${path}`,
    () => Promise.resolve(statSync(path).size),
    (size) => size >= bytes,
  );
}

/** The callbacks of one stream's records, start and stop of each file side by side. */
async function fileOf(receiver: Receiver, stream_name: string, format: string): Promise<Callback> {
  return receiver.waitFor('on_record_start', { stream_name, format });
}

async function checkPlays(t: Scope, path: string): Promise<void> {
  assert.deepEqual(await probeLines(t, path), RECORDED);
  await decodeStrict(t, readFileSync(path));
}

test('what is configured is recorded from the first key frame to the end, and told of', async (t) => {
  const receiver = await startReceiver(t);
  const folder = tempDir(t);
  const always = { enable_flv: true, enable_mpegts: true };
  const server = await startServer(t, into(folder, receiver, always, { enable_mp4: true }));
  const publisher = publish(t, server.url('rtmp', 'live/all'), 'h264-640x360');
  const files = await Promise.all(FORMATS.map((format) => fileOf(receiver, 'all', format)));
  for (const { body } of files) await untilBytes(String(body['path']), 500_000);
  await publisher.stop();
  for (const { body } of files) {
    const { path, format } = body;
    const stop = await receiver.waitFor('on_record_stop', { path });
    assert.deepEqual(Object.keys(stop.body), [
      ...['server_id', 'stream_name', 'app_name', 'format', 'path', 'start_time', 'duration', 'bytes', 'reason'],
    ]);
    assert.match(String(path), new RegExp(`/${format}/all-\\d{10}\\.${format}$`));
    assert.deepEqual([stop.body['reason'], stop.body['bytes']], ['publication ended', statSync(String(path)).size]);
    await checkPlays(t, String(path));
    const { stdout } = { stdout: execFileSync('ffprobe', [...PROBE, String(path)], { encoding: 'utf8' }) };
    const probed = JSON.parse(stdout) as { format: { start_time: string; duration?: string } };
    // MPEG-TS begins a little later, so that its clock can be ahead of it
    assert.ok(Number(probed.format.start_time) < 2, `starts at ${probed.format.start_time}`);
    const duration = Number(stop.body['duration']);
    if (format !== 'flv') assert.ok(Math.abs(Number(probed.format.duration) - duration) < 0.2, `${format} ${stdout}`);
  }
  const list = (await server.api('/api/record/list?stream_name=all')).data as { total: number; files: object[] };
  assert.equal(list.total, 3);
  assert.equal((await server.api('/api/record/list?stream_name=none')).data?.['total'], 0);
});

const PROBE = ['-v', 'error', '-show_entries', 'format=start_time,duration', '-of', 'json'];

test('the API starts and stops a record of a running stream', async (t) => {
  const receiver = await startReceiver(t);
  const server = await startServer(t, into(tempDir(t), receiver));
  const start = (fields: object) => server.api('/api/record/start', fields);
  assert.equal((await start({ stream_name: 'asked', format: 'mp4' })).error_code, 1001);
  publish(t, server.url('rtmp', 'live/asked'), 'h264-bframes-aac');
  await receiver.waitFor('on_pub_start', { stream_name: 'asked' });
  for (const fields of [{}, { stream_name: 'asked' }, { stream_name: 'asked', format: 'avi' }, { stream_name: 7 }]) {
    assert.equal((await start(fields)).error_code, 1002, JSON.stringify(fields));
  }
  for (const format of FORMATS) assert.equal((await start({ stream_name: 'asked', format })).error_code, 0);
  assert.equal((await start({ stream_name: 'asked', format: 'mp4' })).error_code, 2003);
  for (const format of FORMATS) {
    const { body } = await fileOf(receiver, 'asked', format);
    await untilBytes(String(body['path']), 300_000);
    const { files } = (await server.api('/api/record/list')).data as { files: { is_running: boolean }[] };
    assert.ok(files.some((file) => file.is_running));
    assert.deepEqual((await server.api('/api/record/stop', { stream_name: 'asked', format })).data, { stopped: 1 });
    const stop = await receiver.waitFor('on_record_stop', { path: body['path'] });
    assert.equal(stop.body['reason'], 'stopped');
    assert.deepEqual(await probeLines(t, String(body['path'])), ['h264 1280x720', 'aac 48000']);
    await decodeStrict(t, readFileSync(String(body['path'])));
  }
  assert.equal((await server.api('/api/record/stop', { stream_name: 'asked' })).error_code, 1003);
});

test('a record is split at key frames, without a gap', async (t) => {
  const receiver = await startReceiver(t);
  const server = await startServer(
    t,
    into(tempDir(t), receiver, { enable_flv: true }, { enable_mp4: true, split_duration_sec: 2 }),
  );
  const publisher = publish(t, server.url('rtmp', 'live/split'), 'h264-640x360');
  for (const format of ['flv', 'mp4']) {
    const first = await receiver.waitFor('on_record_stop', { stream_name: 'split', format });
    const second = await receiver.waitFor('on_record_stop', { stream_name: 'split', format }, first.index + 1);
    for (const { body } of [first, second]) {
      assert.equal(body['reason'], 'split');
      assert.ok(Math.abs(Number(body['duration']) - 2) < 0.1, `${body['duration']} s`);
      await checkPlays(t, String(body['path']));
      const { stdout } = { stdout: execFileSync('ffprobe', [...COUNT, String(body['path'])], { encoding: 'utf8' }) };
      assert.equal(Number(stdout), 60, `${format}: a key frame every 60 frames, and all of them are there`);
    }
  }
  await publisher.stop();
});

const COUNT = [
  ...['-v', 'error', '-select_streams', 'v', '-count_packets'],
  ...['-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0'],
];

test('what was recorded when the server was killed plays, and gets its stop at the next start', async (t) => {
  const receiver = await startReceiver(t);
  const folder = tempDir(t);
  const config = into(folder, receiver, { enable_flv: true, enable_mpegts: true }, { enable_mp4: true });
  const file = writeConfig(t, config);
  const first = new Millrace(startProcess(t, ['-c', file, '-p', folder]));
  await first.ready();
  publish(t, first.url('rtmp', 'live/killed'), 'h264-640x360');
  const files = await Promise.all(FORMATS.map((format) => fileOf(receiver, 'killed', format)));
  for (const { body } of files) await untilBytes(String(body['path']), 500_000);
  await first.kill();
  const second = new Millrace(startProcess(t, ['-c', file, '-p', folder]));
  await second.ready();
  for (const { body } of files) {
    const path = String(body['path']);
    const stop = await receiver.waitFor('on_record_stop', { path });
    assert.deepEqual([stop.body['reason'], stop.body['bytes']], ['server crashed', statSync(path).size]);
    assert.deepEqual(await probeLines(t, path), RECORDED);
    // the write that the kill cut off may have left half a tag or packet; whole MP4 fragments are written at once
    await decodeStrict(t, path, 2);
  }
  await second.stop();
});

test('a start that fails after a kill leaves the records’ stops to the next one, and none comes twice', async (t) => {
  const receiver = await startReceiver(t);
  const folder = tempDir(t);
  const config = into(folder, receiver, { enable_flv: true, enable_mpegts: true });
  const startWith = (more: Config = {}) =>
    new Millrace(startProcess(t, ['-c', writeConfig(t, { ...config, ...more }), '-p', folder]));
  const first = startWith();
  await first.ready();
  publish(t, first.url('rtmp', 'live/again'), 'h264-640x360');
  const files = await Promise.all([fileOf(receiver, 'again', 'flv'), fileOf(receiver, 'again', 'ts')]);
  await first.kill();

  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const failed = startWith({ rtmp: { enable: true, addr: `127.0.0.1:${port}` } });
  assert.equal((await failed.finished).code, 1);

  for (const isFirst of [true, false]) {
    const server = startWith();
    await server.ready();
    if (isFirst) for (const { body } of files) await receiver.waitFor('on_record_stop', { path: body['path'] });
    await server.stop();
  }
  const stops = receiver.ofStream('again').filter(({ event }) => event === 'on_record_stop');
  assert.deepEqual(
    stops.map(({ body }) => [body['path'], body['reason']]).sort(),
    files.map(({ body }) => [body['path'], 'server crashed']).sort(),
  );
});

test('a full disk ends the record, not the stream', async (t) => {
  const receiver = await startReceiver(t);
  const folder = tempDir(t);
  const small = mountDisk(t, 1024 * 1024);
  if (small === null) return t.skip('mounting a tmpfs takes root');
  const server = await startServer(t, into(folder, receiver, { enable_flv: true, flv_out_path: small }));
  publish(t, server.url('rtmp', 'live/full'), 'h264-640x360');
  const stop = await receiver.waitFor('on_record_stop', { stream_name: 'full' });
  assert.match(String(stop.body['reason']), /^failed: ENOSPC/);
  assert.ok(server.log.all.some(({ msg }) => msg === 'a record failed; its stream goes on'));
  await decodeStrict(t, server.url('http', 'live/full.flv'), 2);
});
