/** The segments and parts of one stream that are in memory, once for all viewers, and which of them are listed. */
import type { PartTarget } from './part-target.ts';

export interface Part {
  /** 0, 1, … over the stream's life: parts are named by it. */
  readonly id: number;
  readonly bytes: Buffer;
  readonly durationMs: number;
  /** It has a key frame, or the stream no video. */
  readonly independent: boolean;
}

/** What a segment is known to be when its first part comes. */
export interface SegmentStart {
  readonly init: Buffer;
  /** Its time or its tracks do not follow on the segment before. */
  readonly discontinuity: boolean;
  /** Wall-clock time of its first frame. */
  readonly unixMs: number;
  /** What its parts keep to. */
  readonly target: PartTarget;
}

export interface Segment {
  /** Media Sequence Number. */
  readonly sequence: number;
  readonly initId: number;
  readonly discontinuity: boolean;
  readonly unixMs: number;
  readonly target: PartTarget;
  readonly parts: readonly Part[];
  readonly durationMs: number;
  /** Its parts can be listed: they fill it, and keep to the target. */
  readonly showsParts: boolean;
  readonly bytes: number;
}

export interface WindowOptions {
  /** Segments that are listed at least, where the duration that must be listed does not need more. */
  readonly segmentCount: number;
  /** What segments are to have about. Milliseconds. */
  readonly segmentDurationMs: number;
  /** Of all media in memory; the oldest segments go when there is more. */
  readonly maxBytes: number;
  /** A segment had to go while it was listed. */
  readonly onDropped?: () => void;
}

/** A playlist never becomes shorter than so many target durations by taking segments out (RFC 8216bis 6.2.2). */
const MIN_TARGET_DURATIONS = 3;
/** Whole segments that the first viewers need: players that begin in the only one there is may load it over and over. */
const FIRST_SEGMENTS = 2;
/** Segments that are no longer listed can be fetched a little longer, by those who have the last playlist. */
const UNLISTED_SEGMENTS = 2;

interface OpenSegment extends Segment {
  readonly parts: Part[];
  durationMs: number;
  showsParts: boolean;
  bytes: number;
}

export class SegmentWindow {
  readonly #options: WindowOptions;
  readonly #segments: OpenSegment[] = [];
  readonly #parts = new Map<number, Part>();
  readonly #inits = new Map<number, Buffer>();
  /** Of `#segments`, how many at their front are no longer listed. */
  #unlisted = 0;
  #open: OpenSegment | null = null;
  #nextSequence = 0;
  #nextPartId = 0;
  #lastInitId = -1;
  #discontinuitySequence = 0;
  #targetDurationSec: number;
  #bytes = 0;
  #version = 0;
  #ready = false;

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#targetDurationSec = Math.max(1, Math.round(options.segmentDurationMs / 1000));
  }

  /** Whole segments in the playlist, oldest first. */
  get listed(): readonly Segment[] {
    return this.#segments.slice(this.#unlisted);
  }

  /** Whether viewers can begin. From then on they always can. */
  get ready(): boolean {
    return this.#ready;
  }

  /** The segment that is being made, with at least one part. */
  get open(): Segment | null {
    return this.#open;
  }

  /** What the parts of the last segment keep to; null before there is any. */
  get target(): PartTarget | null {
    return (this.#open ?? this.#segments.at(-1))?.target ?? null;
  }

  /** Of the segment that is being made or comes next. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  get nextPartId(): number {
    return this.#nextPartId;
  }

  /** Discontinuities before the first segment that is listed. */
  get discontinuitySequence(): number {
    return this.#discontinuitySequence;
  }

  /** Whole seconds, never less than before. */
  get targetDurationSec(): number {
    return this.#targetDurationSec;
  }

  /** Of all media in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Changes with each part and each end of a segment. */
  get version(): number {
    return this.#version;
  }

  segment(sequence: number): Segment | null {
    return this.#segments[sequence - (this.#segments[0]?.sequence ?? 0)] ?? null;
  }

  part(id: number): Part | null {
    return this.#parts.get(id) ?? null;
  }

  init(id: number): Buffer | null {
    return this.#inits.get(id) ?? null;
  }

  /** @param start for a segment's first part, where none is open: what the segment is */
  addPart(part: Omit<Part, 'id'>, start: SegmentStart): void {
    this.#open ??= this.#begin(start);
    const open = this.#open;
    const whole: Part = { ...part, id: this.#nextPartId++ };
    open.parts.push(whole);
    open.durationMs += part.durationMs;
    open.bytes += part.bytes.length;
    this.#parts.set(whole.id, whole);
    this.#bytes += part.bytes.length;
    this.#version++;
    this.#boundBytes();
  }

  /**
   * The open segment is whole; nothing where none is open.
   * @param showsParts its parts may be listed
   * @param holeMs how much longer it is than its parts together
   */
  endSegment(showsParts: boolean, holeMs = 0): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    open.durationMs += holeMs;
    open.showsParts = showsParts;
    this.#nextSequence++;
    this.#segments.push(open);
    this.#targetDurationSec = Math.max(this.#targetDurationSec, Math.round(open.durationMs / 1000));
    this.#ready ||= this.#segments.length >= FIRST_SEGMENTS;
    this.#version++;
    this.#unlistOld();
    while (this.#unlisted > UNLISTED_SEGMENTS) this.#dropOldest();
    this.#boundBytes();
  }

  #begin(start: SegmentStart): OpenSegment {
    if (this.#inits.get(this.#lastInitId)?.equals(start.init) !== true) {
      this.#lastInitId++;
      this.#inits.set(this.#lastInitId, start.init);
    }
    const { init: _, ...known } = start;
    const sequence = this.#nextSequence;
    return { ...known, sequence, initId: this.#lastInitId, parts: [], durationMs: 0, showsParts: true, bytes: 0 };
  }

  #unlistOld(): void {
    const minMs = MIN_TARGET_DURATIONS * this.#targetDurationSec * 1000;
    let listedMs = this.listed.reduce((sum, segment) => sum + segment.durationMs, 0);
    while (this.#segments.length - this.#unlisted > this.#options.segmentCount) {
      listedMs -= this.#segments[this.#unlisted]?.durationMs ?? 0;
      if (listedMs < minMs) return;
      this.#unlist();
    }
  }

  #unlist(): void {
    if (this.#segments[this.#unlisted]?.discontinuity === true) this.#discontinuitySequence++;
    this.#unlisted++;
  }

  /** The last whole segment stays, whatever its size. */
  #boundBytes(): void {
    while (this.#bytes > this.#options.maxBytes && this.#segments.length > 1) {
      if (this.#unlisted === 0) {
        this.#options.onDropped?.();
        this.#unlist();
      }
      this.#dropOldest();
    }
  }

  /** It is not listed any more. */
  #dropOldest(): void {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return;
    this.#unlisted--;
    this.#bytes -= oldest.bytes;
    for (const part of oldest.parts) this.#parts.delete(part.id);
    const firstInitId = (this.#segments[0] ?? this.#open)?.initId ?? this.#lastInitId;
    for (const id of this.#inits.keys()) {
      if (id < firstInitId) this.#inits.delete(id);
    }
  }
}
