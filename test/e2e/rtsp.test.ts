/** RTSP in by TCP and UDP, out by every protocol; RTMP in, RTSP out; in sync, and decoded without a complaint. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../support/flv.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { run, start } from '../support/process.ts';
import { audioDelayMs, probePackets, publishRtsp } from '../support/rtsp.ts';
import { fileScope, tempDir } from '../support/temp-dir.ts';
import { makeCertificate } from '../support/tls.ts';
import { withPatience } from '../support/wait-for.ts';

const PLAYED = ['h264 1280x720', 'aac 48000'];
/** Audio and video may be this far apart. */
const IN_SYNC_MS = 40;

const scope = fileScope();
let server: Millrace;

before(async () => {
  const { certFile, keyFile } = makeCertificate(scope);
  server = await startServer(scope, {
    ...GOPS_CACHED,
    rtsp: {
      ...{ enable: true, addr: '127.0.0.1:0', rtsps_enable: true, rtsps_addr: '127.0.0.1:0' },
      ...{ rtsps_cert_file: certFile, rtsps_key_file: keyFile },
    },
  });
  publishRtsp(scope, server.url('rtsp', 'live/tcp'), 'h264-aac', 'tcp');
  publishRtsp(scope, server.url('rtsp', 'live/udp'), 'h264-aac', 'udp');
  publishRtsp(scope, server.url('rtsp', 'live/reordered'), 'h264-bframes-aac', 'tcp');
  publish(scope, server.url('rtmp', 'live/rtmp'), 'h264-bframes-aac');
  for (const stream of ['tcp', 'udp', 'reordered', 'rtmp']) {
    await server.log.waitFor(`the publisher of ${stream}`, (line) => line['stream'] === stream);
  }
});

/** ffmpeg takes the way of RTP from what looks like a query, and does not send it on. */
function urls(stream: string): string[] {
  return [
    server.url('rtmp', `live/${stream}`),
    server.url('http', `live/${stream}.flv`),
    server.url('http', `live/${stream}.ts`),
    server.url('rtsp', `live/${stream}?tcp`),
    server.url('rtsp', `live/${stream}?udp`),
    server.url('rtsps', `live/${stream}`),
  ];
}

describe('what ffprobe and ffmpeg find', { concurrency: 2 }, () => {
  for (const stream of ['tcp', 'udp', 'reordered', 'rtmp']) {
    for (const [i, way] of ['RTMP', 'HTTP-FLV', 'HTTP-TS', 'RTSP by TCP', 'RTSP by UDP', 'RTSPS'].entries()) {
      test(`${way} of ${stream}`, async (t) => {
        const url = urls(stream)[i] ?? '';
        assert.deepEqual(await probeLines(t, url), PLAYED);
        await decodeStrict(t, url, 3);
      });
    }
  }
});

for (const stream of ['tcp', 'udp', 'reordered']) {
  test(`what came by RTSP (${stream}) goes out steadily and in sync`, async (t) => {
    const player = new HttpPlayer(t, server.url('http', `live/${stream}.flv`));
    const bytes = await player.body(600_000);
    assertSteadyTime(readFlv(bytes), 100);
    const file = join(tempDir(t), 'out.flv');
    writeFileSync(file, bytes);
    const name = stream === 'reordered' ? 'h264-bframes-aac' : 'h264-aac';
    const delay = await audioDelayMs(t, await probePackets(t, file), name);
    assert.ok(Math.abs(delay) <= IN_SYNC_MS, `audio is ${delay} ms late`);
  });
}

for (const way of ['tcp', 'udp']) {
  test(`what came by RTMP with B-frames goes out by RTSP (${way}) steadily and in sync`, async (t) => {
    const packets = await probePackets(t, server.url('rtsp', `live/rtmp?${way}`), 4);
    for (const kind of ['video', 'audio'] as const) {
      const times = packets
        .filter((packet) => packet.kind === kind)
        .map(({ dtsMs }) => dtsMs)
        .filter((time) => !Number.isNaN(time));
      assert.ok(times.length > 60, `${times.length} packets of ${kind}`);
      const steps = times.slice(1).map((time, i) => time - (times[i] ?? time));
      assert.ok(Math.min(...steps) >= 0 && Math.max(...steps) <= 100, `${kind} steps ${steps.join(' ')}`);
    }
    const delay = await audioDelayMs(t, packets, 'h264-bframes-aac');
    assert.ok(Math.abs(delay) <= IN_SYNC_MS, `audio is ${delay} ms late`);
  });
}

