/** Low-latency HLS over HTTP, live: ffmpeg plays it, and a viewer that follows part by part misses nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { decodeStrict, probeLines } from '../../../../test/support/ffmpeg.ts';
import type { Scope } from '../../../../test/support/temp-dir.ts';
import { samplesOf, seams } from '../../../containers/fmp4/inspect.fixture.ts';
import { encode, framesOf } from '../../../containers/mpegts/real-media.fixture.ts';
import type { Frame, Tracks } from '../../../media/index.ts';
import { LowLatencyStream } from './low-latency-stream.ts';
import { assertLawful, bytesOf, readPlaylist } from './stream.fixture.ts';

/** What is on air before the first viewer comes, and how long the source is, which is played again and again. */
const HEAD_START_MS = 1500;
const SOURCE_MS = 3000;

/** What ffmpeg says of each reload of any fragmented playlist: it reads the initialisation segment again. */
const MOOV_AGAIN = /Found duplicated MOOV Atom/;

type Codecs = readonly ['h264' | 'h265' | null, 'aac' | 'opus' | null];

class Live {
  readonly stream: LowLatencyStream;
  readonly #base: number;
  readonly #frames: readonly Frame[];
  readonly #firstMs: number;
  readonly #write: (frame: Frame) => void;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(scope: Scope, [video, audio]: Codecs) {
    const media = framesOf(encode(video, audio, 'mpegts'));
    this.#base = performance.now();
    this.#firstMs = Math.min(...media.frames.map((frame) => frame.dts));
    this.#frames = media.frames.filter((frame) => frame.dts < this.#firstMs + SOURCE_MS).sort((a, b) => a.dts - b.dts);
    this.stream = new LowLatencyStream({
      partDurationMs: 200,
      segmentDurationMs: 1000,
      segmentCount: 6,
      maxBytes: 50_000_000,
      maxWaiting: 100,
      clock: { monotonicMs: () => performance.now(), unixMs: () => Date.now() },
    });
    const consumer = this.stream.begin();
    const tracks: Tracks = media.tracks;
    consumer.setTracks(tracks);
    this.#write = (frame) => consumer.write(frame);
    this.#run();
    scope.after(() => {
      clearTimeout(this.#timer);
      this.stream.end();
    });
  }

  /** The time of the stream that is on air. */
  get nowMs(): number {
    return HEAD_START_MS + performance.now() - this.#base;
  }

  /** Writes what is due, in whole milliseconds. */
  #run(): void {
    for (;;) {
      const frame = this.#frames[this.#next % this.#frames.length];
      if (frame === undefined) return;
      const shift = Math.floor(this.#next / this.#frames.length) * SOURCE_MS - this.#firstMs;
      const dts = Math.round(frame.dts + shift);
      if (dts > this.nowMs) break;
      this.#next++;
      this.#write({ ...frame, dts, pts: Math.round(frame.pts + shift) });
    }
    this.#timer = setTimeout(() => this.#run(), 5);
  }
}

/** Serves the stream below /hls/live/. Resolves with that URL. */
async function serve(scope: Scope, stream: LowLatencyStream): Promise<string> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const name = url.pathname.slice('/hls/live/'.length);
    const answer = await stream.answer(name, url.searchParams, '?viewer=1');
    response.writeHead(answer.status, answer.headers);
    response.end(bytesOf(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hls/live/`;
}

async function get(url: string): Promise<Buffer> {
  const response = await fetch(url);
  const body = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, `${url}: ${body.toString()}`);
  return body;
}

const cases: readonly { codecs: Codecs; lines: readonly string[] }[] = [
  { codecs: ['h264', 'aac'], lines: ['h264 320x240', 'aac 48000'] },
  { codecs: ['h265', 'opus'], lines: ['hevc 320x240', 'opus 48000'] },
  { codecs: [null, 'aac'], lines: ['aac 48000'] },
];

for (const { codecs, lines } of cases) {
  describe(lines.join(' and '), () => {
    it('plays in ffmpeg without a complaint', async (t) => {
      const url = `${await serve(t, new Live(t, codecs).stream)}ll.m3u8`;
      await decodeStrict(t, url, 5, MOOV_AGAIN);
      assert.deepEqual(await probeLines(t, url), lines);
    });

    it('reaches a viewer part by part, soon, and whole', async (t) => {
      const live = new Live(t, codecs);
      const base = await serve(t, live.stream);
      let playlist = readPlaylist((await get(`${base}ll.m3u8`)).toString());
      const init = await get(base + (playlist.segments[0]?.map.uri ?? ''));
      const parts: Buffer[] = [];
      const delays: number[] = [];
      const seen = new Set<string>();
      const leader = codecs[0] === null ? { trackId: 2, ticksPerMs: 48 } : { trackId: 1, ticksPerMs: 90 };
      while (parts.length < 25) {
        assertLawful(playlist);
        const last = playlist.segments.at(-1);
        for (const part of playlist.segments.flatMap((segment) => segment.parts)) {
          if (part.hint || seen.has(part.uri)) continue;
          seen.add(part.uri);
          const bytes = await get(base + part.uri);
          parts.push(bytes);
          const end = samplesOf(bytes).findLast((sample) => sample.trackId === leader.trackId);
          assert.ok(end !== undefined);
          delays.push(live.nowMs - (end.time + end.duration) / leader.ticksPerMs);
        }
        const has = last?.uri === '' ? last.parts.filter((part) => !part.hint).length : 0;
        const query = `_HLS_msn=${last?.mediaSequenceNumber}&_HLS_part=${has}`;
        playlist = readPlaylist((await get(`${base}ll.m3u8?${query}`)).toString());
      }
      // the first ones were there when the viewer came
      const newest = delays.slice(-8).sort((a, b) => a - b);
      t.diagnostic(`from the end of a part to its last byte at the viewer: ${newest.map(Math.round).join(', ')} ms`);
      assert.ok((newest[3] ?? 1000) < 300, `${newest.map(Math.round)} ms`);
      const bytes = Buffer.concat(parts);
      assert.deepEqual(seams(samplesOf(bytes)), []);
      await decodeStrict(t, Buffer.concat([init, bytes]));
    });
  });
}
