/** One publication recorded in one format: when a file begins and ends, and the facts about it. */
import { join } from 'node:path';
import type { HevcTagging } from '../containers/flv/index.ts';
import { type Frame, NO_TRACKS, type Tracks } from '../media/index.ts';
import type { Clock, FrameConsumer, Ledger, Log, RecordFacts } from '../streams/index.ts';
import { createFileMuxer, type FileMuxer, type RecordFormat } from './formats.ts';
import { RecordFile } from './record-file.ts';

export interface RecordingOptions {
  readonly streamName: string;
  readonly appName: string;
  readonly format: RecordFormat;
  readonly folder: string;
  /** A file ends at the first key frame after so long, or so many bytes; 0: never for that. */
  readonly splitMs: number;
  readonly splitBytes: number;
  /** How H265 is tagged in FLV. */
  readonly hevc: HevcTagging;
}

export interface RecordingDeps {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly log: Log;
  /** Absent: nobody counts. */
  readonly watch?: RecordWatch;
}

/** Counts what goes wrong, for metrics. Must not throw. */
export interface RecordWatch {
  /** A file could not be made, or written to its end. */
  failed(format: RecordFormat): void;
}

/** A file's facts but its path, which is known when it is there. */
type Begun = Omit<RecordFacts, 'path'>;

const FAULT = 'failed: a fault of the server';

/** A file and what has been put into it. */
interface Part {
  readonly file: RecordFile;
  readonly muxer: FileMuxer;
  readonly firstMs: number;
  lastMs: number;
  endReason: string;
}

export class Recording implements FrameConsumer {
  readonly options: RecordingOptions;
  readonly #deps: RecordingDeps;
  readonly #onOver: (recording: Recording) => void;
  #tracks: Tracks = NO_TRACKS;
  #part: Part | null = null;
  #openFiles = 0;
  #isOver = false;
  /** The tracks of which the format can hold none: others may follow. */
  #unfit: Tracks | null = null;

  /** @param onOver called once nothing more is recorded and every file is complete */
  constructor(options: RecordingOptions, deps: RecordingDeps, onOver: (recording: Recording) => void) {
    this.options = options;
    this.#deps = deps;
    this.#onOver = onOver;
  }

  /** Of the running file; null where none is open yet. */
  get path(): string | null {
    return this.#part?.file.path ?? null;
  }

  setTracks(tracks: Tracks): void {
    this.#tracks = tracks;
    const part = this.#part;
    if (part === null) return;
    try {
      const bytes = part.muxer.setTracks(tracks);
      if (bytes === null) this.#endPart('tracks changed');
      else part.file.write(bytes);
    } catch (error) {
      this.#fault(error);
    }
  }

  write(frame: Frame): void {
    if (this.#isOver) return;
    try {
      this.#take(frame);
    } catch (error) {
      this.#fault(error);
    }
  }

  #take(frame: Frame): void {
    const starts = this.#startsAt(frame);
    if (starts && this.#part !== null && this.#isFull(this.#part, frame)) this.#endPart('split');
    if (this.#part === null) {
      if (!starts || this.#tracks === this.#unfit) return;
      this.#part = this.#begin(frame);
      if (this.#part === null) return;
    }
    const part = this.#part;
    // each file's time begins at 0; what belongs before its first frame is put there
    const dts = Math.max(0, frame.dts - part.firstMs);
    part.lastMs = Math.max(part.lastMs, frame.dts);
    part.file.write(part.muxer.write({ ...frame, dts, pts: Math.max(dts, frame.pts - part.firstMs) }));
  }

  discontinuity(): void {}

  end(): void {
    this.stop('publication ended');
  }

  /** Records no more; what has been taken is still written. */
  stop(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#endPart(reason);
    if (this.#openFiles === 0) this.#onOver(this);
  }

  #startsAt(frame: Frame): boolean {
    const { video } = this.#tracks;
    const hasVideo = video !== null && (this.#part === null || this.#part.muxer.carries(video.codec));
    if (hasVideo) return frame.kind === 'video' && frame.key;
    return frame.kind === 'audio';
  }

  #isFull(part: Part, frame: Frame): boolean {
    const { splitMs, splitBytes } = this.options;
    return (splitMs > 0 && frame.dts - part.firstMs >= splitMs) || (splitBytes > 0 && part.file.bytes >= splitBytes);
  }

  #begin(first: Frame): Part | null {
    const { streamName, appName, format, folder } = this.options;
    const muxer = createFileMuxer(format, this.#tracks, this.options.hevc);
    if (muxer === null) {
      if (this.#unfit === null) {
        this.#deps.log.warn({ stream: streamName, format }, 'not recorded: the format can hold none of its tracks');
      }
      this.#unfit = this.#tracks;
      return null;
    }
    const startUnixMs = this.#deps.clock.unixMs();
    const startSec = Math.floor(startUnixMs / 1000);
    const record: Begun = { streamName, appName, format, startUnixMs };
    const pathOf = (attempt: number): string => join(folder, `${streamName}-${startSec + attempt}.${format}`);
    this.#openFiles++;
    const part: Part = {
      muxer,
      firstMs: first.dts,
      lastMs: first.dts,
      endReason: '',
      file: new RecordFile(pathOf, {
        onOpen: (path) => {
          this.#deps.ledger.record({ kind: 'record_start', unixMs: startUnixMs, ...record, path });
          this.#deps.log.info({ stream: streamName, path }, 'record begun');
        },
        onClosed: (failure) => this.#onClosed(part, record, failure),
      }),
    };
    part.file.write(muxer.begin());
    return part;
  }

  #endPart(reason: string): void {
    const part = this.#part;
    if (part === null) return;
    this.#part = null;
    part.endReason = reason;
    try {
      part.file.write(part.muxer.end());
    } catch (error) {
      if (reason !== FAULT) this.#fault(error);
      part.endReason = FAULT;
    }
    part.file.end();
  }

  /** Ends this record and no other. */
  #fault(error: unknown): void {
    const { streamName: stream, format } = this.options;
    this.#deps.watch?.failed(format);
    this.#deps.log.error({ stream, format, error }, 'a fault of the server ended a record; its stream goes on');
    this.stop(FAULT);
  }

  #onClosed(part: Part, record: Begun, failure: string | null): void {
    const { streamName: stream, format } = this.options;
    const { path, writtenBytes: bytes } = part.file;
    const durationMs = part.lastMs - part.firstMs;
    if (failure !== null) {
      this.#deps.watch?.failed(format);
      this.#deps.log.error({ stream, format, path, failure }, 'a record failed; its stream goes on');
    }
    if (path !== null) {
      const reason = failure === null ? part.endReason : `failed: ${failure}`;
      const unixMs = this.#deps.clock.unixMs();
      this.#deps.ledger.record({ kind: 'record_stop', unixMs, ...record, path, durationMs, bytes, reason });
      this.#deps.log.info({ stream, path, durationMs, bytes, reason }, 'record complete');
    }
    this.#openFiles--;
    if (this.#part === part) {
      this.#part = null;
      this.#isOver = true;
    }
    if (this.#isOver && this.#openFiles === 0) this.#onOver(this);
  }
}
