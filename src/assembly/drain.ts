/** Emptying the server before it ends: nobody is let in any more, and those who are here have a while to leave. */
import type { DrainResult } from '../api/index.ts';
import type { Clock } from '../streams/index.ts';

export interface DrainDeps {
  readonly clock: Clock;
  sessionCount(): number;
  /** Nobody is to be let in from now on. Once. */
  begin(): void;
}

export class Drain {
  /** Resolves once nobody is here, or the time is over. */
  readonly over: Promise<void>;
  readonly #deps: DrainDeps;
  readonly #end: () => void;
  #endsAtMs: number | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: DrainDeps) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
    this.#deps = deps;
  }

  /** Begins, the first time; after that it only tells how it stands. @param timeoutMs no more than a timer can take */
  begin(timeoutMs: number): DrainResult {
    const { clock } = this.#deps;
    if (this.#endsAtMs === null) {
      this.#endsAtMs = clock.monotonicMs() + timeoutMs;
      this.#timer = setTimeout(this.#end, timeoutMs);
      this.#deps.begin();
      this.check();
    }
    const leftMs = Math.max(0, Math.round(this.#endsAtMs - clock.monotonicMs()));
    return { ok: true, sessions: this.#deps.sessionCount(), endsAtUnixMs: clock.unixMs() + leftMs, leftMs };
  }

  /** The server stops, whether it was drained or not. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Sessions have come or gone. */
  check(): void {
    if (this.#endsAtMs !== null && this.#deps.sessionCount() === 0) this.#end();
  }
}
