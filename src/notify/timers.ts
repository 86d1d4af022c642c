/** Timers as this part sees them, handed in so that tests need not wait. */

export interface Timers {
  /** Runs `run` once, `ms` from now; what it returns calls that off. */
  after(ms: number, run: () => void): () => void;
}

/** A longer delay would overflow the runtime's 32-bit timers and fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
