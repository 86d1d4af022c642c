/** The library from within: streams that the program makes, admission and events as functions, and the controls. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ConfigFile,
  type CustomizePublisher,
  createServer,
  ElementaryReader,
  type MillraceServer,
  type ServerEvent,
  type ServerOptions,
} from '../../src/index.ts';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { film } from '../support/ps.ts';
import { startReceiver } from '../support/receiver.ts';
import { type Scope, tempDir } from '../support/temp-dir.ts';
import { Arrivals, poll } from '../support/wait-for.ts';

const CONFIG = {
  rtmp: { enable: true, addr: '127.0.0.1:0', gop_num: 1 },
  rtsp: { enable: true, addr: '127.0.0.1:0' },
  default_http: { http_listen_addr: '127.0.0.1:0' },
  httpflv: { enable: true, gop_num: 1 },
  httpts: { enable: true, gop_num: 1 },
} satisfies ConfigFile;

async function running(scope: Scope, options: Partial<ServerOptions> = {}): Promise<MillraceServer> {
  const server = createServer({ config: CONFIG, ...options });
  scope.after(() => server.stop());
  await server.start();
  return server;
}

const rtmp = (server: MillraceServer, path: string): string => `rtmp://127.0.0.1:${server.port('rtmp')}/${path}`;
const http = (server: MillraceServer, path: string): string => `http://127.0.0.1:${server.port('http')}/${path}`;

/** Feeds a camera's film at its own pace until the scope ends. */
function feed(scope: Scope, publisher: CustomizePublisher, video: 'h264' | 'h265'): void {
  const media = film(video, 'aac', 4);
  const reader = new ElementaryReader();
  const startedAt = performance.now();
  let next = 0;
  const timer = setInterval(() => {
    for (;;) {
      const round = Math.floor(next / media.frames.length);
      const frame = media.frames[next % media.frames.length];
      if (frame === undefined) return;
      const ms = (frame.ticks + round * media.durationTicks) / 90;
      if (ms > performance.now() - startedAt) return;
      next++;
      const codec = video === 'h264' ? 'H264' : 'H265';
      const events = frame.kind === 'video' ? reader.pushVideo(codec, frame.data, ms) : reader.pushAac(frame.data, ms);
      for (const event of events) {
        if (event.kind === 'tracks') publisher.setTracks(event.tracks);
        else if (event.kind === 'frame') publisher.write(event.frame);
      }
    }
  }, 10);
  scope.after(() => clearInterval(timer));
}

for (const [video, codec, isInFlv] of [
  ['h264', 'h264', true],
  // this ffmpeg knows no H265 in FLV
  ['h265', 'hevc', false],
] as const) {
  test(`a stream of ${codec} that the program makes is played by ffmpeg`, async (t) => {
    const server = await running(t);
    const added = await server.addPublisher({ streamName: 'made' });
    assert.ok(added.ok);
    feed(t, added.publisher, video);
    const urls = [
      ...(isInFlv ? [rtmp(server, 'live/made'), http(server, 'live/made.flv')] : []),
      http(server, 'live/made.ts'),
      `rtsp://127.0.0.1:${server.port('rtsp')}/live/made`,
    ];
    for (const url of urls) {
      const options = url.startsWith('rtsp') ? ['-rtsp_transport', 'tcp'] : [];
      const [picture, sound] = await probeLines(t, url, options);
      assert.equal(picture, `${codec} 320x240`, url);
      assert.match(sound ?? '', /^aac /, url);
    }
    await decodeStrict(t, http(server, 'live/made.ts'), 2);
    const { pub } = server.stats.group('made') ?? {};
    assert.deepEqual([pub?.session_id, pub?.protocol], ['CUSTOMIZEPUB1', 'CUSTOMIZE']);
    assert.equal(server.ctrl.kickSession('made', added.publisher.id), true);
    assert.equal(added.publisher.closed, true);
    assert.equal(server.stats.group('made'), null);
  });
}

