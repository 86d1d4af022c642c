/** What comes out of the demuxers goes on to the players: every output format takes it, and what it writes can be read. */
import { FlvDemuxer, flvFormats } from '../../../src/containers/flv/index.ts';
import { createFmp4Init, Fmp4FragmentMuxer } from '../../../src/containers/fmp4/index.ts';
import { TsDemuxer } from '../../../src/containers/mpegts/demuxer.ts';
import { tsFormat } from '../../../src/containers/mpegts/index.ts';
import { type Frame, type Muxer, NO_TRACKS, type OutputFormat, type Tracks } from '../../../src/media/index.ts';
import { ChunkReader, ChunkWriter, OUT_CHUNK_SIZE, rtmpFormats } from '../../../src/wire/rtmp/index.ts';
import { describeTracks, parseRtpPacket, rtpFormat, splitInterleaved } from '../../../src/wire/rtp/index.ts';
import { serializeLiveSdp } from '../../../src/wire/rtsp/index.ts';
import type { FuzzTarget } from '../judge.ts';
import { CONTAINER_TARGETS } from './containers.ts';
import { WIRE_TARGETS } from './wire.ts';

const CLOCK = { unixMs: () => 1_700_000_000_000 };
/** Those whose events are tracks and frames. */
const SOURCES = ['flv', 'ts', 'ps', 'gb28181', 'rtmp', 'rtsp', 'rtp'].map((name) => {
  const source = [...CONTAINER_TARGETS, ...WIRE_TARGETS].find((target) => target.name === name);
  if (source === undefined) throw new Error(`no target ${name}`);
  return source;
});

/** One player. */
interface Player {
  readonly muxer: Muxer;
  /** Reads what was written; throws where it is not what it should be. */
  readonly read: (bytes: Buffer) => void;
}

function readFlv(): (bytes: Buffer) => void {
  const demuxer = new FlvDemuxer();
  demuxer.push(flvFormats.enhanced.preamble(NO_TRACKS));
  return (bytes) => {
    for (const event of demuxer.push(bytes)) {
      if (event.kind === 'corrupt') throw new Error(`FLV that cannot be read: ${event.why}`);
    }
  };
}

function readTs(): (bytes: Buffer) => void {
  const demuxer = new TsDemuxer();
  return (bytes) => {
    for (const event of demuxer.push(bytes)) {
      if (event.type === 'loss' || event.type === 'skipped') throw new Error(`TS with ${JSON.stringify(event)}`);
    }
  };
}

function readRtmp(): (bytes: Buffer) => void {
  const reader = new ChunkReader();
  reader.push(new ChunkWriter().write({ type: 'set-chunk-size', size: OUT_CHUNK_SIZE }));
  return (bytes) => {
    reader.push(bytes);
    while (reader.next() !== null);
    if (reader.pendingBytes > 0) throw new Error('RTMP with a message that is not whole');
  };
}

function readRtp(bytes: Buffer): void {
  let end = 0;
  splitInterleaved(bytes, (channel, start, to) => {
    end = to;
    const packet = channel % 2 === 0 ? parseRtpPacket(bytes.subarray(start, to)) : null;
    if (packet !== null && 'problem' in packet) throw new Error(packet.problem);
  });
  if (end !== bytes.length) throw new Error('RTP that is not framed');
}

const FORMATS: readonly { readonly format: OutputFormat; readonly reader: () => (bytes: Buffer) => void }[] = [
  ...Object.values(flvFormats).map((format) => ({ format, reader: readFlv })),
  { format: tsFormat, reader: readTs },
  { format: rtmpFormats.enhanced, reader: readRtmp },
  { format: rtpFormat({ video: 0, audio: 2 }, CLOCK), reader: () => readRtp },
];

class Players {
  readonly #players: readonly Player[];
  #fmp4 = new Fmp4FragmentMuxer(NO_TRACKS);
  bytes = 0;

  constructor() {
    this.#players = FORMATS.map(({ format, reader }) => ({ muxer: format.createMuxer(NO_TRACKS), read: reader() }));
  }

  setTracks(tracks: Tracks): void {
    for (const { muxer, read } of this.#players) this.#take(read, muxer.setTracks(tracks));
    this.#fmp4.flush();
    this.#cut();
    this.#fmp4 = new Fmp4FragmentMuxer(tracks);
    this.bytes += createFmp4Init(tracks)?.length ?? 0;
    serializeLiveSdp(describeTracks(tracks), '127.0.0.1');
  }

  write(frame: Frame): void {
    for (const { muxer, read } of this.#players) {
      this.#take(read, muxer.write(frame));
      // what a newcomer would get
      muxer.header();
    }
    this.#fmp4.write(frame);
    if (frame.kind === 'video' && frame.key) this.#cut();
  }

  #take(read: (bytes: Buffer) => void, bytes: Buffer): void {
    this.bytes += bytes.length;
    read(bytes);
  }

  #cut(): void {
    this.bytes += this.#fmp4.cut()?.bytes.length ?? 0;
  }
}

const hasTracks = (event: unknown): event is { readonly tracks: Tracks } =>
  typeof event === 'object' && event !== null && 'tracks' in event;
const hasFrame = (event: unknown): event is { readonly frame: Frame } =>
  typeof event === 'object' && event !== null && 'frame' in event;

/** The first byte of the input says which demuxer gets the rest. */
const players: FuzzTarget = {
  name: 'players',
  // a demuxer and six outputs
  maxMs: 150,
  seeds: SOURCES.flatMap(({ seeds }, i) => seeds.map((seed) => Buffer.concat([Buffer.from([i]), seed]))),
  run: (pieces, out) => {
    const input = Buffer.concat(pieces);
    const source = SOURCES[(input[0] ?? 0) % SOURCES.length];
    const events: unknown[] = [];
    try {
      source?.run([input.subarray(1)], events);
    } catch (error) {
      if (source?.allows(error) !== true) throw error;
    }
    const all = new Players();
    for (const event of events) {
      if (hasTracks(event)) all.setTracks(event.tracks);
      else if (hasFrame(event)) all.write(event.frame);
    }
    out.push({ name: source?.name, events: events.length });
    const most = 1024 * 1024 + 64 * input.length;
    if (all.bytes > most) throw new Error(`${all.bytes} bytes for players, out of ${input.length}`);
  },
  allows: () => false,
};

export const PLAYER_TARGETS: readonly FuzzTarget[] = [players];
