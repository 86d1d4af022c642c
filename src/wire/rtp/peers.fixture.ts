/** Test helper: ffmpeg and GStreamer as senders of RTP over UDP, ffmpeg as its strict receiver. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { run, start } from '../../../test/support/process.ts';
import { type Scope, tempDir } from '../../../test/support/temp-dir.ts';
import { poll, withPatience } from '../../../test/support/wait-for.ts';
import type { Frame, Tracks } from '../../media/index.ts';
import { describeTracks } from './describe.ts';
import { splitInterleaved } from './interleaved.ts';
import { type RtpMedia, rtpEncoding } from './media.ts';
import { RtpMuxer } from './muxer.ts';
import { RtpReceiver } from './receiver.ts';
import { parseRtcp, serializeBye } from './rtcp.ts';

/** The program; it may be missing. */
export const GSTREAMER = 'gst-launch-1.0';

/** Something that came by UDP. */
interface Arrived {
  readonly index: number;
  readonly isRtcp: boolean;
  readonly bytes: Buffer;
  readonly atMs: number;
}

export interface Received {
  readonly media: readonly RtpMedia[];
  readonly tracks: readonly Tracks[];
  readonly frames: readonly Frame[];
  readonly problems: readonly string[];
  readonly arrived: readonly Arrived[];
}

/** What the SDP of one peer says, as far as these tests need it. */
export function mediaOfSdp(sdp: string): RtpMedia[] {
  const media: RtpMedia[] = [];
  for (const section of sdp.split(/^m=/m).slice(1)) {
    const payloadType = Number(/^\w+ \d+ RTP\/AVP (\d+)/.exec(section)?.[1]);
    const map = /^a=rtpmap:\d+ ([^/\s]+)\/(\d+)(?:\/(\d+))?/m.exec(section);
    const staticName = payloadType === 8 ? 'PCMA' : 'PCMU';
    const found = rtpEncoding(map?.[1] ?? staticName);
    assert.ok(found !== null, section);
    const fmtp = Object.fromEntries(
      (/^a=fmtp:\d+ (.*)$/m.exec(section)?.[1] ?? '')
        .split(';')
        .map((pair) => pair.trim())
        .filter((pair) => pair !== '')
        .map((pair) => {
          const at = pair.indexOf('=');
          return [pair.slice(0, at).toLowerCase(), pair.slice(at + 1)] as const;
        }),
    );
    media.push({ ...found, payloadType, clockRate: Number(map?.[2] ?? 8000), channels: Number(map?.[3] ?? 1), fmtp });
  }
  return media;
}

async function socketOf(scope: Scope): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.setRecvBufferSize(4 * 1024 * 1024);
  scope.after(() => void socket.close());
  return socket;
}

/** Sockets for one medium each, and all that comes to them until `sender` is done. */
async function gather(
  scope: Scope,
  count: number,
  sender: (ports: { rtp: number; rtcp: number }[]) => Promise<unknown>,
): Promise<Arrived[]> {
  const arrived: Arrived[] = [];
  const ports: { rtp: number; rtcp: number }[] = [];
  for (let index = 0; index < count; index++) {
    const [rtp, rtcp] = await Promise.all([socketOf(scope), socketOf(scope)]);
    for (const [socket, isRtcp] of [
      [rtp, false],
      [rtcp, true],
    ] as const) {
      socket.on('message', (bytes) => arrived.push({ index, isRtcp, bytes, atMs: performance.now() }));
    }
    ports.push({ rtp: rtp.address().port, rtcp: rtcp.address().port });
  }
  await sender(ports);
  // the sender is gone; what it sent is in the sockets
  for (let before = -1; before !== arrived.length; ) {
    before = arrived.length;
    for (let i = 0; i < 5; i++) await setImmediate();
  }
  return arrived;
}

