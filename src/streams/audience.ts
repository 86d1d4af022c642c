/** The players of one stream in one format in one thread: keeps GOPs for newcomers, and writes each batch to all. */

/** Where a player's bytes go; a `net.Socket` is one. */
export interface Sink {
  write(bytes: Buffer): unknown;
  /** Bytes accepted but not yet handed to the kernel. */
  readonly writableLength: number;
}

/** Where a player stands: before its first key frame, in full flow, or skipping what it could not take. */
export type Flow = 'waiting' | 'live' | 'dropping';

/** Somebody who is sent what the audience is sent, as fast as it can take it. */
export interface Player {
  /** Null: it is sent nothing. */
  sink: Sink | null;
  flow: Flow;
  /** So many frames were not written to it. */
  drop(frames: number): void;
}

/** Muxed and framed bytes that are written in one go. */
export interface Batch {
  readonly bytes: Buffer;
  /** Video and audio frames in it. */
  readonly frames: number;
  /** Whether a player can start with it. */
  readonly starts: boolean;
  /** Where it begins a GOP that is kept for newcomers: what they need before it. Null elsewhere. */
  readonly header: Buffer | null;
}

/** What a fan-out tells each of its audiences, in whichever thread they are. */
export interface BatchTarget {
  write(batch: Batch): void;
  /** The tracks changed: what running players need before the next batch. */
  writeTracks(bytes: Buffer): void;
  /** What is kept is not to be given to newcomers: they wait for the next batch at which they can start. */
  dropCache(): void;
  /** Nobody can go on with the next batch: all wait for one at which they can start. */
  restart(): void;
}

/** What a newcomer is sent first. Either may be empty. */
export interface Opening {
  /** What opens every connection. */
  readonly preamble: Buffer;
  /** What one needs who starts at the next batch. */
  readonly header: Buffer;
}

/** One run of batches from one at which a newcomer can start. */
export interface MuxedGop {
  readonly header: Buffer;
  readonly batches: Buffer[];
}

export interface AudienceOptions {
  /** GOPs kept for newcomers; 0: they start at the next key frame. */
  readonly gopNum: number;
  /** A player with more bytes than this waiting loses whole GOPs. */
  readonly backlogBytes: number;
  /** Likewise, in milliseconds of the stream at its present bit rate. */
  readonly backlogMs: number;
}

/** A backlog in seconds is never taken to be less than this many bytes: a low bit rate must not drop at one key frame. */
const MIN_BACKLOG_BYTES = 512 * 1024;
/** A player that dropped is taken up again at a key frame once its backlog is below this part of the bound. */
const RESUME_PART = 4;
/** A newcomer is sent this much as a copy of its own; of more it shares the memory with all others. */
const MAX_COPIED_BYTES = 256 * 1024;
/** Track changes kept within one GOP; a publisher that changes them without end loses the cache. Bytes. */
const MAX_CACHED_TRACK_BYTES = 4 * 1024 * 1024;

export class Audience implements BatchTarget {
  readonly #players = new Set<Player>();
  readonly #options: AudienceOptions;
  readonly #gops: MuxedGop[];
  #gopBytes: number;
  /** Of the kept bytes, those of track changes in the running GOP. */
  #trackBytes = 0;
  #bytesInSecond = 0;
  #backlogBound: number;

  /** @param gops what another audience of the same fan-out has kept */
  constructor(options: AudienceOptions, gops: readonly MuxedGop[] = []) {
    this.#options = options;
    this.#backlogBound = options.backlogBytes;
    this.#gops = gops.map(({ header, batches }) => ({ header, batches: [...batches] }));
    this.#gopBytes = this.#gops.reduce((sum, gop) => sum + sizeOf(gop), 0);
  }

  get isEmpty(): boolean {
    return this.#players.size === 0;
  }

  /** What is kept for newcomers, oldest first. */
  get gops(): readonly MuxedGop[] {
    return this.#gops;
  }

  /** A newcomer: it gets the opening at once, then what is kept, or waits for a batch at which it can start. */
  join(player: Player, sink: Sink, opening: Opening): void {
    player.sink = sink;
    this.#players.add(player);
    const first = this.#gopBytes <= this.#backlogBound ? this.#gops[0] : undefined;
    const kept = first === undefined ? [] : this.#gops.flatMap(({ batches }) => batches);
    const parts = [opening.preamble, first?.header ?? opening.header, ...kept];
    if (first !== undefined) player.flow = 'live';
    // one write costs least, but its copy is this player's alone for as long as it does not read
    for (const bytes of this.#gopBytes > MAX_COPIED_BYTES ? parts : [Buffer.concat(parts)]) {
      if (bytes.length > 0) sink.write(bytes);
    }
  }

  leave(player: Player): void {
    this.#players.delete(player);
  }

  /** Hot: one write and a few comparisons a player. */
  write({ bytes, frames, starts, header }: Batch): void {
    this.#keep(bytes, header);
    this.#bytesInSecond += bytes.length;
    const bound = this.#backlogBound;
    for (const player of this.#players) {
      const { sink } = player;
      if (sink === null) continue;
      if (player.flow === 'live') {
        if (sink.writableLength <= bound) {
          sink.write(bytes);
          continue;
        }
        player.flow = 'dropping';
      } else if (starts && (player.flow === 'waiting' || sink.writableLength <= bound / RESUME_PART)) {
        player.flow = 'live';
        sink.write(bytes);
        continue;
      }
      if (player.flow === 'dropping') player.drop(frames);
    }
  }

  writeTracks(bytes: Buffer): void {
    this.#trackBytes += bytes.length;
    if (this.#trackBytes > MAX_CACHED_TRACK_BYTES) this.dropCache();
    else this.#keep(bytes, null);
    for (const { sink } of this.#players) sink?.write(bytes);
  }

  dropCache(): void {
    this.#gops.length = 0;
    this.#gopBytes = 0;
  }

  restart(): void {
    for (const player of this.#players) player.flow = 'waiting';
  }

  /** Batches with so many frames never came here: nobody can go on before one at which a player can start. */
  miss(frames: number): void {
    this.dropCache();
    for (const player of this.#players) {
      if (player.flow === 'live') player.flow = 'dropping';
      if (player.flow === 'dropping') player.drop(frames);
    }
  }

  /** Once a second: the bound in time, as bytes at the present bit rate. */
  tick(): void {
    const byTime = Math.max(MIN_BACKLOG_BYTES, (this.#bytesInSecond * this.#options.backlogMs) / 1000);
    this.#backlogBound = Math.min(this.#options.backlogBytes, byTime);
    this.#bytesInSecond = 0;
  }

  /** Keeps the bytes for newcomers, by whole GOPs; those before the first GOP are for nobody. */
  #keep(bytes: Buffer, header: Buffer | null): void {
    if (header !== null) {
      if (this.#gops.length >= this.#options.gopNum) this.#gopBytes -= sizeOf(this.#gops.shift());
      this.#trackBytes = 0;
      this.#gops.push({ header, batches: [] });
    }
    const gop = this.#gops.at(-1);
    if (gop === undefined) return;
    gop.batches.push(bytes);
    this.#gopBytes += bytes.length;
  }
}

function sizeOf(gop: MuxedGop | undefined): number {
  return gop === undefined ? 0 : gop.batches.reduce((sum, batch) => sum + batch.length, 0);
}
