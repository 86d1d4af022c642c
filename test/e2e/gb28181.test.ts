/** GB28181: cameras that send program streams over RTP to a port that the API opened, and players of what they film. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { decodeStrict, probeLines } from '../support/ffmpeg.ts';
import { assertSteadyTime, mediaTags, readFlv } from '../support/flv.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { start } from '../support/process.ts';
import { film, RtpPacketizer, startCamera, udpLine } from '../support/ps.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope } from '../support/temp-dir.ts';

/** As long as a whole number of AAC frames, so that the seam is even. */
const SECONDS = 16;
/** What other publishers are closed after. */
const IDLE_TIMEOUT_MS = 2000;
const h264Aac = film('h264', 'aac', SECONDS);

const scope = fileScope();
let receiver: Receiver;
let server: Millrace;

before(async () => {
  receiver = await startReceiver(scope);
  const limits = { idle_timeout_ms: IDLE_TIMEOUT_MS };
  server = await startServer(scope, { ...GOPS_CACHED, http_notify: receiver.config(), millrace: { limits } });
});

async function startRtpPub(streamName: string, fields: object = {}): Promise<{ port: number; sessionId: unknown }> {
  const { error_code, desp, data } = await server.api('/api/ctrl/start_rtp_pub', {
    stream_name: streamName,
    ...fields,
  });
  assert.deepEqual([error_code, desp, data?.['stream_name']], [0, 'succ', streamName]);
  return { port: Number(data?.['port']), sessionId: data?.['session_id'] };
}

const urls = (stream: string): string[] => [
  server.url('rtmp', `live/${stream}`),
  ...['flv', 'ts'].map((ending) => server.url('http', `live/${stream}.${ending}`)),
];

test('over UDP, played by RTMP, FLV and TS; events as of any publisher; kick', async (t) => {
  const { port, sessionId } = await startRtpPub('udp');
  assert.ok(port >= 30_000 && port <= 60_000);
  assert.match(String(sessionId), /^PSPUB\d+$/);
  const { body } = await receiver.waitFor('on_pub_start', { session_id: sessionId });
  assert.partialDeepStrictEqual(body, {
    ...{ protocol: 'PS', base_type: 'PUB', stream_name: 'udp', app_name: '', url_param: '', read_bytes_sum: 0 },
    ...{ has_in_session: true, has_out_session: false },
  });
  assert.match(String(body['url']), new RegExp(`^ps://.+:${port}$`));

  await startCamera(t, port, h264Aac, { transport: 'udp' });
  for (const url of urls('udp')) {
    assert.deepEqual(await probeLines(t, url), ['h264 320x240', 'aac 48000'], url);
    await decodeStrict(t, url, 2);
  }
  const player = new HttpPlayer(t, server.url('http', 'live/udp.flv'));
  const tags = readFlv(await player.body(150_000));
  assertSteadyTime(tags, 50);
  assert.equal(mediaTags(tags).find(({ type }) => type === 'video')?.isKey, true);

  const { data } = await server.api('/api/stat/group?stream_name=udp');
  assert.partialDeepStrictEqual(data, { video_codec: 'H264', audio_codec: 'AAC', video_width: 320 });
  assert.equal((await kick('udp', sessionId)).error_code, 0);
  const stop = await receiver.waitFor('on_pub_stop', { session_id: sessionId });
  assert.ok(Number(stop.body['read_bytes_sum']) > 150_000);
  assert.equal((await startRtpPub('udp', { port })).port, port);
});

test('over TCP; the camera comes back on a connection of its own, and the player goes on', async (t) => {
  const { port } = await startRtpPub('tcp', { is_tcp_flag: 1 });
  const player = new HttpPlayer(t, server.url('http', 'live/tcp.flv'));
  const first = await startCamera(t, port, h264Aac, { transport: 'tcp', style: { pesPerNal: true, extras: true } });
  const url = server.url('http', 'live/tcp.ts');
  assert.deepEqual(await probeLines(t, url), ['h264 320x240', 'aac 48000']);
  await decodeStrict(t, url, 2);
  first.stop();
  const seen = (await player.body(1)).length;
  await startCamera(t, port, h264Aac, { transport: 'tcp' });
  assertSteadyTime(readFlv(await player.body(seen + 100_000)), 3000);
  await decodeStrict(t, url, 2);
});

test('reordered and doubled packets change nothing; loss costs up to the next key frame, and what is left decodes', async (t) => {
  const { port } = await startRtpPub('shuffled');
  await startCamera(t, port, h264Aac, {
    transport: 'udp',
    distort: (packets) => [...packets].reverse().flatMap((packet) => [packet, packet]),
  });
  await decodeStrict(t, server.url('http', 'live/shuffled.ts'), 3);
  const player = new HttpPlayer(t, server.url('http', 'live/shuffled.flv'));
  assertSteadyTime(readFlv(await player.body(150_000)), 50);

  const lossy = await startRtpPub('lossy');
  let sent = 0;
  const distort = (packets: Buffer[]): Buffer[] => packets.filter(() => ++sent % 97 !== 0);
  await startCamera(t, lossy.port, h264Aac, { transport: 'udp', distort });
  const lossyPlayer = new HttpPlayer(t, server.url('http', 'live/lossy.flv'));
  const tags = mediaTags(readFlv(await lossyPlayer.body(200_000))).filter(({ type }) => type === 'video');
  for (const [i, { timestamp, isKey }] of tags.entries()) {
    const leap = timestamp - (tags[i - 1]?.timestamp ?? timestamp);
    assert.ok(leap <= 41 || isKey, `a frame that is no key frame follows ${leap} ms after the one before`);
  }
  assert.ok(tags.some(({ timestamp }, i) => timestamp - (tags[i - 1]?.timestamp ?? timestamp) > 41));
  await decodeStrict(t, lossyPlayer.bodyNow());
});

