/** One stream in one format: muxes each frame once, gathers, and gives the same bytes to its audiences in all threads. */
import { type Frame, type Muxer, NO_TRACKS, type OutputFormat, type Tracks } from '../media/index.ts';
import {
  Audience,
  type AudienceOptions,
  type Batch,
  type BatchTarget,
  type MuxedGop,
  type Opening,
  type Player,
  type Sink,
} from './audience.ts';
import type { Gop } from './gop-cache.ts';
import type { Clock } from './ports.ts';
import type { HubWatch } from './snapshot.ts';

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

/** Who is told how long batches take. */
export interface FanoutTiming {
  readonly clock: Clock;
  readonly watch: HubWatch;
}

/** Another thread, which has audiences of its own. */
export interface BranchOwner {
  /** Makes an audience there that goes on from here. `close` when its last player has left. */
  openBranch(options: AudienceOptions, gops: readonly MuxedGop[]): Branch;
}

/** A fan-out's audience in another thread. */
export interface Branch extends BatchTarget {
  close(): void;
}

/** The longest that bytes wait for `mergeWriteBytes` to fill. Milliseconds. */
const MERGE_WRITE_MAX_MS = 350;

export class Fanout {
  readonly format: OutputFormat;
  readonly #options: FanoutOptions;
  readonly #formatOptions: FormatOptions;
  readonly #audienceOptions: AudienceOptions;
  readonly #muxer: Muxer;
  readonly #timer: NodeJS.Timeout | null;
  #timing: FanoutTiming | null = null;
  /** Of this thread; where all players are in others it keeps the GOPs that their audiences begin with. */
  readonly #audience: Audience;
  readonly #branches = new Map<BranchOwner, { readonly branch: Branch; readonly players: Set<Player> }>();
  #targets: readonly BatchTarget[];
  /** Whether a frame has come at which a decoder can start; those before it are for nobody. */
  #running = false;
  #tracks: Tracks;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #pendingFrames = 0;
  /** When the first of the pending frames came. */
  #pendingSinceMs = 0;
  /** Whether the pending bytes begin where a newcomer can start, and what that newcomer needs before them. */
  #pendingStarts = false;
  #pendingHeader: Buffer | null = null;

  /** @param gops what the stream has cached, oldest first: muxed at once for the newcomers to come */
  constructor(
    format: OutputFormat,
    tracks: Tracks,
    gops: readonly Gop[],
    options: FanoutOptions,
    formatOptions: FormatOptions,
    timing: FanoutTiming | null = null,
  ) {
    this.format = format;
    this.#options = options;
    this.#formatOptions = formatOptions;
    const { gopNum } = formatOptions;
    this.#audienceOptions = { gopNum, backlogBytes: options.backlogBytes, backlogMs: options.backlogMs };
    this.#audience = new Audience(this.#audienceOptions);
    this.#targets = [this.#audience];
    const wanted = gopNum === 0 ? [] : gops.slice(-gopNum);
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
    // what was cached has not come just now
    this.#timing = timing;
  }

  /** Whether no player is left, in any thread. */
  get isEmpty(): boolean {
    return this.#audience.isEmpty && this.#branches.size === 0;
  }

  /** A newcomer in this thread: it gets the format's opening at once, then what is kept, or waits for a key frame. */
  join(player: Player, sink: Sink): void {
    this.#audience.join(player, sink, this.#opening());
  }

  /** A newcomer in the owner's thread. @returns the audience there, and what the newcomer is to be sent first */
  joinBranch(player: Player, owner: BranchOwner): { readonly branch: Branch; readonly opening: Opening } {
    let entry = this.#branches.get(owner);
    if (entry === undefined) {
      const branch = owner.openBranch(this.#audienceOptions, this.#audience.gops);
      entry = { branch, players: new Set() };
      this.#branches.set(owner, entry);
      this.#targets = [...this.#targets, branch];
    }
    entry.players.add(player);
    return { branch: entry.branch, opening: this.#opening() };
  }

  leave(player: Player): void {
    this.#audience.leave(player);
    for (const [owner, { branch, players }] of this.#branches) {
      if (!players.delete(player) || players.size > 0) continue;
      this.#branches.delete(owner);
      this.#targets = this.#targets.filter((target) => target !== branch);
      branch.close();
    }
  }

  /** The publication's tracks are these from now on. */
  setTracks(tracks: Tracks): void {
    if (tracks === this.#tracks) return;
    this.#flush();
    // who began with audio alone has no key frame yet
    if (this.#tracks.video === null && tracks.video !== null) this.#waitForKeyFrame();
    // and where there are no key frames any more, nothing is kept: newcomers start at any audio frame
    else if (this.#tracks.video !== null && tracks.video === null) this.dropCache();
    this.#tracks = tracks;
    const bytes = this.#wrap(this.#muxer.setTracks(tracks));
    if (bytes.length === 0) return;
    for (const target of this.#targets) target.writeTracks(bytes);
  }

  write(frame: Frame): void {
    const starts = this.#startsAt(frame);
    if (!this.#running && !starts) return;
    this.#running = true;
    if (starts && frame.kind === 'video') this.#flush();
    // asked before the frame is written: a header is for those who start with it
    const isKept = starts && this.#pendingBytes === 0 && this.#formatOptions.gopNum > 0 && this.#tracks.video !== null;
    const header = isKept ? this.#wrap(this.#muxer.header()) : null;
    const bytes = this.#muxer.write(frame);
    if (bytes.length === 0) return;
    if (this.#pendingBytes === 0) {
      this.#pendingStarts = starts;
      this.#pendingHeader = header;
      if (this.#timing !== null) this.#pendingSinceMs = this.#timing.clock.monotonicMs();
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

  /** The stream gave its cache up (a GOP beyond its bound): newcomers wait for the next key frame. */
  dropCache(): void {
    this.#pendingHeader = null;
    for (const target of this.#targets) target.dropCache();
  }

  /** Once a second. */
  tick(): void {
    this.#audience.tick();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #opening(): Opening {
    return { preamble: this.#wrap(this.format.preamble(this.#tracks)), header: this.#wrap(this.#muxer.header()) };
  }

  #waitForKeyFrame(): void {
    this.#running = false;
    for (const target of this.#targets) target.restart();
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

  /** Gives out what is gathered. */
  #flush(): void {
    if (this.#pendingBytes === 0) return;
    const only = this.#pending.length === 1 ? this.#pending[0] : undefined;
    const batch: Batch = {
      bytes: this.#wrap(only ?? Buffer.concat(this.#pending, this.#pendingBytes)),
      frames: this.#pendingFrames,
      starts: this.#pendingStarts,
      header: this.#pendingHeader,
    };
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#pendingFrames = 0;
    for (const target of this.#targets) target.write(batch);
    const timing = this.#timing;
    if (timing !== null) timing.watch.batchWritten(timing.clock.monotonicMs() - this.#pendingSinceMs);
  }
}