describe('GStreamer', () => {
  const launch = async (t: Parameters<typeof run>[0], line: string): Promise<void> => {
    const { code, stderr } = await withPatience(run(t, 'gst-launch-1.0', line.split(' ')), () => 'gst-launch hung');
    if (code === 0) return;
    // once it has what it wanted rtspsrc may close its connection before it sends PAUSE over it, and then complains
    const faults = stderr.match(/^Could not .*/gm) ?? [];
    assert.ok(
      faults.length > 0 && faults.every((fault) => /send message\. \(Received end-of-file\)/.test(fault)),
      stderr,
    );
    for (const { msg, session, reason } of server.log.all) {
      if (msg === 'session stopped' && /^RTSPSUB/.test(String(session))) assert.equal(reason, 'peer closed', stderr);
    }
  };
  for (const way of ['tcp', 'udp']) {
    test(`plays video and audio by ${way}`, async (t) => {
      const from = `-q rtspsrc location=${server.url('rtsp', 'live/rtmp')} protocols=${way} name=s`;
      await launch(t, `${from} s. ! rtph264depay ! h264parse ! avdec_h264 ! fakesink num-buffers=50 sync=false`);
      await launch(t, `${from} s. ! rtpmp4gdepay ! aacparse ! avdec_aac ! fakesink num-buffers=50 sync=false`);
    });
    test(`publishes by ${way}`, async (t) => {
      const stream = `gst-${way}`;
      const video =
        'videotestsrc is-live=true num-buffers=900 ! video/x-raw,width=1280,height=720,framerate=30/1 ! ' +
        'x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! h264parse ! s.';
      const audio =
        'audiotestsrc is-live=true num-buffers=1400 ! audio/x-raw,rate=48000 ! audioconvert ! avenc_aac ! aacparse ! s.';
      const sink = `-e rtspclientsink name=s protocols=${way} location=${server.url('rtsp', `live/${stream}`)}`;
      // it is ended with the test: at its own end rtspclientsink hangs now and then
      start(t, 'gst-launch-1.0', `${sink} ${video} ${audio}`.split(/\s+/));
      await server.log.waitFor('the GStreamer publisher', (line) => line['stream'] === stream);
      await decodeStrict(t, server.url('rtsp', `live/${stream}?tcp`), 2);
      assert.deepEqual(await probeLines(t, server.url('http', `live/${stream}.flv`)), PLAYED);
    });
  }
});

const CODECS: readonly (readonly [name: string, encode: readonly string[], seen: readonly string[], also: string])[] = [
  [
    'pcma',
    ['-c:v', 'libx264', '-c:a', 'pcm_alaw', '-ar', '8000', '-ac', '1'],
    ['h264 640x360', 'pcm_alaw 8000'],
    'flv',
  ],
  [
    'pcmu',
    ['-c:v', 'libx264', '-c:a', 'pcm_mulaw', '-ar', '8000', '-ac', '1'],
    ['h264 640x360', 'pcm_mulaw 8000'],
    'flv',
  ],
  ['hevc', ['-c:v', 'libx265', '-x265-params', 'log-level=0', '-c:a', 'libopus'], ['hevc 640x360', 'opus 48000'], 'ts'],
];
for (const [name, encode, seen, also] of CODECS) {
  test(`${seen.join(' and ')} by RTSP, out again by RTSP and ${also}`, async (t) => {
    const input = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'];
    const speed = ['-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '30', '-pix_fmt', 'yuv420p'];
    const url = server.url('rtsp', `live/${name}`);
    start(t, 'ffmpeg', [
      '-v',
      'error',
      '-re',
      ...input,
      ...encode,
      ...speed,
      '-f',
      'rtsp',
      '-rtsp_transport',
      'tcp',
      url,
    ]);
    await server.log.waitFor('the publisher', (line) => line['stream'] === name);
    assert.deepEqual(await probeLines(t, `${url}?tcp`), seen);
    await decodeStrict(t, `${url}?udp`, 2);
    const other = server.url('http', `live/${name}.${also}`);
    assert.deepEqual(await probeLines(t, other), seen);
    await decodeStrict(t, other, 2);
  });
}
