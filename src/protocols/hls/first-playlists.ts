/** Requests that wait for a stream's first playlist. */
import { WaitingRoom } from './low-latency/waiting-room.ts';

/** How long a request waits for a stream to come, and for its first segment. Milliseconds. */
const PATIENCE_MS = 10_000;
/** Requests that wait at a time, over all streams. */
const MAX_WAITING = 10_000;

type Outcome = 'there' | 'in vain' | 'full';

export class FirstPlaylists {
  readonly #rooms = new Map<string, WaitingRoom<Outcome>>();
  #waiting = 0;

  /**
   * Resolves once the stream's playlist is there; when waiting has become vain, or 10 s have passed; or at once where too
   * many wait already. Once `gone` is aborted nobody waits any more.
   */
  async wait(streamName: string, isThere: () => boolean, mayCome: () => boolean, gone?: AbortSignal): Promise<Outcome> {
    const attempt = (): Outcome | null => (isThere() ? 'there' : mayCome() ? null : 'in vain');
    const outcome = attempt();
    if (outcome !== null) return outcome;
    if (this.#waiting >= MAX_WAITING) return 'full';
    const room = this.#rooms.get(streamName) ?? new WaitingRoom<Outcome>(MAX_WAITING);
    this.#rooms.set(streamName, room);
    this.#waiting++;
    try {
      return await room.wait(attempt, PATIENCE_MS, 'in vain', gone);
    } finally {
      this.#waiting--;
      if (room.size === 0) this.#rooms.delete(streamName);
    }
  }

  /** Something about the stream is new. */
  wake(streamName: string): void {
    this.#rooms.get(streamName)?.wake();
  }
}
