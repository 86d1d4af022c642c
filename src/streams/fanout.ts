/** The subscribers of one stream in one format: muxes each frame once, gathers, and writes the same bytes to all. */
import { type Frame, type Muxer, NO_TRACKS, type OutputFormat, type Tracks } from '../media/index.ts';
import type { Gop } from './gop-cache.ts';
import type { Sink, Subscriber } from './subscriber.ts';

export interface FanoutOptions {
  /** Bytes wait for a video access unit to be complete, but no longer than this; 0: each frame is written at once. */
  readonly gatherMs: number;
  /** A subscriber with more bytes than this waiting loses whole GOPs. */
  readonly backlogBytes: number;
  /** Likewise, in milliseconds of the stream at its present bit rate. */
  readonly backlogMs: number;
}

/** What differs between the formats of one server. */
export interface FormatOptions {
  /** GOPs kept for newcomers; 0: they start at the next key frame. */
  readonly gopNum: number;
  /** Bytes gathered before a write, in place of "until a video access unit is complete"; 0: off. */
  readonly mergeWriteBytes: number;
}

/** The longest that bytes wait for `mergeWriteBytes` to fill. Milliseconds. */
const MERGE_WRITE_MAX_MS = 350;
/** A backlog in seconds is never taken to be less than this many bytes: a low bit rate must not drop at one key frame. */
const MIN_BACKLOG_BYTES = 512 * 1024;
/** A subscriber that dropped is taken up again at a key frame once its backlog is below this part of the bound. */
const RESUME_PART = 4;

/** Track changes cached within one GOP; a publisher that changes them without end loses the cache. Bytes. */
const MAX_CACHED_TRACK_BYTES = 4 * 1024 * 1024;

/** One run of muxed bytes from a frame at which a newcomer can start. */
interface MuxedGop {
  readonly header: Buffer;
  readonly batches: Buffer[];
}

export class Fanout {
  readonly format: OutputFormat;
  readonly subscribers = new Set<Subscriber>();
  readonly #options: FanoutOptions;
  readonly #formatOptions: FormatOptions;
  readonly #muxer: Muxer;
  readonly #timer: NodeJS.Timeout | null;
  readonly #cache: MuxedGop[] = [];
  #cacheBytes = 0;
  /** Of the cached bytes, those of track changes in the running GOP. */
  #cachedTrackBytes = 0;
  /** Whether a frame has come at which a decoder can start; those before it are for nobody. */
  #running = false;
  #tracks: Tracks;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #pendingFrames = 0;
  /** Whether the pending bytes begin where a newcomer can start, and what that newcomer needs before them. */
  #pendingStarts = false;
  #pendingHeader: Buffer | null = null;
  #bytesInSecond = 0;
  #backlogBound: number;

  /** @param gops what the stream has cached, oldest first: muxed at once for the newcomers to come */
  constructor(
    format: OutputFormat,
    tracks: Tracks,
    gops: readonly Gop[],
    options: FanoutOptions,
    formatOptions: FormatOptions,
  ) {
    this.format = format;
    this.#options = options;
    this.#formatOptions = formatOptions;
    this.#backlogBound = options.backlogBytes;
    const wanted = formatOptions.gopNum === 0 ? [] : gops.slice(-formatOptions.gopNum);
    this.#tracks = wanted[0]?.tracks ?? tracks;
    this.#muxer = format.createMuxer(this.#tracks);
    const boundMs = formatOptions.mergeWriteBytes > 0 ? MERGE_WRITE_MAX_MS : options.gatherMs;
    this.#timer = boundMs > 0 ? setTimeout(() => this.#flush(), boundMs) : null;
    this.#timer?.unref();
    for (const gop of wanted) {
      this.setTracks(gop.tracks);
      for (const item of gop.items) {
        if ('kind' in item) this.write(item);
        else this.setTracks(item);
      }
    }
    this.#flush();
    this.setTracks(tracks);
  }

