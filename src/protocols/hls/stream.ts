/** One stream's HLS: numbers and names its segments, keeps its playlists, and tells when a segment is there. */
import { join } from 'node:path';
import type { PlaylistSegment } from '../../containers/m3u8/index.ts';
import { tsFormat } from '../../containers/mpegts/index.ts';
import { type Muxer, NO_TRACKS } from '../../media/index.ts';
import type { Clock, FrameConsumer, Ledger, Log } from '../../streams/index.ts';
import type { DiskStore } from './disk-store.ts';
import { LiveWindow } from './live-window.ts';
import { LossReport } from './loss-report.ts';
import { LIVE_FILE, RECORD_FILE, segmentFile } from './names.ts';
import type { HlsOptions } from './options.ts';
import { type CutSegment, Segmenter, type SegmentSink } from './segmenter.ts';
import { WorkQueue } from './work-queue.ts';

/** Bytes of complete segments that wait for the disk; what comes on top is lost. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Work that waits for the disk; a segment that begins on top of it is lost. */
const MAX_WAITING_WORK = 32;
/** Segments kept in memory beside the disk: those that nearly all viewers ask for. */
const KEPT_BESIDE_DISK = 3;
/** Segments on the disk whose playlists could not be written yet. */
const MAX_UNLISTED = 1000;

export interface HlsStreamDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  /** The process's working folder, which relative paths are relative to. */
  readonly cwd: string;
  /** Null: everything is kept in memory. */
  readonly disk: DiskStore | null;
  /** Absent: nobody counts. */
  readonly watch?: HlsWatch;
  /** The playlist has changed, or the stream has ended. */
  readonly onChange: () => void;
}

/** Counts what the disk does, for metrics. Must not throw. */
export interface HlsWatch {
  /** A segment was written to the disk, which took so many milliseconds. */
  segmentWritten(ms: number): void;
  segmentLost(): void;
}

/** A segment from its begin on. */
interface Making {
  readonly unixMs: number;
  readonly isDiscontinuous: boolean;
  /** Null until its file is made, and where that failed. */
  made: { readonly file: string; readonly index: number } | null;
}

/** A segment whose playlists are not complete on the disk yet. */
interface Unlisted {
  readonly file: string;
  readonly index: number;
  readonly segment: PlaylistSegment;
  isRecorded: boolean;
}

export class HlsStream {
  readonly name: string;
  /** The present or last publication's. */
  appName = '';
  readonly #options: HlsOptions;
  readonly #deps: HlsStreamDeps;
  readonly #queue: WorkQueue;
  readonly #losses: LossReport;
  readonly #muxer: Muxer = tsFormat.createMuxer(NO_TRACKS);
  readonly #window: LiveWindow;
  /** The newest segments' bytes by file. */
  readonly #kept = new Map<string, Buffer>();
  /** Files that are made and not complete. */
  readonly #unfinished = new Set<string>();
  /** Files on the disk that are to be deleted when they are old, oldest first. */
  readonly #aging: string[] = [];
  readonly #unlisted: Unlisted[] = [];
  #waitingBytes = 0;
  #isResumed = false;
  #nextIndex = 0;
  /** Whether the folder has, or had, segments that the next one follows. */
  #hasSegments = false;
  /** One was not begun, or given up while others wait: the next that begins does not follow. */
  #isMissed = false;
  /** One failed: the next that is complete does not follow. */
  #isGap = false;
  #isLive = false;
  /** The last publication's last segment is listed. */
  #isEnded = false;
  #playlist: Buffer | null = null;