/** What our receiver makes of it, with the times at which it came. */
function replay(media: readonly RtpMedia[], arrived: readonly Arrived[]): Received {
  const receiver = new RtpReceiver({ media, isOrdered: false });
  const tracks: Tracks[] = [];
  const frames: Frame[] = [];
  const problems: string[] = [];
  const take = (): void => {
    for (let event = receiver.next(); event !== null; event = receiver.next()) {
      if (event.kind === 'tracks') tracks.push(event.tracks);
      else if (event.kind === 'frame') frames.push(event.frame);
      else if (event.kind === 'rtcp') assert.ok(Array.isArray(parseRtcp(event.bytes)));
      else problems.push(event.message);
    }
  };
  for (const { index, isRtcp, bytes, atMs } of arrived) {
    if (isRtcp) receiver.pushRtcp(index, bytes, atMs);
    else receiver.pushRtp(index, bytes, atMs);
    receiver.tick(atMs);
    take();
  }
  receiver.end();
  take();
  assert.equal(receiver.stats.droppedFrames, 0);
  assert.equal(receiver.stats.lost, 0);
  return { media, tracks, frames, problems, arrived };
}

/** Has ffmpeg send the streams of a file, one output each, in the file's own time. `codecs`: options of each output. */
export async function receiveFromFfmpeg(scope: Scope, file: string, codecs: readonly string[][]): Promise<Received> {
  const sdp = join(tempDir(scope), 'x.sdp');
  const arrived = await gather(scope, codecs.length, async (ports) => {
    const outputs = codecs.flatMap((options, i) => [
      ...options,
      ...['-f', 'rtp', `rtp://127.0.0.1:${ports[i]?.rtp}?rtcpport=${ports[i]?.rtcp}`],
    ]);
    const args = ['-v', 'error', '-nostdin', '-re', '-i', file, '-sdp_file', sdp, ...outputs];
    const { code, stderr } = await withPatience(run(scope, 'ffmpeg', args), () => 'ffmpeg did not end');
    assert.equal(code, 0, stderr);
  });
  return replay(mediaOfSdp(readFileSync(sdp, 'utf8')), arrived);
}

/**
 * Has GStreamer send one stream of a file.
 * @param pipeline between the file's demultiplexer and the UDP sink
 * @param media by the caps that the payloader says
 */
export async function receiveFromGstreamer(
  scope: Scope,
  file: string,
  pipeline: string,
  media: (caps: string) => RtpMedia,
): Promise<Received> {
  let caps = '';
  const arrived = await gather(scope, 1, async (ports) => {
    const args = `-v filesrc location=${file} ! tsdemux ! ${pipeline} ! udpsink host=127.0.0.1 port=${ports[0]?.rtp} sync=true`;
    const { code, stdout, stderr } = await withPatience(
      run(scope, GSTREAMER, args.split(' ')),
      () => `${GSTREAMER} did not end`,
    );
    assert.equal(code, 0, stderr);
    caps = /udpsink0\.GstPad:sink: caps = (.*)/.exec(stdout.toString())?.[1] ?? '';
  });
  return replay([media(caps)], arrived);
}

