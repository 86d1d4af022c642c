/** HLS as a real player meets it, and the segments that are on the disk behind it, compared with what was told of them. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { decodeStrict, type FfmpegPublisher, probeLines, publish, type SourceName } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { type Millrace, startServer } from '../support/millrace.ts';
import { run } from '../support/process.ts';
import { type Callback, type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const scope = fileScope();
const out = tempDir(scope);
let server: Millrace;
let receiver: Receiver;

before(async () => {
  receiver = await startReceiver(scope);
  server = await startServer(scope, {
    http_notify: receiver.config({ on_hls_make_ts: receiver.url('on_hls_make_ts') }),
    hls: { enable: true, out_path: out, fragment_duration_ms: 1000, fragment_num: 4, cleanup_mode: 0 },
  });
});

/** Publishes, and resolves when the server knows it; its first segment is still to come. */
async function begin(t: TestContext, at: Millrace, stream: string, name: SourceName): Promise<FfmpegPublisher> {
  const publisher = publish(t, at.url('rtmp', `live/${stream}`), name);
  await at.log.waitFor(`publisher of ${stream}`, (line) => line['stream'] === stream && line['type'] === 'PUB');
  return publisher;
}

/** Callbacks of one stream's segments, in order. */
function told(stream: string, event: 'open' | 'close'): Callback[] {
  return receiver
    .ofStream(stream)
    .filter((callback) => callback.event === 'on_hls_make_ts' && callback.body['event'] === event);
}

/** Resolves when the segment with this number is complete. */
function complete(stream: string, id: number): Promise<Callback> {
  return receiver.callbacks.waitFor(
    `segment ${id} of ${stream}`,
    ({ body }) => body['stream_name'] === stream && body['event'] === 'close' && body['id'] === id,
  );
}

interface PacketTime {
  readonly stream: string;
  /** Seconds. */
  readonly dts: number;
}

async function packetTimes(t: TestContext, file: string): Promise<PacketTime[]> {
  const args = ['-v', 'error', '-show_entries', 'packet=stream_index,dts_time', '-of', 'csv=p=0', file];
  const { stdout } = await run(t, 'ffprobe', args);
  const lines = stdout.toString().matchAll(/^(\d+),([\d.]+)/gm);
  return Array.from(lines, ([, stream = '', dts]) => ({ stream, dts: Number(dts) }));
}

/** Fails unless each segment decodes alone, and they follow on each other packet by packet. */
async function assertSegmentsJoin(t: TestContext, files: readonly string[], streams: readonly string[]): Promise<void> {
  const last = new Map<string, number>();
  for (const file of files) {
    const bytes = readFileSync(file);
    await decodeStrict(t, bytes);
    assert.deepEqual(await probeLines(t, bytes), streams);
    for (const { stream, dts } of await packetTimes(t, file)) {
      const step = dts - (last.get(stream) ?? dts - 0.01);
      assert.ok(step > 0 && step < 0.06, `${file}: stream ${stream} goes to ${dts} by ${step} s`);
      last.set(stream, dts);
    }
  }
  const whole = join(tempDir(t), 'whole.ts');
  writeFileSync(whole, Buffer.concat(files.map((file) => readFileSync(file))));
  const { code, stdout, stderr } = await run(t, 'tshark', ['-r', whole, '-Y', 'mp2t.cc.drop']).catch(() => NO_TSHARK);
  if (code !== null) assert.deepEqual([code, stdout.toString()], [0, ''], stderr);
}

const NO_TSHARK = { code: null, stdout: Buffer.alloc(0), stderr: '' };

