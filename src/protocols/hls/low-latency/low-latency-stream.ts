/** Low-latency HLS of one stream name, over all its publications: takes frames, answers requests. From memory. */
import { type HttpAnswer, PLAYLIST_TYPE, textAnswer } from '../../../net/index.ts';
import type { Clock, FrameConsumer } from '../../../streams/index.ts';
import { Packager } from './packager.ts';
import { type Names, type PlaylistState, SUFFIX_MARK, writePlaylist } from './playlist.ts';
import { SegmentWindow } from './segment-window.ts';
import { WaitingRoom } from './waiting-room.ts';

export interface LowLatencyOptions {
  /** What parts are to have about; whole frames decide. */
  readonly partDurationMs: number;
  /** A segment ends at the first key frame after this. */
  readonly segmentDurationMs: number;
  /** Segments in the playlist; more where three target durations need more. */
  readonly segmentCount: number;
  /** Of media in memory. */
  readonly maxBytes: number;
  /** Requests that wait at a time; more are answered 503. */
  readonly maxWaiting: number;
  /** A request was turned away, since so many wait. */
  readonly onFull?: () => void;
  /** A segment of the playlist had to go for want of memory. */
  readonly onDropped?: () => void;
  readonly clock: Clock;
}

/** The playlist's name; all other names are in it. */
export const LOW_LATENCY_PLAYLIST = 'll.m3u8';
const FILE_NAME = /^ll-([0-9a-z]+)-(?:(\d{1,15})-init\.mp4|part-(\d{1,15})\.m4s|(\d{1,15})\.m4s)$/;
const DECIMAL = /^\d{1,15}$/;
/** A request may ask for a segment so far after the last whole one (RFC 8216bis 6.2.5.2). */
const MAX_SEGMENTS_AHEAD = 2;
/** Seconds of parts that a request may ask ahead; for parts of a second and more, so many parts (6.2.5.2). */
const MAX_AHEAD_SEC = 3;
/** Requests wait so many target durations (6.2.5.2). */
const PATIENCE_TARGETS = 3;

/** What a blocking request waits for. `part` null: the whole segment. */
interface Position {
  readonly sequence: number;
  readonly part: number | null;
}

export class LowLatencyStream {
  readonly #options: LowLatencyOptions;
  readonly #window: SegmentWindow;
  readonly #waiting: WaitingRoom<HttpAnswer>;
  readonly #names: Names;
  /** In every name: what an earlier life of the stream called the same must not come from a cache. */
  readonly #token: string;
  #packager: Packager | null = null;
  #ended = false;
  #seen = 0;
  /** Of this version of the window. */
  #texts: { readonly version: number; readonly whole: PlaylistText; readonly delta: PlaylistText } | null = null;
  #refused = 0;