  /** @param before what must be over before the folder is touched: its removal, where the stream was here before */
  constructor(name: string, options: HlsOptions, deps: HlsStreamDeps, before: Promise<void>) {
    this.name = name;
    this.#options = options;
    this.#deps = deps;
    this.#losses = new LossReport(name, deps.clock, deps.log);
    this.#window = new LiveWindow(options.fragmentNum, options.fragmentDurationMs);
    this.#queue = new WorkQueue((error) => deps.log.error({ stream: name, error }, 'a fault of the server in HLS'));
    this.#queue.push(() => before);
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** Resolves when all that was begun is on the disk, or lost. */
  get idle(): Promise<void> {
    return this.#queue.idle;
  }

  /** A publication begins; the last one has ended. */
  begin(appName: string): FrameConsumer {
    this.appName = appName;
    this.#isLive = true;
    this.#playlist = null;
    this.#queue.push(() => this.#reopen());
    const { clock, log } = this.#deps;
    let making: Making | null = null;
    let isFirst = true;
    const sink: SegmentSink = {
      open: (isDiscontinuous) => {
        this.#isMissed ||= isDiscontinuous || isFirst;
        isFirst = false;
        making = this.#begun(clock.unixMs());
        return making !== null;
      },
      close: (segment) => {
        if (making !== null) this.#complete(making, segment);
      },
      end: () => {
        this.#isLive = false;
        this.#queue.push(() => this.#end());
      },
    };
    return new Segmenter(this.#options.fragmentDurationMs, this.#muxer, sink, (codec) =>
      log.warn({ stream: this.name, codec }, 'MPEG-TS cannot carry this codec; HLS goes on without it'),
    );
  }

  /** The live playlist; null: no segment is complete yet. */
  playlist(): Buffer | null {
    if (this.#window.isEmpty) return null;
    this.#playlist ??= Buffer.from(this.#window.serialize(this.#isEnded && !this.#isLive));
    return this.#playlist;
  }

  /** A segment's bytes; null: it is not complete; undefined: it is on the disk or nowhere. */
  segment(file: string): Buffer | null | undefined {
    return this.#unfinished.has(file) ? null : this.#kept.get(file);
  }

  /** Deletes what is on the disk. Resolves when that is done. */
  remove(): Promise<void> {
    const { disk, log } = this.#deps;
    this.#queue.push(async () => {
      try {
        await disk?.removeAll();
      } catch (error) {
        log.warn({ stream: this.name, error }, 'the folder of an HLS stream that has ended could not be deleted');
      }
    });
    return this.#queue.idle;
  }