test('H264 with G711, and H265', async (t) => {
  const g711 = await startRtpPub('g711');
  await startCamera(t, g711.port, film('h264', 'pcma', SECONDS), { transport: 'udp', style: { openPes: true } });
  for (const url of urls('g711').slice(0, 2)) {
    assert.deepEqual(await probeLines(t, url), ['h264 320x240', 'pcm_alaw 8000'], url);
    await decodeStrict(t, url, 2);
  }
  const h265 = await startRtpPub('h265');
  await startCamera(t, h265.port, film('h265', 'aac', SECONDS), { transport: 'udp', style: { maxPesBytes: 1000 } });
  const url = server.url('http', 'live/h265.ts');
  assert.deepEqual(await probeLines(t, url), ['hevc 320x240', 'aac 48000']);
  await decodeStrict(t, url, 2);
});

test("GStreamer's and ffmpeg's program streams", async (t) => {
  const gst =
    'mpegpsmux name=mux ! fdsink fd=1 sync=true videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! ' +
    'x264enc tune=zerolatency key-int-max=25 ! h264parse ! mux. audiotestsrc is-live=true ! audioconvert ! ' +
    'audio/x-raw,rate=48000,channels=1 ! avenc_aac ! aacparse ! mux.';
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25'];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];
  const peers: Record<string, { command: string; args: string[]; streams: string[] }> = {
    gst: { command: 'gst-launch-1.0', args: ['-q', ...gst.split(' ')], streams: ['h264 320x240', 'aac 48000'] },
    vob: {
      command: 'ffmpeg',
      args: ['-v', 'error', ...picture, ...x264, '-f', 'vob', 'pipe:1'],
      streams: ['h264 320x240'],
    },
  };
  for (const [name, { command, args, streams }] of Object.entries(peers)) {
    const { port } = await startRtpPub(name);
    const line = await udpLine(port);
    t.after(() => line.close());
    const packetizer = new RtpPacketizer(1);
    start(t, command, args).child.stdout?.on('data', (bytes: Buffer) => {
      for (const packet of packetizer.packets(bytes, 0)) line.send(packet);
    });
    const url = server.url('http', `live/${name}.flv`);
    assert.deepEqual(await probeLines(t, url), streams, name);
    await decodeStrict(t, url, 3);
  }
});

test('it ends where nothing comes for timeout_ms, with the reason', async () => {
  const { sessionId } = await startRtpPub('silent', { timeout_ms: 1000 });
  const { headers } = await receiver.waitFor('on_pub_stop', { session_id: sessionId });
  assert.equal(headers['millrace-reason'], 'timed out');
});

test('a camera that falls silent for less stays, also beyond what other publishers may be', async (t) => {
  const { port, sessionId } = await startRtpPub('pausing');
  const camera = await startCamera(t, port, h264Aac, { transport: 'udp' });
  await decodeStrict(t, server.url('http', 'live/pausing.flv'), 1);
  camera.stop();
  const others = await startRtpPub('measure', { timeout_ms: 2 * IDLE_TIMEOUT_MS });
  await receiver.waitFor('on_pub_stop', { session_id: others.sessionId });
  const { data } = await server.api('/api/stat/group?stream_name=pausing');
  assert.partialDeepStrictEqual(data, { pub: { session_id: sessionId } });
  await startCamera(t, port, h264Aac, { transport: 'udp' });
  await decodeStrict(t, server.url('http', 'live/pausing.flv'), 1);
});

test('refused: a port that is taken, a stream that is published, fields that are missing or wrong', async () => {
  const { port } = await startRtpPub('first', { timeout_ms: 0 });
  const refusals: [object, number, RegExp][] = [
    [{ stream_name: 'second', port }, 2002, /cannot listen on .*: the port is in use/],
    [{ stream_name: 'first' }, 2002, /stream first is being published already/],
    [{}, 1002, /^param missing$/],
    [{ stream_name: '' }, 1002, /^param missing$/],
    [{ stream_name: 'x', port: 65_536 }, 1002, /^param missing$/],
    [{ stream_name: 'x', port: 'many' }, 1002, /^param missing$/],
    [{ stream_name: 'x', timeout_ms: -1 }, 1002, /^param missing$/],
    [{ stream_name: 'x', is_tcp_flag: true }, 1002, /^param missing$/],
    [{ stream_name: 'x', debug_dump_packet: 1 }, 1002, /^param missing$/],
    [{ stream_name: '../../etc' }, 2002, /may not/],
  ];
  for (const [fields, code, reason] of refusals) {
    const { error_code, desp, data } = await server.api('/api/ctrl/start_rtp_pub', fields);
    assert.equal(error_code, code, JSON.stringify(fields));
    assert.match(desp, reason);
    assert.deepEqual(data, { stream_name: '', session_id: '', port: 0 });
  }
  for (const stream of ['second', 'x']) assert.deepEqual(receiver.ofStream(stream), []);
});

function kick(streamName: string, sessionId: unknown): ReturnType<Millrace['api']> {
  return server.api('/api/ctrl/kick_session', { stream_name: streamName, session_id: sessionId });
}
