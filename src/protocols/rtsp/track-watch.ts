/** What a stream carries, as a player must know it before it can set anything up. */
import { NO_TRACKS, type Tracks } from '../../media/index.ts';
import type { Subscription } from '../../streams/index.ts';

/** Publishers tell their tracks one after the other; once one is known, the other is waited for this long. Milliseconds. */
const SETTLING_MS = 500;

export class TrackWatch {
  #tracks: Tracks = NO_TRACKS;
  #timer: NodeJS.Timeout | null = null;
  #settling: NodeJS.Timeout | null = null;
  #settle: ((tracks: Tracks | null) => void) | null = null;
  readonly #onChange: (tracks: Tracks) => void;

  /** @param onChange hears each change of what is published, but not that nothing is */
  constructor(subscription: Subscription, onChange: (tracks: Tracks) => void) {
    this.#onChange = onChange;
    subscription.watchTracks((tracks) => this.#onTracks(tracks));
  }

  /**
   * Resolves with the tracks once both kinds are known, or one is and the other does not show up; null where nothing is
   * published within `waitMs`, or the player is gone. One call at a time.
   */
  settled(waitMs: number): Promise<Tracks | null> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#timer = setTimeout(() => this.#end(this.#some()), waitMs);
      this.#look();
    });
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#end(null);
  }

  #onTracks(tracks: Tracks): void {
    this.#tracks = tracks;
    if (this.#some() !== null) this.#onChange(tracks);
    this.#look();
  }

  #look(): void {
    if (this.#settle === null) return;
    if (this.#tracks.video !== null && this.#tracks.audio !== null) this.#end(this.#tracks);
    else if (this.#some() !== null) this.#settling ??= setTimeout(() => this.#end(this.#some()), SETTLING_MS);
  }

  #some(): Tracks | null {
    return this.#tracks.video === null && this.#tracks.audio === null ? null : this.#tracks;
  }

  #end(tracks: Tracks | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#timer = null;
    this.#settling = null;
    const settle = this.#settle;
    this.#settle = null;
    settle?.(tracks);
  }
}