  /** Looks at the folder once, and again before each segment where that failed. */
  async #resume(): Promise<void> {
    if (this.#isResumed) return;
    const leftover = await this.#deps.disk?.leftover();
    this.#isResumed = true;
    if (leftover === undefined) return;
    const { files, playlist, nextIndex } = leftover;
    this.#nextIndex = nextIndex;
    this.#hasSegments = files.length > 0 || playlist !== null;
    const there = new Set(files.map(encodeURIComponent));
    this.#window.resume(playlist, nextIndex, (uri) => there.has(uri));
    if (this.#options.cleanup === 'segments') this.#aging.push(...files);
  }

  /** What viewers see of an earlier publication is live again. */
  async #reopen(): Promise<void> {
    try {
      await this.#resume();
      this.#isEnded = false;
      if (this.#window.isEmpty) return;
      this.#changed();
      await this.#deps.disk?.writeLive(this.#window.serialize(false));
    } catch (error) {
      this.#losses.playlists(error);
    }
  }

  async #end(): Promise<void> {
    // where a publisher is back already the stream has not ended
    if (!this.#isLive) {
      this.#isEnded = true;
      this.#changed();
      if (!this.#window.isEmpty) await this.#writePlaylists(true);
    }
  }

  /** Makes the segment's file, later; null where too much waits for the disk already. */
  #begun(unixMs: number): Making | null {
    if (this.#queue.length >= MAX_WAITING_WORK || this.#waitingBytes >= MAX_WAITING_BYTES) {
      this.#miss();
      return null;
    }
    const making: Making = { unixMs, isDiscontinuous: this.#isMissed, made: null };
    this.#isMissed = false;
    this.#queue.push(() => this.#create(making));
    return making;
  }

  #complete(making: Making, { parts, bytes, durationMs }: CutSegment): void {
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.#queue.push(() => this.#discard(making));
      this.#miss();
      return;
    }
    this.#waitingBytes += bytes;
    const whole = Buffer.concat(parts, bytes);
    this.#queue.push(async () => {
      try {
        await this.#finish(making, whole, durationMs);
      } finally {
        this.#waitingBytes -= bytes;
      }
    });
  }

  #miss(): void {
    this.#isMissed = true;
    this.#losses.segment('the disk is too slow');
    this.#deps.watch?.segmentLost();
  }

  async #create(making: Making): Promise<void> {
    try {
      await this.#resume();
      const index = this.#nextIndex;
      const file = segmentFile(this.name, making.unixMs, index);
      this.#unfinished.add(file);
      making.made = { file, index };
      await this.#deps.disk?.create(file);
      this.#nextIndex++;
      this.#tell('open', file, index, 0);
    } catch (error) {
      await this.#discard(making);
      this.#fail(error);
    }
  }

  async #finish(making: Making, bytes: Buffer, durationMs: number): Promise<void> {
    const { made } = making;
    if (made === null) return;
    const { file, index } = made;
    try {
      await this.#writeSegment(file, bytes);
    } catch (error) {
      await this.#discard(making);
      this.#fail(error);
      return;
    }
    this.#unfinished.delete(file);
    this.#keep(file, bytes);
    const isDiscontinuous = this.#hasSegments && (making.isDiscontinuous || this.#isGap);
    const segment = { uri: encodeURIComponent(file), durationMs, isDiscontinuous };
    this.#hasSegments = true;
    this.#isGap = false;
    this.#window.push(segment);
    this.#unlisted.push({ file, index, segment, isRecorded: false });
    if (this.#unlisted.length > MAX_UNLISTED) this.#unlisted.shift();
    this.#changed();
    await this.#writePlaylists(false);
    await this.#deleteOld(file);
  }

  async #writeSegment(file: string, bytes: Buffer): Promise<void> {
    const { disk, clock, watch } = this.#deps;
    if (disk === null) return;
    const beganMs = clock.monotonicMs();
    await disk.finish(file, bytes);
    watch?.segmentWritten(clock.monotonicMs() - beganMs);
  }

  async #discard(making: Making): Promise<void> {
    if (making.made === null) return;
    const { file } = making.made;
    making.made = null;
    await this.#deps.disk?.discard(file);
    this.#unfinished.delete(file);
  }

  #keep(file: string, bytes: Buffer): void {
    const { fragmentNum, deleteThreshold } = this.#options;
    this.#kept.set(file, bytes);
    const most = this.#deps.disk === null ? fragmentNum + deleteThreshold : KEPT_BESIDE_DISK;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= most) break;
      this.#kept.delete(oldest);
    }
  }

  /** Writes both playlists, and tells of the segments that are listed in them since. */
  async #writePlaylists(isEnd: boolean): Promise<void> {
    const { disk } = this.#deps;
    try {
      if (disk !== null) {
        if (this.#options.cleanup !== 'segments') {
          await this.#record(disk);
          if (isEnd) await disk.endRecord();
        }
        await disk.writeLive(this.#window.serialize(isEnd));
      }
    } catch (error) {
      this.#losses.playlists(error);
      return;
    }
    for (const { file, index, segment } of this.#unlisted.splice(0)) {
      this.#tell('close', file, index, segment.durationMs);
    }
  }

  async #record(disk: DiskStore): Promise<void> {
    for (const each of this.#unlisted) {
      if (!each.isRecorded) await disk.addToRecord(each.segment);
      each.isRecorded = true;
    }
  }

  async #deleteOld(file: string): Promise<void> {
    const { cleanup, fragmentNum, deleteThreshold } = this.#options;
    if (cleanup !== 'segments') return;
    this.#aging.push(file);
    const excess = this.#aging.length - fragmentNum - deleteThreshold;
    for (const old of this.#aging.splice(0, Math.max(0, excess))) await this.#deps.disk?.discard(old);
  }

  #changed(): void {
    this.#playlist = null;
    this.#deps.onChange();
  }

  #fail(reason: unknown): void {
    this.#isGap = true;
    this.#losses.segment(reason);
    this.#deps.watch?.segmentLost();
  }

  #tell(event: 'open' | 'close', file: string, id: number, durationMs: number): void {
    this.#deps.ledger.record({
      kind: 'hls_make_ts',
      unixMs: this.#deps.clock.unixMs(),
      event,
      streamName: this.name,
      cwd: this.#deps.cwd,
      tsFile: this.#path(file),
      liveM3u8File: this.#path(LIVE_FILE),
      recordM3u8File: this.#path(RECORD_FILE),
      id,
      durationSec: durationMs / 1000,
    });
  }

  /** Relative where the configured folder is. */
  #path(file: string): string {
    return join(this.#options.outPath, this.name, file);
  }
}
