/** All recordings: by configuration, by the API and by admission; what is on disk, and how long it stays. */
import { lstat, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { HevcTagging } from '../containers/flv/index.ts';
import { fileNameProblem } from '../net/index.ts';
import type { Clock, FrameConsumer, Ledger, Log, Publication, RecordFacts } from '../streams/index.ts';
import { RECORD_FORMATS, type RecordFormat } from './formats.ts';
import { Recording, type RecordWatch } from './recording.ts';

export interface RecorderOptions {
  readonly folders: Readonly<Record<RecordFormat, string>>;
  /** Every publication is recorded in these. */
  readonly always: readonly RecordFormat[];
  /** A file ends at the first key frame after so long, or so many bytes; 0: never for that. */
  readonly splitMs: number;
  readonly splitBytes: number;
  /** How H265 is tagged in FLV. */
  readonly hevc: HevcTagging;
  /** Files are deleted so long after their last byte; 0: never. Milliseconds. */
  readonly retentionMs: number;
}

export interface RecorderDeps {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly log: Log;
  /** Absent: nobody counts. */
  readonly watch?: RecordWatch;
  /** Joins a stream's running publication; null where none runs. */
  tap(streamName: string, consumer: FrameConsumer): (() => void) | null;
  appNameOf(streamName: string): string;
}

export type StartRecord = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** A file of a record, complete or being written. */
export interface RecordEntry {
  readonly streamName: string;
  readonly format: RecordFormat;
  readonly path: string;
  readonly bytes: number;
  /** When the file was begun, and last written to. */
  readonly startUnixMs: number;
  readonly modifiedUnixMs: number;
  readonly isRunning: boolean;
}

/** How often old files are looked for. */
const SWEEP_MS = 60_000;
/** More files of one folder are not looked at. */
const MAX_LISTED = 100_000;

interface Entry {
  readonly recording: Recording;
  /** Takes it away from the stream; null where it ends with the publication by itself. */
  readonly leave: (() => void) | null;
}

export class Recorder {
  #options: RecorderOptions;
  readonly #deps: RecorderDeps;
  /** Those that take frames, by stream and format. */
  readonly #running = new Map<string, Entry>();
  /** Those and the ones that still write. */
  readonly #unfinished = new Set<Recording>();
  #sweeper: NodeJS.Timeout | null = null;
  #onAllDone: (() => void) | null = null;

  constructor(options: RecorderOptions, deps: RecorderDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Tells of the ends of the records that a crash left open. Never rejects. */
  async endLeft(left: readonly RecordFacts[]): Promise<void> {
    for (const record of left) {
      const file = await stat(record.path).catch(() => null);
      const durationMs = file === null ? 0 : Math.max(0, Math.round(file.mtimeMs - record.startUnixMs));
      this.#deps.ledger.record({
        ...{ kind: 'record_stop', unixMs: this.#deps.clock.unixMs(), ...record },
        ...{ durationMs, bytes: file?.size ?? 0, reason: 'server crashed' },
      });
    }
  }

  /** Begins to delete old files. */
  start(): void {
    this.#sweeper = setInterval(() => void this.sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** For the recordings that begin from now on; how long files stay counts for all. */
  update(options: RecorderOptions): void {
    this.#options = options;
  }

  /** A publication begins: its recordings, as configured. */
  consume(publication: Publication): FrameConsumer | null {
    const { streamName, appName } = publication;
    const recordings = this.#options.always.flatMap((format) => {
      const made = this.#make(streamName, appName, format);
      if (typeof made === 'string') {
        this.#deps.log.warn({ stream: streamName, format }, `not recorded: ${made}`);
        return [];
      }
      this.#running.set(keyOf(streamName, format), { recording: made, leave: null });
      return [made];
    });
    if (recordings.length === 0) return null;
    return {
      setTracks: (tracks) => {
        for (const each of recordings) each.setTracks(tracks);
      },
      write: (frame) => {
        for (const each of recordings) each.write(frame);
      },
      discontinuity: () => {},
      end: () => {
        for (const each of recordings) this.#end(each, 'publication ended');
      },
    };
  }

  /** Records what admission wants recorded, unless that is done already: by configuration, or since before the publisher was lost. */
  want(streamName: string, format: RecordFormat): void {
    if (this.#running.has(keyOf(streamName, format))) return;
    const result = this.startRecord(streamName, format);
    if (result.ok) return;
    this.#deps.log.warn({ stream: streamName, format }, `not recorded, though admission wants it: ${result.reason}`);
  }

  /** Records a running publication from its next key frame on, to its end or `stop`. */
  startRecord(streamName: string, format: RecordFormat): StartRecord {
    if (this.#running.has(keyOf(streamName, format))) {
      return { ok: false, reason: `stream ${streamName} is being recorded as ${format} already` };
    }
    const recording = this.#make(streamName, this.#deps.appNameOf(streamName), format);
    if (typeof recording === 'string') return { ok: false, reason: recording };
    const leave = this.#deps.tap(streamName, {
      setTracks: (tracks) => recording.setTracks(tracks),
      write: (frame) => recording.write(frame),
      discontinuity: () => {},
      end: () => this.#end(recording, 'publication ended'),
    });
    if (leave === null) {
      this.#unfinished.delete(recording);
      return { ok: false, reason: `nobody publishes ${streamName}` };
    }
    this.#running.set(keyOf(streamName, format), { recording, leave });
    return { ok: true };
  }

  /** Ends a stream's recordings in this format, or in all. @returns how many that were */
  stopRecord(streamName: string, format: RecordFormat | null): number {
    const formats = format === null ? RECORD_FORMATS : [format];
    const entries = formats.flatMap((each) => this.#running.get(keyOf(streamName, each)) ?? []);
    for (const { recording } of entries) this.#end(recording, 'stopped');
    return entries.length;
  }

  /** The files of one stream, or of all, newest first. */
  async list(streamName: string | null): Promise<RecordEntry[]> {
    const running = new Set([...this.#unfinished].map(({ path }) => path));
    const entries: RecordEntry[] = [];
    for (const file of await this.#files()) {
      if (streamName !== null && file.streamName !== streamName) continue;
      const found = await lstat(file.path).catch(() => null);
      if (found === null || !found.isFile()) continue;
      const isRunning = running.has(file.path);
      entries.push({ ...file, bytes: found.size, modifiedUnixMs: Math.round(found.mtimeMs), isRunning });
    }
    return entries.sort((a, b) => b.startUnixMs - a.startUnixMs);
  }

  /** Deletes the files whose time is over. Never rejects. */
  async sweep(): Promise<void> {
    if (this.#options.retentionMs === 0) return;
    const oldest = this.#deps.clock.unixMs() - this.#options.retentionMs;
    for (const { path, modifiedUnixMs, isRunning } of await this.list(null).catch(() => [])) {
      if (isRunning || modifiedUnixMs > oldest) continue;
      await unlink(path).then(
        () => this.#deps.log.info({ path }, 'record deleted, its time is over'),
        (error: unknown) => this.#deps.log.warn({ path, error }, 'an old record cannot be deleted'),
      );
    }
  }

  /** Ends all recordings; resolves when their files are complete. */
  async stop(): Promise<void> {
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    const done = new Promise<void>((resolve) => {
      this.#onAllDone = resolve;
    });
    for (const { recording } of [...this.#running.values()]) this.#end(recording, 'server stopped');
    if (this.#unfinished.size > 0) await done;
  }

  /** Or the reason why it cannot be. */
  #make(streamName: string, appName: string, format: RecordFormat): Recording | string {
    const problem = fileNameProblem(streamName);
    if (problem !== null) return `its name cannot be a file's: ${problem}`;
    const { splitMs, splitBytes, hevc, folders } = this.#options;
    const { clock, ledger, log, watch } = this.#deps;
    const recording = new Recording(
      { streamName, appName, format, folder: folders[format], splitMs, splitBytes, hevc },
      {
        ...{ clock, ledger, log },
        ...(watch && { watch }),
      },
      (over) => {
        this.#forget(over);
        this.#unfinished.delete(over);
        if (this.#unfinished.size === 0) this.#onAllDone?.();
      },
    );
    this.#unfinished.add(recording);
    return recording;
  }

  #end(recording: Recording, reason: string): void {
    this.#forget(recording);
    recording.stop(reason);
  }

  #forget(recording: Recording): void {
    const key = keyOf(recording.options.streamName, recording.options.format);
    const entry = this.#running.get(key);
    if (entry?.recording !== recording) return;
    this.#running.delete(key);
    entry.leave?.();
  }

  async #files(): Promise<{ streamName: string; format: RecordFormat; path: string; startUnixMs: number }[]> {
    const found = await Promise.all(
      RECORD_FORMATS.map(async (format) => {
        const folder = this.#options.folders[format];
        const names = await readdir(folder).catch(() => []);
        return names.slice(0, MAX_LISTED).flatMap((name) => {
          const [, streamName, second] = /^(.+)-(\d{9,11})\.(?:flv|ts|mp4)$/s.exec(name) ?? [];
          if (streamName === undefined || !name.endsWith(`.${format}`)) return [];
          return [{ streamName, format, path: join(folder, name), startUnixMs: Number(second) * 1000 }];
        });
      }),
    );
    return found.flat();
  }
}

function keyOf(streamName: string, format: RecordFormat): string {
  return `${format} ${streamName}`;
}
