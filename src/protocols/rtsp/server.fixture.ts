/** Test helper: RTSP servers on hubs whose clocks stand still until told, clients of theirs, and streams for them. */
import { afterEach } from 'node:test';
import { aacTrack, h264Track, type Tracks } from '../../media/index.ts';
import { FaultLog } from '../../net/index.ts';
import { fakeHub, publishTo } from '../../streams/hub.fixture.ts';
import type { Publisher } from '../../streams/index.ts';
import { TestClient } from './client.fixture.ts';
import { type RtspDeps, RtspServer, type RtspServerOptions } from './index.ts';

/** 640x360, as x264 writes them. */
const SPS = Buffer.from('Z0LADdoFB+wEQAAAAwBAAAAPA8UKqA==', 'base64');
const PPS = Buffer.from('aM4PyA==', 'base64');

export const videoTrack = h264Track([SPS], [PPS]);
export const aac = aacTrack(Buffer.from([0x11, 0x90]));

export const tracksOf = (video: Tracks['video'], audio: Tracks['audio'] = null): Tracks => ({
  video,
  audio,
  metadata: null,
});

/** What a publisher of one video says. */
export const VIDEO_SDP = [
  'v=0',
  'o=- 0 0 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  `a=fmtp:96 packetization-mode=1; sprop-parameter-sets=${SPS.toString('base64')},${PPS.toString('base64')}`,
  'a=control:streamid=0',
  '',
].join('\r\n');

const NO_AUTH: RtspServerOptions['auth'] = {
  isAskedOfPlayers: false,
  isAskedOfPublishers: false,
  method: 'digest',
  username: 'user',
  password: 'p@ss',
};

/** What a test begins and has undone at its end, last first. */
export function servers() {
  const undo: (() => unknown)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });
  return {
    undo,
    start: async (...options: Parameters<typeof startServer>) => {
      const server = await startServer(...options);
      undo.push(() => server.stop());
      return server;
    },
    open: async ({ port }: { readonly port: number }) => {
      const client = await TestClient.open(port);
      undo.push(() => client.socket.destroy());
      return client;
    },
  };
}

/** A running server on a free port of this machine. */
async function startServer(options: Partial<RtspServerOptions> = {}, refuse: string | null = null) {
  const hub = fakeHub(
    { fanout: { gatherMs: 0, backlogBytes: 1 << 20, backlogMs: 10_000 } },
    refuse === null ? { ok: true } : { ok: false, reason: refuse },
  );
  const warnings: string[] = [];
  const silent = (): void => {};
  const log = {
    debug: silent,
    info: silent,
    warn: (_: object, text: string) => void warnings.push(text),
    error: (_: object, text: string) => void warnings.push(text),
  };
  const numbers = new Map<string, number>();
  const counter = {
    next: (prefix: string) => {
      const number = (numbers.get(prefix) ?? 0) + 1;
      numbers.set(prefix, number);
      return number;
    },
  };
  const complete: RtspServerOptions = {
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    auth: NO_AUTH,
    handshakeTimeoutMs: 10_000,
    sessionTimeoutMs: 60_000,
    publisherWaitMs: 200,
    ...options,
  };
  const deps: RtspDeps = {
    hub: hub.registry,
    counter,
    clock: hub.clock,
    log,
    faults: new FaultLog(log),
    serverName: 'test',
  };
  const server = new RtspServer(complete, deps);
  const { port } = await server.start();
  return {
    ...hub,
    options: complete,
    deps,
    warnings,
    port,
    url: (name: string) => `rtsp://127.0.0.1:${port}/live/${name}`,
    stop: async () => {
      server.stop();
      await hub.registry.stop();
    },
  };
}

/** A publication of the hub's own, and a picture of it at `dts`. */
export async function publishFrames(
  registry: Parameters<typeof publishTo>[0],
  tracks: Tracks = tracksOf(videoTrack),
  name = 's',
): Promise<{ readonly publisher: Publisher; picture(dts: number, key?: boolean): void; sound(dts: number): void }> {
  const publisher = await publishTo(registry, `PUB-${name}-${Math.random()}`, undefined, name);
  publisher.setTracks(tracks);
  return {
    publisher,
    picture: (dts, key = false) => {
      // one NAL unit: IDR or not, and something to tell it by
      const data = Buffer.from([0, 0, 0, 6, key ? 0x65 : 0x41, 0x88, 0, 0, dts & 0xff, 1]);
      publisher.write({ kind: 'video', codec: 'H264', dts, pts: dts, key, data });
    },
    sound: (dts) => publisher.write({ kind: 'audio', codec: 'AAC', dts, pts: dts, data: Buffer.from([0x21, 0x10]) }),
  };
}

/** An RTP packet of payload type 96 with one NAL unit. */
export function rtp(sequence: number, timestamp: number, nal: readonly number[], isLast = true): Buffer {
  const packet = Buffer.alloc(12 + nal.length);
  packet[0] = 0x80;
  packet[1] = (isLast ? 0x80 : 0) | 96;
  packet.writeUInt16BE(sequence, 2);
  packet.writeUInt32BE(timestamp, 4);
  packet.writeUInt32BE(7, 8);
  packet.set(nal, 12);
  return packet;
}