  /** A newcomer: it gets the format's opening at once, then what is cached, or waits for the next key frame. */
  join(subscriber: Subscriber, sink: Sink): void {
    subscriber.sink = sink;
    this.subscribers.add(subscriber);
    const parts: Buffer[] = [];
    const preamble = this.format.preamble(this.#tracks);
    if (preamble.length > 0) parts.push(this.#wrap(preamble));
    const first = this.#cacheBytes <= this.#backlogBound ? this.#cache[0] : undefined;
    const header = first?.header ?? this.#wrap(this.#muxer.header());
    if (header.length > 0) parts.push(header);
    if (first !== undefined) {
      for (const gop of this.#cache) parts.push(...gop.batches);
      subscriber.flow = 'live';
    }
    if (parts.length > 0) sink.write(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
  }

  leave(subscriber: Subscriber): void {
    this.subscribers.delete(subscriber);
  }

  /** The publication's tracks are these from now on. */
  setTracks(tracks: Tracks): void {
    if (tracks === this.#tracks) return;
    this.#flush();
    // who began with audio alone has no key frame yet
    if (this.#tracks.video === null && tracks.video !== null) this.#waitForKeyFrame();
    this.#tracks = tracks;
    const bytes = this.#muxer.setTracks(tracks);
    if (bytes.length === 0) return;
    const wrapped = this.#wrap(bytes);
    this.#cachedTrackBytes += wrapped.length;
    if (this.#cachedTrackBytes > MAX_CACHED_TRACK_BYTES) this.dropCache();
    else this.#cacheBatch(wrapped);
    for (const subscriber of this.subscribers) {
      if (subscriber.session.closing === null && subscriber.sink !== null) subscriber.sink.write(wrapped);
    }
  }

  write(frame: Frame): void {
    const starts = this.#startsAt(frame);
    if (!this.#running && !starts) return;
    this.#running = true;
    if (starts && frame.kind === 'video') this.#flush();
    // asked before the frame is written: a header is for those who start with it
    const header = starts && this.#pendingBytes === 0 && this.#formatOptions.gopNum > 0 ? this.#muxer.header() : null;
    const bytes = this.#muxer.write(frame);
    if (bytes.length === 0) return;
    if (this.#pendingBytes === 0) {
      this.#pendingStarts = starts;
      this.#pendingHeader = header;
      this.#timer?.refresh();
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#pendingFrames++;
    const { mergeWriteBytes } = this.#formatOptions;
    const complete =
      mergeWriteBytes > 0
        ? this.#pendingBytes >= mergeWriteBytes
        : frame.kind === 'video' || this.#options.gatherMs === 0;
    if (complete) this.#flush();
  }

  /** The publication is over: what is gathered goes out, and nothing of it is kept for newcomers. */
  endPublication(): void {
    this.#flush();
    this.#tracks = NO_TRACKS;
    this.dropCache();
    this.#waitForKeyFrame();
  }

  /** Once a second: the bound in time, as bytes at the present bit rate. */
  tick(): void {
    const byTime = Math.max(MIN_BACKLOG_BYTES, (this.#bytesInSecond * this.#options.backlogMs) / 1000);
    this.#backlogBound = Math.min(this.#options.backlogBytes, byTime);
    this.#bytesInSecond = 0;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #waitForKeyFrame(): void {
    this.#running = false;
    for (const subscriber of this.subscribers) subscriber.flow = 'waiting';
  }

  /** Streams with video that this format carries start at key frames, others at any audio frame. */
  #startsAt(frame: Frame): boolean {
    if (frame.kind === 'video') return frame.key;
    const { video } = this.#tracks;
    return frame.kind === 'audio' && (video === null || !this.format.carries(video.codec));
  }

  #wrap(bytes: Buffer): Buffer {
    return this.format.wrap === undefined || bytes.length === 0 ? bytes : this.format.wrap(bytes);
  }

  /** Writes what is gathered: hot, one write and a few comparisons a subscriber. */
  #flush(): void {
    if (this.#pendingBytes === 0) return;
    const only = this.#pending.length === 1 ? this.#pending[0] : undefined;
    const batch = this.#wrap(only ?? Buffer.concat(this.#pending, this.#pendingBytes));
    const frames = this.#pendingFrames;
    const starts = this.#pendingStarts;
    this.#remember(batch);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#pendingFrames = 0;
    this.#bytesInSecond += batch.length;
    const bound = this.#backlogBound;
    for (const subscriber of this.subscribers) {
      const { sink } = subscriber;
      if (sink === null || subscriber.session.closing !== null) continue;
      if (subscriber.flow === 'live') {
        if (sink.writableLength <= bound) {
          sink.write(batch);
          continue;
        }
        subscriber.flow = 'dropping';
      } else if (starts && (subscriber.flow === 'waiting' || sink.writableLength <= bound / RESUME_PART)) {
        subscriber.flow = 'live';
        sink.write(batch);
        continue;
      }
      if (subscriber.flow === 'dropping') subscriber.session.droppedFrames += frames;
    }
  }

  /** Keeps the batch for newcomers, by whole GOPs. Audio-only streams have nothing that needs keeping. */
  #remember(batch: Buffer): void {
    const { gopNum } = this.#formatOptions;
    if (gopNum === 0 || this.#tracks.video === null) return;
    if (this.#pendingStarts && this.#pendingHeader !== null) {
      if (this.#cache.length >= gopNum) this.#cacheBytes -= sizeOf(this.#cache.shift());
      this.#cachedTrackBytes = 0;
      this.#cache.push({ header: this.#wrap(this.#pendingHeader), batches: [] });
    }
    this.#cacheBatch(batch);
  }

  #cacheBatch(batch: Buffer): void {
    const gop = this.#cache.at(-1);
    if (gop === undefined) return;
    gop.batches.push(batch);
    this.#cacheBytes += batch.length;
  }

  /** The stream gave its cache up (a GOP beyond its bound): newcomers wait for the next key frame. */
  dropCache(): void {
    this.#cache.length = 0;
    this.#cacheBytes = 0;
    this.#pendingHeader = null;
  }
}

function sizeOf(gop: MuxedGop | undefined): number {
  return gop === undefined ? 0 : gop.batches.reduce((sum, batch) => sum + batch.length, 0);
}