/** The SDP of our own stream, for a peer that listens on these ports. */
function ownSdp(media: readonly RtpMedia[], ports: readonly { rtp: number; rtcp: number }[]): string {
  const lines = ['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
  for (const [i, { kind, payloadType, encoding, clockRate, channels, fmtp }] of media.entries()) {
    const suffix = channels > 1 ? `/${channels}` : '';
    const pairs = Object.entries(fmtp).map(([key, value]) => `${key}=${value}`);
    lines.push(`m=${kind} ${ports[i]?.rtp} RTP/AVP ${payloadType}`, `a=rtcp:${ports[i]?.rtcp}`);
    lines.push(`a=rtpmap:${payloadType} ${encoding === 'OPUS' ? 'opus' : encoding}/${clockRate}${suffix}`);
    if (pairs.length > 0) lines.push(`a=fmtp:${payloadType} ${pairs.join('; ')}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}

async function freePorts(count: number): Promise<{ rtp: number; rtcp: number }[]> {
  const pairs: { rtp: number; rtcp: number }[] = [];
  while (pairs.length < count) {
    const sockets = [createSocket('udp4'), createSocket('udp4')] as const;
    try {
      sockets[0].bind(0, '127.0.0.1');
      await once(sockets[0], 'listening');
      const rtp = sockets[0].address().port;
      if (rtp % 2 !== 0) continue;
      sockets[1].bind(rtp + 1, '127.0.0.1');
      await once(sockets[1], 'listening');
      pairs.push({ rtp, rtcp: rtp + 1 });
    } catch {
      // the one above is taken
    } finally {
      for (const socket of sockets) socket.close();
    }
  }
  return pairs;
}

/** What waits to be read from a UDP port of this machine, in bytes; null: nobody listens on it. */
function queueOf(port: number): number | null {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/udp', 'utf8').split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.endsWith(wanted) === true) return Number.parseInt(fields[4]?.split(':')[1] ?? '0', 16);
  }
  return null;
}

/** Sends frames to ffmpeg by UDP, some times faster than in their own time, and has it do `output`. What it says is empty. */
export async function playByFfmpeg(
  scope: Scope,
  tracks: Tracks,
  frames: readonly Frame[],
  output: readonly string[],
): Promise<string> {
  const media = describeTracks(tracks);
  const ports = await freePorts(media.length);
  const sdp = join(tempDir(scope), 'own.sdp');
  writeFileSync(sdp, ownSdp(media, ports));
  const strict = ['-v', 'warning', '-nostdin', '-xerror', '-err_detect', 'explode'];
  const input = ['-protocol_whitelist', 'file,udp,rtp', '-analyzeduration', '1000000', '-i', sdp];
  const player = start(scope, 'ffmpeg', [...strict, ...input, ...output]);
  const queues = async (): Promise<(number | null)[]> =>
    ports.flatMap(({ rtp, rtcp }) => [queueOf(rtp), queueOf(rtcp)]);
  await poll('ffmpeg listening', queues, (found) => !found.includes(null));
  const socket = await socketOf(scope);
  const layout = {
    video: tracks.video === null ? null : 0,
    audio: tracks.audio === null ? null : tracks.video === null ? 0 : 2,
  };
  const muxer = new RtpMuxer(
    layout,
    tracks,
    { unixMs: () => Date.now() },
    {
      cname: 'test',
      video: { ssrc: 1, sequence: 65_530, timestamp: 2 ** 32 - 90_000 },
      audio: { ssrc: 2, sequence: 65_530, timestamp: 2 ** 32 - 8000 },
    },
  );
  const sendTo = (port: number, bytes: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(bytes, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
    });
  const startedMs = performance.now();
  const firstDts = frames[0]?.dts ?? 0;
  for (const frame of frames) {
    const dueMs = startedMs + (frame.dts - firstDts) / 3;
    // paces what is sent, as a camera does; nothing waits for it
    if (dueMs > performance.now()) await setTimeout(dueMs - performance.now());
    const bytes = muxer.write(frame);
    const sent: Promise<void>[] = [];
    splitInterleaved(bytes, (to, from, end) => {
      const pair = ports[to >> 1];
      sent.push(sendTo((to % 2 === 0 ? pair?.rtp : pair?.rtcp) ?? 0, bytes.subarray(from, end)));
    });
    await Promise.all(sent);
  }
  // it looks at its sockets in no order: all is to be read before it is told that there is no more
  await poll('what ffmpeg has not read', queues, (found) => found.every((bytes) => bytes === 0 || bytes === null));
  for (const [i, { rtcp }] of ports.entries()) {
    await sendTo(rtcp, serializeBye(layout.video === null ? 2 : i + 1, 'test'));
  }
  const { code, stdout, stderr } = await withPatience(player.finished, () => 'ffmpeg did not end');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout.toString();
}
