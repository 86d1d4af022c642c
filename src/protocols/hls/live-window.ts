/** The live playlist of one stream: its last segments, numbered on over all that came before them. */
import {
  type MediaPlaylist,
  type PlaylistSegment,
  parsePlaylist,
  serializePlaylist,
  targetSecOf,
} from '../../containers/m3u8/index.ts';

export class LiveWindow {
  readonly #size: number;
  #segments: PlaylistSegment[] = [];
  #mediaSequence = 0;
  #discontinuitySequence = 0;
  readonly #leastTargetSec: number;

  /** @param size segments listed at most */
  constructor(size: number, fragmentMs: number) {
    this.#size = size;
    this.#leastTargetSec = targetSecOf(fragmentMs);
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /**
   * Goes on from a playlist of an earlier process; without one, numbers begin at `nextNumber`.
   * @param isThere whether the segment of this URI still exists
   */
  resume(text: string | null, nextNumber: number, isThere: (uri: string) => boolean): void {
    const before: MediaPlaylist | null = text === null ? null : parsePlaylist(text);
    this.#mediaSequence = nextNumber;
    if (before === null) return;
    const firstKept = before.segments.findLastIndex(({ uri }) => !isThere(uri)) + 1;
    this.#mediaSequence = before.mediaSequence;
    this.#discontinuitySequence = before.discontinuitySequence;
    this.#segments = [...before.segments];
    this.#drop(firstKept);
    this.#drop(this.#segments.length - this.#size);
  }

  push(segment: PlaylistSegment): void {
    this.#segments.push(segment);
    this.#drop(this.#segments.length - this.#size);
  }

  serialize(isEnded: boolean): string {
    return serializePlaylist({
      type: 'live',
      // of what is listed, so that one long segment does not slow viewers down for ever
      targetSec: Math.max(this.#leastTargetSec, ...this.#segments.map(({ durationMs }) => targetSecOf(durationMs))),
      mediaSequence: this.#mediaSequence,
      discontinuitySequence: this.#discontinuitySequence,
      segments: this.#segments,
      isEnded,
    });
  }

  /** The first `count` are no longer listed (RFC 8216 6.2.2). */
  #drop(count: number): void {
    for (const { isDiscontinuous } of this.#segments.splice(0, Math.max(0, count))) {
      this.#mediaSequence++;
      if (isDiscontinuous) this.#discontinuitySequence++;
    }
  }
}