  constructor(options: LowLatencyOptions) {
    this.#options = options;
    this.#window = new SegmentWindow(options);
    this.#waiting = new WaitingRoom(options.maxWaiting);
    const token = options.clock.unixMs().toString(36);
    this.#token = token;
    this.#names = {
      init: (id) => `ll-${token}-${id}-init.mp4`,
      segment: (sequence) => `ll-${token}-${sequence}.m4s`,
      part: (id) => `ll-${token}-part-${id}.m4s`,
    };
  }

  /**
   * A publication begins; where another one is under way, that is over. What it brings follows, behind a discontinuity,
   * on what was there before. Its `end` leaves the playlist open for the next one.
   */
  begin(): FrameConsumer {
    this.#packager?.end();
    this.#ended = false;
    this.#texts = null;
    const { clock, ...options } = this.#options;
    const packager = new Packager({ ...options, unixMs: () => clock.unixMs() }, this.#window);
    this.#packager = packager;
    return {
      setTracks: (tracks) => this.#run(packager, () => packager.setTracks(tracks)),
      write: (frame) => {
        if (this.#packager !== packager) return;
        packager.write(frame);
        this.#changed();
      },
      discontinuity: () => this.#run(packager, () => packager.discontinuity()),
      end: () => this.#run(packager, () => packager.end()),
    };
  }

  /** The stream is over, and the playlist says so; nobody waits any more. What is there can still be fetched. */
  end(): void {
    this.#packager?.end();
    this.#packager = null;
    this.#ended = true;
    this.#texts = null;
    this.#waiting.wake();
  }

  /** Media in memory; requests that wait, and were refused because too many did. */
  describe(): { bytes: number; waiting: number; refused: number } {
    return { bytes: this.#window.bytes, waiting: this.#waiting.size, refused: this.#refused };
  }

  /**
   * @param name the last part of the path: the playlist's name, or one that stands in it
   * @param gone aborted when nobody waits for the answer any more
   * @param uriSuffix goes behind every URI of the playlist, e.g. `?session_id=1`; as a URI may have it, without quotes
   */
  answer(
    name: string,
    query: URLSearchParams,
    uriSuffix: string,
    gone?: AbortSignal,
  ): HttpAnswer | Promise<HttpAnswer> {
    if (name === LOW_LATENCY_PLAYLIST) return this.#answerPlaylist(query, uriSuffix, gone);
    const [, token, init, part, segment] = FILE_NAME.exec(name) ?? [];
    if (token !== this.#token) return NOT_FOUND;
    if (init !== undefined) return media(this.#window.init(Number(init)));
    if (part !== undefined) return this.#answerPart(Number(part), gone);
    return media(this.#window.segment(Number(segment))?.parts.map(({ bytes }) => bytes) ?? null);
  }

  #answerPlaylist(
    query: URLSearchParams,
    uriSuffix: string,
    gone: AbortSignal | undefined,
  ): HttpAnswer | Promise<HttpAnswer> {
    const skip = query.get('_HLS_skip');
    const delta = skip === 'YES' || skip === 'v2';
    const position = this.#ended ? null : readPosition(query);
    if (position === 'malformed') return textAnswer(400, '_HLS_msn and _HLS_part are decimal, and a part needs both');
    if (position !== null && this.#tooFar(position)) return textAnswer(400, 'what is asked for is too far ahead');
    const window = this.#window;
    return this.#answerWhenReady(
      () => {
        if (this.#ended) return window.listed.length > 0 ? this.#playlist(delta, uriSuffix) : NOT_FOUND;
        if (!window.ready || (position !== null && !this.#has(position))) return null;
        return this.#playlist(delta, uriSuffix);
      },
      window.ready ? UNAVAILABLE : NOT_FOUND,
      gone,
    );
  }

  #answerPart(id: number, gone: AbortSignal | undefined): HttpAnswer | Promise<HttpAnswer> {
    // of those to come, only the next one is hinted at (RFC 8216bis 6.2.6)
    if (id > this.#window.nextPartId) return NOT_FOUND;
    return this.#answerWhenReady(
      () => {
        const part = this.#window.part(id);
        if (part !== null) return media(part.bytes);
        return id < this.#window.nextPartId || this.#ended ? NOT_FOUND : null;
      },
      NOT_FOUND,
      gone,
    );
  }

  #answerWhenReady(
    attempt: () => HttpAnswer | null,
    expired: HttpAnswer,
    gone: AbortSignal | undefined,
  ): HttpAnswer | Promise<HttpAnswer> {
    const answer = attempt();
    if (answer !== null) return answer;
    if (this.#waiting.full) {
      this.#refused++;
      this.#options.onFull?.();
      return UNAVAILABLE;
    }
    return this.#waiting.wait(attempt, PATIENCE_TARGETS * this.#window.targetDurationSec * 1000, expired, gone);
  }

  #playlist(delta: boolean, uriSuffix: string): HttpAnswer {
    const { version } = this.#window;
    if (this.#texts?.version !== version) {
      const state = { window: this.#window, names: this.#names, ended: this.#ended };
      this.#texts = { version, whole: playlistText(state, false), delta: playlistText(state, true) };
    }
    const { text, plain } = delta ? this.#texts.delta : this.#texts.whole;
    const body = uriSuffix === '' ? plain : withSuffix(text, uriSuffix);
    return { status: 200, headers: { 'Content-Type': PLAYLIST_TYPE }, body };
  }

  /** Whether the playlist has this, or something later. */
  #has({ sequence, part }: Position): boolean {
    const { nextSequence, open } = this.#window;
    if (sequence >= nextSequence) return part !== null && sequence === nextSequence && part < (open?.parts.length ?? 0);
    if (part === null || sequence < nextSequence - 1) return true;
    // a part after a segment's last is the first one of the next segment (RFC 8216bis 6.2.5.2)
    const parts = this.#window.segment(sequence)?.parts.length ?? 0;
    return part < parts || open !== null;
  }

  #tooFar({ sequence, part }: Position): boolean {
    const { nextSequence, open } = this.#window;
    if (sequence > nextSequence - 1 + MAX_SEGMENTS_AHEAD) return true;
    if (part === null || sequence < nextSequence) return false;
    const { target } = this.#window;
    const last = sequence === nextSequence ? (open?.parts.length ?? 0) - 1 : 0;
    return part > last + Math.ceil(MAX_AHEAD_SEC / Math.min(1, (target?.maxMs ?? 0) / 1000));
  }

  #run(packager: Packager, call: () => void): void {
    if (this.#packager !== packager) return;
    call();
    this.#changed();
  }

  #changed(): void {
    if (this.#window.version === this.#seen) return;
    this.#seen = this.#window.version;
    this.#waiting.wake();
  }
}

interface PlaylistText {
  readonly text: string;
  /** For all viewers that need no suffix, so that it is compressed once. */
  readonly plain: Buffer;
}

function playlistText(state: PlaylistState, delta: boolean): PlaylistText {
  const text = writePlaylist(state, delta);
  return { text, plain: withSuffix(text, '') };
}

function withSuffix(text: string, uriSuffix: string): Buffer {
  return Buffer.from(text.replaceAll(SUFFIX_MARK, () => uriSuffix));
}

const NOT_FOUND: HttpAnswer = textAnswer(404, 'there is nothing of this name');
const UNAVAILABLE: HttpAnswer = textAnswer(503, 'this is not there yet, or too many wait for it');

function media(body: Buffer | readonly Buffer[] | null): HttpAnswer {
  return body === null ? NOT_FOUND : { status: 200, headers: { 'Content-Type': 'video/mp4' }, body };
}

function readPosition(query: URLSearchParams): Position | null | 'malformed' {
  const sequence = query.get('_HLS_msn');
  const part = query.get('_HLS_part');
  if (sequence === null) return part === null ? null : 'malformed';
  if (!DECIMAL.test(sequence) || (part !== null && !DECIMAL.test(part))) return 'malformed';
  return { sequence: Number(sequence), part: part === null ? null : Number(part) };
}
