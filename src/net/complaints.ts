/** Says what goes wrong again and again a few times in a while at most, with how often it happened. */
import type { Clock } from '../streams/index.ts';

const INTERVAL_MS = 10_000;

interface Kind {
  /** When the present interval began. */
  sinceMs: number;
  said: number;
  unsaid: number;
}

export class Complaints {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #atOnce: number;
  readonly #kinds = new Map<string, Kind>();

  /** @param atOnce so many of a kind are said one by one before the rest is summed up */
  constructor(clock: Pick<Clock, 'monotonicMs'>, atOnce = 1) {
    this.#clock = clock;
    this.#atOnce = atOnce;
  }

  /**
   * Calls `say` with the number of times that `kind` happened since it was said last, this one included.
   * @returns whether it was said
   */
  about(kind: string, say: (times: number) => void): boolean {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#kinds.get(kind);
    if (known === undefined || (known.unsaid === 0 && nowMs - known.sinceMs >= INTERVAL_MS)) {
      this.#kinds.set(kind, { sinceMs: nowMs, said: 1, unsaid: 0 });
      say(1);
      return true;
    }
    if (known.said < this.#atOnce) {
      known.said++;
      say(1);
      return true;
    }
    known.unsaid++;
    if (nowMs - known.sinceMs < INTERVAL_MS) return false;
    say(known.unsaid);
    known.sinceMs = nowMs;
    known.unsaid = 0;
    return true;
  }
}
