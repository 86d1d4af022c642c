/** All streams that HLS is made of, or was until a while ago. */
import type { Refusals } from '../../net/index.ts';
import type { Clock, FrameConsumer, Ledger, Log, Publication } from '../../streams/index.ts';
import { DiskStore, markedFolders } from './disk-store.ts';
import { LowLatencyStream } from './low-latency/index.ts';
import { nameProblem } from './names.ts';
import { type HlsOptions, keepMs } from './options.ts';
import { HlsStream, type HlsWatch } from './stream.ts';

/** Requests of one low-latency stream that wait for what is next. */
const MAX_LOW_LATENCY_WAITING = 10_000;
/** Media of one low-latency stream in memory. */
const MAX_LOW_LATENCY_MB = 64;

export interface StreamTableDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly cwd: string;
  readonly refusals?: Refusals;
  readonly watch?: HlsWatch;
  /** A stream's playlist has changed, or the stream has begun or ended. */
  readonly onChange: (streamName: string) => void;
}

interface Entry {
  /** Those that held when the stream began. */
  readonly options: HlsOptions;
  readonly stream: HlsStream;
  readonly lowLatency: LowLatencyStream | null;
  /** Runs while the stream is not published. */
  expiry: NodeJS.Timeout | null;
}

export class StreamTable {
  #options: HlsOptions;
  readonly #deps: StreamTableDeps;
  readonly #entries = new Map<string, Entry>();
  /** Folders that are being deleted. */
  readonly #removals = new Map<string, Promise<void>>();
  #leftExpiry: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(options: HlsOptions, deps: StreamTableDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** For the streams that begin from now on; where things are kept stays as it is. */
  update(options: HlsOptions): void {
    const { outPath, inMemory } = this.#options;
    this.#options = { ...options, outPath, inMemory };
  }

  /** Whether the stream has it, or will have it once it begins. */
  hasLowLatency(streamName: string): boolean {
    const { partDurationMs } = this.#entries.get(streamName)?.options ?? this.#options;
    return partDurationMs !== null;
  }

  get(streamName: string): HlsStream | null {
    return this.#entries.get(streamName)?.stream ?? null;
  }

  /** Null where there is none, or nothing has been published yet. */
  lowLatency(streamName: string): LowLatencyStream | null {
    return this.#entries.get(streamName)?.lowLatency ?? null;
  }

  isLive(streamName: string): boolean {
    return this.get(streamName)?.isLive === true;
  }

  /** What takes a publication's frames; null where its name cannot be a folder's. */
  begin({ streamName, appName }: Publication): FrameConsumer | null {
    const problem = nameProblem(streamName);
    if (problem !== null) {
      this.#deps.log.warn({ stream: streamName }, `there is no HLS of this stream: ${problem.reason}`);
      return null;
    }
    const entry = this.#entries.get(streamName) ?? this.#create(streamName);
    if (entry.expiry !== null) clearTimeout(entry.expiry);
    entry.expiry = null;
    const consumer = entry.stream.begin(appName);
    this.#deps.onChange(streamName);
    return withEnd(consumer, () => this.#ended(entry));
  }

  /** What takes a publication's frames for low latency: the second one that is asked, after `begin`. */
  beginLowLatency({ streamName }: Publication): FrameConsumer | null {
    const lowLatency = this.lowLatency(streamName);
    if (lowLatency === null) return null;
    const consumer = lowLatency.begin();
    this.#deps.onChange(streamName);
    return withEnd(consumer, () => lowLatency.end());
  }

  /** Streams that ended with an earlier process have as long to come back as others. */
  async start(): Promise<void> {
    const { outPath, inMemory, cleanup } = this.#options;
    if (inMemory || cleanup === 'never') return;
    const left = await markedFolders(outPath);
    if (left.length === 0 || this.#isStopped) return;
    this.#leftExpiry = setTimeout(() => this.#expireLeft(left), keepMs(this.#options));
    this.#leftExpiry.unref();
  }

  /** Resolves when all that was begun is on the disk. Nothing is deleted any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#leftExpiry !== null) clearTimeout(this.#leftExpiry);
    for (const { expiry } of this.#entries.values()) if (expiry !== null) clearTimeout(expiry);
    await Promise.all([...Array.from(this.#entries.values(), ({ stream }) => stream.idle), ...this.#removals.values()]);
  }

  #create(streamName: string): Entry {
    const { clock, log, ledger, cwd, watch, refusals, onChange } = this.#deps;
    const options = this.#options;
    const { fragmentDurationMs, fragmentNum, inMemory, partDurationMs } = options;
    const disk = inMemory ? null : this.#disk(streamName);
    const stream = new HlsStream(
      streamName,
      options,
      { ...{ clock, log, ledger, cwd, disk }, ...(watch && { watch }), onChange: () => onChange(streamName) },
      this.#removals.get(streamName) ?? Promise.resolve(),
    );
    const lowLatency =
      partDurationMs === null
        ? null
        : new LowLatencyStream({
            partDurationMs,
            segmentDurationMs: fragmentDurationMs,
            segmentCount: fragmentNum,
            maxBytes: MAX_LOW_LATENCY_MB * 1024 * 1024,
            maxWaiting: MAX_LOW_LATENCY_WAITING,
            onFull: () =>
              refusals?.refused('hls_waiting', '', `${MAX_LOW_LATENCY_WAITING} requests wait for ${streamName}`),
            onDropped: () =>
              refusals?.refused(
                'hls_memory',
                '',
                `a segment of ${streamName} had to go: ${MAX_LOW_LATENCY_MB} MB are kept`,
              ),
            clock,
          });
    const entry: Entry = { options, stream, lowLatency, expiry: null };
    this.#entries.set(streamName, entry);
    return entry;
  }

  #ended(entry: Entry): void {
    this.#deps.onChange(entry.stream.name);
    entry.expiry = setTimeout(() => this.#expire(entry), keepMs(entry.options));
    entry.expiry.unref();
  }

  /** The stream has not come back: it is forgotten, and its folder goes where it is to. */
  #expire({ stream, options }: Entry): void {
    const { name } = stream;
    this.#entries.delete(name);
    if (options.cleanup !== 'never') this.#track(name, stream.remove());
  }

  #expireLeft(names: readonly string[]): void {
    for (const name of names.filter((each) => !this.#entries.has(each))) {
      const removal = this.#disk(name).removeAll();
      this.#track(
        name,
        removal.catch((error: unknown) => {
          this.#deps.log.warn({ stream: name, error }, 'the folder of an earlier HLS stream could not be deleted');
        }),
      );
    }
  }

  /** Whoever publishes the stream now waits for its folder's end. */
  #track(name: string, removed: Promise<void>): void {
    const removal = removed.then(() => {
      if (this.#removals.get(name) === removal) this.#removals.delete(name);
    });
    this.#removals.set(name, removal);
  }

  #disk(streamName: string): DiskStore {
    const { outPath, fragmentDurationMs, cleanup } = this.#options;
    return new DiskStore(outPath, streamName, fragmentDurationMs, cleanup === 'never');
  }
}

/** The consumer, with something more to be done at its end. */
function withEnd(consumer: FrameConsumer, afterEnd: () => void): FrameConsumer {
  return {
    setTracks: (tracks) => consumer.setTracks(tracks),
    write: (frame) => consumer.write(frame),
    discontinuity: () => consumer.discontinuity(),
    end: () => {
      consumer.end();
      afterEnd();
    },
  };
}
