/** What a demuxer tells: tracks and frames, and whatever was wrong with the bytes, as values. */
import { type AudioTrack, type Frame, sameTrack, type Tracks, type VideoTrack } from '../../media/index.ts';

export type TsEvent =
  /** Comes before the first frame that needs them, and again where they change. */
  | { readonly type: 'tracks'; readonly tracks: Tracks }
  | { readonly type: 'frame'; readonly frame: Frame }
  /** A gap in a PID's continuity counters; what was begun on the PID is dropped. */
  | { readonly type: 'loss'; readonly pid: number; readonly expected: number; readonly found: number }
  /** Bytes that are no packets. */
  | { readonly type: 'skipped'; readonly bytes: number }
  /** Something on the PID was dropped; `reason` says what and why, with value and limit. */
  | { readonly type: 'problem'; readonly pid: number; readonly reason: string }
  /** An access unit on the PID was dropped, for it is larger, or in more pieces, than any that is taken; each is told. */
  | { readonly type: 'excess'; readonly pid: number; readonly reason: string };

/** Gathers the events of one push, and knows the tracks found so far. */
export class EventList {
  #events: TsEvent[] = [];
  #tracks: Tracks = { video: null, audio: null, metadata: null };

  take(): TsEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  push(event: TsEvent): void {
    this.#events.push(event);
  }

  problem(pid: number, reason: string): void {
    this.#events.push({ type: 'problem', pid, reason });
  }

  excess(pid: number, reason: string): void {
    this.#events.push({ type: 'excess', pid, reason });
  }

  setVideo(video: VideoTrack | null): void {
    if (!sameTrack(this.#tracks.video, video)) this.#setTracks({ ...this.#tracks, video });
  }

  setAudio(audio: AudioTrack | null): void {
    if (!sameTrack(this.#tracks.audio, audio)) this.#setTracks({ ...this.#tracks, audio });
  }

  #setTracks(tracks: Tracks): void {
    this.#tracks = tracks;
    this.#events.push({ type: 'tracks', tracks });
  }
}
