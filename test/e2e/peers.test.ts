/** Peers beside ffmpeg, each with an RTMP or HTTP stack of its own: GStreamer, rtmpdump, VLC. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../support/flv.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { run, start } from '../support/process.ts';
import { fileScope, tempDir } from '../support/temp-dir.ts';
import { withPatience } from '../support/wait-for.ts';

const PLAYED = ['h264 1280x720', 'aac 48000'];

const scope = fileScope();
let server: Millrace;

before(async () => {
  server = await startServer(scope, GOPS_CACHED);
  publish(scope, server.url('rtmp', 'live/peers'), 'h264-aac');
  await server.log.waitFor('the publisher', (line) => line['stream'] === 'peers');
});

test('GStreamer publishes, and ends cleanly', async (t) => {
  const video = 'videotestsrc is-live=true num-buffers=150 ! video/x-raw,width=1280,height=720,framerate=30/1';
  const audio = 'audiotestsrc is-live=true num-buffers=235 ! audio/x-raw,rate=48000';
  const { finished } = gst(
    t,
    `-e flvmux name=mux streamable=true ! rtmp2sink location=${server.url('rtmp', 'live/gst')} ` +
      `${video} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! h264parse ! mux. ` +
      `${audio} ! audioconvert ! avenc_aac ! aacparse ! mux.`,
  );
  await server.log.waitFor('the GStreamer publisher', (line) => line['stream'] === 'gst');
  // ffmpeg's null output rounds times to whole frames, which two of GStreamer's 33 and 34 ms can share; that times are
  // steady is looked at below
  await decodeStrict(t, server.url('http', 'live/gst.flv'), 2, /non monotonically increasing dts to muxer/);
  assertSteadyTime(readFlv(await firstBytes(server.url('http', 'live/gst.flv'), 100_000)), 100);
  assert.deepEqual(await probeLines(t, server.url('http', 'live/gst.ts')), PLAYED);
  const { code, stderr } = await withPatience(finished, () => 'gst-launch did not end');
  assert.equal(code, 0, stderr);
});

test('GStreamer plays RTMP', async (t) => {
  const location = server.url('rtmp', 'live/peers');
  const line = `-q rtmp2src location=${location} ! flvdemux name=d d.video ! h264parse ! avdec_h264 ! fakesink num-buffers=50 sync=false`;
  const { code, stderr } = await withPatience(gst(t, line).finished, () => 'gst-launch did not end');
  assert.equal(code, 0, stderr);
});

test('rtmpdump plays RTMP', async (t) => {
  const file = join(tempDir(t), 'dump.flv');
  const args = ['-q', '-v', '-r', server.url('rtmp', 'live/peers'), '-o', file];
  await run(t, 'timeout', ['-s', 'INT', '4', 'rtmpdump', ...args]);
  const tags = readFlv(readFileSync(file));
  assert.ok(tags.filter(({ type }) => type === 'video').length > 50);
  assertSteadyTime(tags, 100);
  assert.deepEqual(await probeLines(t, file), PLAYED);
});

for (const way of ['rtmp', 'flv', 'ts'] as const) {
  test(`VLC plays ${way}`, async (t) => {
    const url = way === 'rtmp' ? server.url('rtmp', 'live/peers') : server.url('http', `live/peers.${way}`);
    const dir = tempDir(t);
    chmodSync(dir, 0o777);
    const file = join(dir, 'r.ts');
    const vlc = ['cvlc', '-q', '-I', 'dummy', '--run-time=4', url];
    const sout = ['--sout', `#std{access=file,mux=ts,dst=${file}}`, 'vlc://quit'];
    // VLC refuses to run as root
    const asNobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];
    const command = [...(process.getuid?.() === 0 ? asNobody : []), 'env', `HOME=${dir}`, ...vlc, ...sout];
    const [program = '', ...args] = command;
    // VLC's exit code proves nothing: what it recorded does
    const { stderr } = await withPatience(run(t, program, args), () => 'VLC did not end');
    assert.deepEqual(await probeLines(t, file), PLAYED, stderr);
  });
}

function gst(t: Parameters<typeof start>[0], line: string): ReturnType<typeof start> {
  return start(t, 'gst-launch-1.0', line.split(' '));
}

/** At least so many bytes of an answer that does not end. */
async function firstBytes(url: string, length: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let got = 0;
  for await (const part of (await fetch(url)).body ?? []) {
    parts.push(part);
    got += part.length;
    if (got >= length) break;
  }
  return Buffer.concat(parts);
}
