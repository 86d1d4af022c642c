/** Says what goes wrong again and again at most once in a while, with how often it happened. */
import type { Clock } from '../streams/index.ts';

const INTERVAL_MS = 10_000;

export class Complaints {
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { saidMs: number; unsaid: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `say` with the number of times that `kind` happened since it was said last, this one included. */
  about(kind: string, say: (times: number) => void): void {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#kinds.get(kind);
    if (known === undefined) {
      this.#kinds.set(kind, { saidMs: nowMs, unsaid: 0 });
      say(1);
      return;
    }
    known.unsaid++;
    if (nowMs - known.saidMs < INTERVAL_MS) return;
    say(known.unsaid);
    known.saidMs = nowMs;
    known.unsaid = 0;
  }
}