test('functions decide who publishes and plays what, HLS included, and refusals reach the client', async (t) => {
  const dir = tempDir(t);
  const asked: string[] = [];
  const server = await running(t, {
    config: {
      ...CONFIG,
      hls: { enable: true, url_pattern: '/hls/', use_memory_as_disk_flag: true, sub_session_hash_key: 'k' },
      millrace: { record: { mp4_out_path: join(dir, 'mp4') } },
    },
    admission: {
      publish: ({ urlParam, streamName }) => {
        if (urlParam !== 'key=1') return { ok: false, reason: 'no such key' };
        return { ok: true, streamName: `${streamName}-of-anna`, record: 'mp4' };
      },
      play: async ({ protocol, streamName, urlParam }) => {
        asked.push(`${protocol} ${streamName}`);
        return urlParam === 'friend' || { ok: false, reason: 'friends only' };
      },
    },
  });
  assert.notEqual((await publish(t, rtmp(server, 'live/tv?key=2'), 'h264-640x360').finished).code, 0);
  publish(t, rtmp(server, 'live/tv?key=1'), 'h264-640x360');
  await poll(
    'the stream under its name',
    async () => server.stats.allGroup().map(({ stream_name }) => stream_name),
    (names) => names.join() === 'tv-of-anna',
  );
  for (const path of ['live/tv-of-anna.flv', 'live/tv-of-anna.ts', 'hls/tv-of-anna.m3u8']) {
    const response = await fetch(http(server, path));
    assert.deepEqual([response.status, (await response.text()).trim()], [403, 'friends only'], path);
  }
  assert.equal((await fetch(http(server, 'hls/tv-of-anna.m3u8?friend'))).status, 200);
  assert.deepEqual(await probeLines(t, http(server, 'live/tv-of-anna.flv?friend')), ['h264 640x360', 'aac 48000']);
  assert.deepEqual(asked, [
    ...['FLV tv-of-anna', 'TS tv-of-anna', 'HLS tv-of-anna'],
    ...['HLS tv-of-anna', 'FLV tv-of-anna'],
  ]);
  const [file] = await server.record.list('tv-of-anna');
  assert.deepEqual([file?.format, file?.isRunning], ['mp4', true]);
  assert.equal(server.record.stop('tv-of-anna', 'mp4'), 1);
  assert.deepEqual(server.record.start('nobody', 'flv'), { ok: false, reason: 'there is no stream nobody' });
});

test('the function gets what the receiver gets, in the same order, and the events of the end', async (t) => {
  const receiver = await startReceiver(t);
  const events = new Arrivals<ServerEvent>(({ event, streamName }) => `${event} ${streamName}`);
  const notify = receiver.config() as ConfigFile['http_notify'] & object;
  const server = await running(t, {
    config: { ...CONFIG, http_notify: notify, millrace: { notify: { outbox_path: join(tempDir(t), 'outbox.db') } } },
    onEvent: async (event) => {
      await sleep(1);
      events.add(event);
    },
  });
  const publisher = publish(t, rtmp(server, 'live/both'), 'h264-640x360');
  await events.waitFor('on_pub_start', ({ event }) => event === 'on_pub_start');
  await publisher.stop();
  await events.waitFor('on_pub_stop', ({ event }) => event === 'on_pub_stop');
  const added = await server.addPublisher({ streamName: 'last' });
  assert.ok(added.ok);
  await server.stop();
  const handed = events.all.filter(({ event }) => event !== 'on_update');
  assert.deepEqual(
    handed.map(({ event, body }) => `${event} ${JSON.stringify(body)}`),
    receiver.callbacks.all.map(({ event, raw }) => `${event} ${raw}`),
  );
  const last = handed.at(-1);
  assert.ok(last?.event === 'on_pub_stop' && last.reason === 'server stopped' && last.streamName === 'last');
});

