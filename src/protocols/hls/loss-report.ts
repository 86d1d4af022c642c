/** Says in the log that the disk costs segments: at once, and then not more often than is useful. */
import type { Clock, Log } from '../../streams/index.ts';

/** Between two lines of one stream. Milliseconds. */
const INTERVAL_MS = 10_000;

export class LossReport {
  readonly #streamName: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #lost = 0;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(streamName: string, clock: Clock, log: Log) {
    this.#streamName = streamName;
    this.#clock = clock;
    this.#log = log;
  }

  /** A segment could not be kept. */
  segment(reason: unknown): void {
    this.#lost++;
    this.#say(reason, 'HLS segments are lost; the playlist has a gap there, and the stream goes on');
  }

  /** The playlists could not be written; they are with the next segment. */
  playlists(reason: unknown): void {
    this.#say(reason, 'HLS playlists could not be written');
  }

  #say(reason: unknown, sentence: string): void {
    const now = this.#clock.monotonicMs();
    if (now - this.#saidAt < INTERVAL_MS) return;
    this.#saidAt = now;
    const why = reason instanceof Error ? reason.message : String(reason);
    this.#log.error({ stream: this.#streamName, lost: this.#lost, reason: why }, sentence);
  }
}