test('ffmpeg plays live for 20 s without a complaint; segments, playlists and callbacks agree', async (t) => {
  const publisher = await begin(t, server, 'tv', 'h264-bframes-aac');
  const strict = ['-v', 'repeat+warning', '-xerror', '-err_detect', 'explode', '-t', '20'];
  const played = await run(t, 'ffmpeg', [...strict, '-i', server.url('http', 'hls/tv.m3u8'), '-f', 'null', '-']);
  assert.deepEqual([played.code, played.stderr], [0, '']);
  await publisher.stop();
  const folder = join(out, 'tv');
  const record = await poll(
    'the record ends',
    async () => readFileSync(join(folder, 'record.m3u8'), 'utf8'),
    (text) => text.endsWith('#EXT-X-ENDLIST\n'),
  );
  const live = readFileSync(join(folder, 'playlist.m3u8'), 'utf8');
  assert.match(live, /^#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:\d+\n/);
  const names = [...record.matchAll(/^tv-\d+-\d+\.ts$/gm)].map(([name]) => name);
  assert.ok(names.length >= 8, record);
  await complete('tv', names.length - 1);
  assert.deepEqual(
    [...live.matchAll(/^tv-\d+-\d+\.ts$/gm)].map(([name]) => name),
    names.slice(-4),
  );
  assert.deepEqual(readdirSync(folder).sort(), [...names, 'playlist.m3u8', 'record.m3u8'].sort());

  const opened = told('tv', 'open');
  const closed = told('tv', 'close');
  assert.deepEqual(
    closed.map(({ body }) => body['ts_file']),
    names.map((name) => join(folder, name)),
  );
  const durations = [...record.matchAll(/^#EXTINF:(\d+\.\d{3}),$/gm)].map(([, seconds]) => Number(seconds));
  assert.deepEqual(
    closed.map(({ body }) => body['duration']),
    durations,
  );
  for (const [id, { body, index }] of closed.entries()) {
    assert.deepEqual([body['id'], opened[id]?.body['id'], opened[id]?.body['duration']], [id, id, 0]);
    assert.ok((opened[id]?.index ?? Number.POSITIVE_INFINITY) < index);
    assert.equal(body['live_m3u8_file'], join(folder, 'playlist.m3u8'));
    assert.equal(body['record_m3u8_file'], join(folder, 'record.m3u8'));
  }
  assert.ok(
    durations.slice(0, -1).every((seconds) => Math.abs(seconds - 2) < 0.002),
    durations.join(),
  );
  await assertSegmentsJoin(
    t,
    names.map((name) => join(folder, name)),
    ['h264 1280x720', 'aac 48000'],
  );
  // what is over is played to its end, from the disk
  await decodeStrict(t, server.url('http', 'hls/tv/record.m3u8'), 60);
});

for (const [what, source, streams] of [
  ['sound alone', 'aac-only', ['aac 48000']],
  ['a picture alone', 'h264-only', ['h264 1280x720']],
] as const satisfies readonly (readonly [string, SourceName, readonly string[]])[]) {
  test(`${what} is played and joins`, async (t) => {
    await begin(t, server, source, source);
    await decodeStrict(t, server.url('http', `hls/${source}/playlist.m3u8`), 5);
    const folder = join(out, source);
    await complete(source, 3);
    const files = told(source, 'close').map(({ body }) => String(body['ts_file']));
    assert.ok(files.every((file) => file.startsWith(folder)));
    await assertSegmentsJoin(t, files, streams);
  });
}

test('files are served by the rules of HTTP', async (t) => {
  publish(t, server.url('rtmp', 'live/web'), 'h264-aac');
  await complete('web', 4);
  const playlistUrl = server.url('http', 'hls/web.m3u8');
  const playlist = await fetch(playlistUrl, { headers: { 'Accept-Encoding': 'identity' } });
  assert.equal(playlist.headers.get('content-type'), 'application/vnd.apple.mpegurl');
  assert.equal(playlist.headers.get('cache-control'), 'no-cache');
  assert.equal(playlist.headers.get('access-control-allow-origin'), '*');
  const text = await playlist.text();
  assert.equal(playlist.headers.get('content-length'), String(Buffer.byteLength(text)));

  const record = new HttpPlayer(t, server.url('http', 'hls/web/record.m3u8'), {
    headers: ['Accept-Encoding: gzip', 'Connection: close'],
  });
  const { headers } = await record.head();
  if (headers['content-encoding'] === 'gzip') {
    await record.closed();
    assert.match(gunzipSync(record.bodyNow()).toString(), /^#EXTM3U/);
  }
  // the oldest is no longer in memory, the newest is
  const names = [...text.matchAll(/^web-\d+-\d+\.ts$/gm)].map(([name]) => name);
  for (const name of [names[0], names.at(-1)]) {
    const file = readFileSync(join(out, 'web', name ?? ''));
    const url = server.url('http', `hls/web/${name}`);
    const whole = await fetch(url);
    assert.equal(whole.headers.get('content-type'), 'video/mp2t');
    assert.match(whole.headers.get('cache-control') ?? '', /immutable/);
    assert.ok(Buffer.from(await whole.arrayBuffer()).equals(file));
    assert.ok(Buffer.from(await (await fetch(server.url('http', `hls/${name}`))).arrayBuffer()).equals(file));
    const part = await fetch(url, { headers: { Range: 'bytes=188-375' } });
    assert.equal(part.status, 206);
    assert.equal(part.headers.get('content-range'), `bytes 188-375/${file.length}`);
    assert.ok(Buffer.from(await part.arrayBuffer()).equals(file.subarray(188, 376)));
    const head = await fetch(url, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(file.length)]);
    const etag = whole.headers.get('etag') ?? '';
    assert.equal((await fetch(url, { headers: { 'If-None-Match': etag } })).status, 304);
    assert.equal((await fetch(url, { headers: { Range: `bytes=${file.length}-` } })).status, 416);
  }
});

test('nothing outside of the folder is read, and what is not there is said not to be', async (t) => {
  writeFileSync(join(out, 'secret-1-0.ts'), 'secret');
  symlinkSync('/etc', join(out, 'etc'));
  symlinkSync(join(out, 'secret-1-0.ts'), join(out, 'link-1-0.ts'));
  const rows: [string, number][] = [
    ['hls/..%2f..%2fetc%2fpasswd.m3u8', 404],
    ['hls/../../etc/passwd', 404],
    ['hls/%2e%2e/playlist.m3u8', 404],
    ['hls/%2e%2e%2fsecret-1-0.ts', 404],
    ['hls/secret-1-0.ts', 404],
    ['hls/link-1-0.ts', 404],
    ['hls/etc/playlist.m3u8', 404],
    ['hls/a%00/playlist.m3u8', 404],
    ['hls/a%5c..%5c..%5cx.m3u8', 404],
    ['hls/nobody.m3u8', 404],
    ['hls/nobody/record.m3u8', 404],
    ['hls/tv/none.ts', 404],
    ['hls/tv/tv-1-0.ts', 404],
    ['hls/.m3u8', 400],
    [`hls/${'x'.repeat(300)}.m3u8`, 400],
  ];
  for (const [path, status] of rows) {
    const player = new HttpPlayer(t, server.url('http', path), { headers: ['Connection: close'] });
    assert.equal((await player.head()).status, status, path);
    await player.closed();
    assert.doesNotMatch(player.bodyNow().toString(), /^secret|root:/);
  }
});

test('a stream that comes back, also after a restart, goes on in its folder; mode 2 keeps it small', async (t) => {
  const folder = join(tempDir(t), 'hls');
  const config = {
    hls: { enable: true, out_path: folder, fragment_duration_ms: 1000, fragment_num: 2, delete_threshold: 1 },
  };
  const segments = (): string[] => readdirSync(join(folder, 's')).filter((file) => file.endsWith('.ts'));
  const indexes = (): number[] => segments().map((file) => Number(/-(\d+)\.ts$/.exec(file)?.[1]));
  const highest = (): Promise<number> => Promise.resolve(existsSync(join(folder, 's')) ? Math.max(...indexes()) : -1);

  const first = await startServer(t, { hls: { ...config.hls, cleanup_mode: 2 } });
  publish(t, first.url('rtmp', 'live/s'), 'h264-640x360');
  await poll('segment 5', highest, (index) => index >= 5);
  const early = await publishAgain(first, t);
  assert.equal(early, 'taken');
  assert.ok(segments().length <= 5, segments().join());
  assert.ok(!existsSync(join(folder, 's/record.m3u8')));
  await first.stop();
  const before = await highest();

  const second = await startServer(t, { hls: { ...config.hls, cleanup_mode: 1 } });
  const publisher = publish(t, second.url('rtmp', 'live/s'), 'h264-640x360');
  await poll('segments of the next process', highest, (index) => index >= before + 3);
  const live = await (await fetch(second.url('http', 'hls/s.m3u8'))).text();
  const record = readFileSync(join(folder, 's/record.m3u8'), 'utf8');
  assert.match(record, new RegExp(`^s-\\d+-${before + 1}\\.ts$`, 'm'));
  assert.match(live, /#EXT-X-MEDIA-SEQUENCE:[1-9]/);
  assert.equal(new Set(indexes()).size, indexes().length);
  await publisher.stop();
  // 1 s x (2 + 1) after its end
  await poll(
    'the folder is deleted',
    async () => existsSync(join(folder, 's')),
    (isThere) => !isThere,
  );
  assert.equal((await fetch(second.url('http', 'hls/s.m3u8'))).status, 404);
});

/** A second publisher of the stream is refused, and the first goes on. */
async function publishAgain(at: Millrace, t: TestContext): Promise<'taken' | 'let in'> {
  const { finished } = publish(t, at.url('rtmp', 'live/s'), 'h264-640x360');
  const { code } = await finished;
  return code === 0 ? 'let in' : 'taken';
}

test('from memory it is the same, and nothing is on the disk', async (t) => {
  const folder = join(tempDir(t), 'none');
  const own = await startServer(t, {
    hls: {
      ...{ enable: true, out_path: folder, fragment_duration_ms: 1000, fragment_num: 3 },
      use_memory_as_disk_flag: true,
    },
  });
  await begin(t, own, 's', 'h264-bframes-aac');
  await decodeStrict(t, own.url('http', 'hls/s.m3u8'), 6);
  assert.equal((await fetch(own.url('http', 'hls/s/record.m3u8'))).status, 404);
  assert.ok(!existsSync(folder));
});