test('a server without a listener serves its program, and another one starts where one failed', async (t) => {
  const silent = await running(t, { config: {} });
  const frames = new Arrivals<number>(String);
  assert.ok((await silent.addHook('inside', { onFrame: ({ dts }) => frames.add(dts) })).ok);
  const added = await silent.addPublisher({ streamName: 'inside' });
  assert.ok(added.ok);
  added.publisher.write({ kind: 'audio', codec: 'PCMA', dts: 20, pts: 20, data: Buffer.alloc(160) });
  assert.deepEqual(frames.all, [20]);

  const first = await running(t);
  const port = first.port('rtmp');
  const failing = createServer({ config: { ...CONFIG, rtmp: { enable: true, addr: `127.0.0.1:${port}` } } });
  await assert.rejects(failing.start(), /^Error: rtmp\.addr: .*in use/);
  await first.stop();
  const second = await running(t, { config: { rtmp: { enable: true, addr: `127.0.0.1:${port}` } } });
  assert.equal(second.port('rtmp.addr'), port);
  assert.equal(second.port('http'), null);
});

test('before its start and after its stop a server refuses; it can be started once', async () => {
  const server = createServer({ config: CONFIG });
  const refused = { ok: false, reason: 'the server is not running' };
  const hook = { onFrame: (): void => {} };
  assert.deepEqual(
    [await server.addPublisher({ streamName: 'a' }), await server.addHook('a', hook)],
    [refused, refused],
  );
  await server.start();
  assert.throws(() => server.start(), /started once/);
  await Promise.all([server.stop(), server.stop()]);
  assert.deepEqual(
    [await server.addPublisher({ streamName: 'a' }), await server.addHook('a', hook)],
    [refused, refused],
  );
  assert.throws(() => server.start(), /started once/);
});

test('options and arguments of a wrong type are named, with what is allowed', async (t) => {
  const wrongs: [object, RegExp][] = [
    [{}, /^ConfigError: the configuration cannot be used:\n {2}the configuration: found nothing, allowed: an object$/],
    [{ config: 'nowhere.json' }, /nowhere\.json cannot be read: there is no such file/],
    [{ config: {}, onEvent: 5 }, /^TypeError: onEvent: found 5 \(number\), allowed: a function$/],
    [{ config: {}, admission: { play: true } }, /admission\.play: found true \(boolean\), allowed: a function/],
    [{ config: {}, log: {} }, /log\.debug: found undefined/],
  ];
  for (const [options, message] of wrongs) {
    assert.throws(
      () => createServer(options as ServerOptions),
      (error) => message.test(String(error)),
    );
  }
  const { ctrl } = await running(t, { config: {} });
  assert.throws(
    () => ctrl.startRelayPull({ url: 'rtmp://h/a/b', pullRetryNum: -2 }),
    /pullRetryNum: found -2 \(number\)/,
  );
  assert.throws(() => ctrl.addIpBlacklist('nowhere', 1), /ip: found "nowhere" \(string\), allowed: an IPv4 or IPv6/);
  assert.throws(() => ctrl.addIpBlacklist('127.0.0.1', 0.5), /durationSec: found 0.5/);
  await assert.rejects(ctrl.startRtpPub({ streamName: 'a', port: 65_536 }), /port: found 65536/);
  assert.equal(ctrl.startRelayPull({ url: 'ftp://h/a/b' }).ok, false);
  assert.deepEqual([ctrl.kickSession('a', 'B'), ctrl.stopRelayPull('a')], [false, null]);
});

test('a blocked address is refused, and a GB28181 port is opened and kicked', async (t) => {
  const server = await running(t);
  server.ctrl.addIpBlacklist('127.0.0.1', 60);
  assert.equal((await fetch(http(server, 'live/a.flv'))).status, 403);
  const opened = await server.ctrl.startRtpPub({ streamName: 'camera' });
  assert.ok(opened.ok && opened.port >= 30_000);
  assert.equal(server.stats.group('camera')?.pub.session_id, opened.sessionId);
  assert.equal(server.ctrl.kickSession('camera', opened.sessionId), true);
  assert.match(server.stats.lalInfo().bin_info, /^Millrace /);
});
