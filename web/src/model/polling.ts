/** Asking again and again: while the page is seen, and the less often the more there is to tell. */
import { useEffect } from 'preact/hooks';

const MAX_DELAY_MS = 15_000;
/** The pause is at least so many times what the answer took. */
const PAUSE_FACTOR = 8;
/** An answer of 1 MB is followed by a pause of 2 s. Bytes a millisecond. */
const BYTES_PER_MS = 500;

/** Calls `task`, which tells the size of its answer and never rejects, until it is stopped. */
export function startPolling(task: () => Promise<number>, minDelayMs: number): () => void {
  let timer: number | undefined;
  let isStopped = false;
  let isAsking = false;
  const ask = async (): Promise<void> => {
    if (isStopped || isAsking || document.hidden) return;
    isAsking = true;
    const started = performance.now();
    const bytes = await task();
    isAsking = false;
    const pause = Math.max(minDelayMs, (performance.now() - started) * PAUSE_FACTOR, bytes / BYTES_PER_MS);
    clearTimeout(timer);
    timer = window.setTimeout(ask, Math.min(pause, MAX_DELAY_MS));
  };
  const onVisible = (): void => void ask();
  document.addEventListener('visibilitychange', onVisible);
  void ask();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisible);
  };
}

/** Polls while the view is there; begins anew when `deps` change. */
export function usePolling(task: () => Promise<number>, minDelayMs: number, deps: readonly unknown[]): void {
  useEffect(() => startPolling(task, minDelayMs), [...deps, minDelayMs]);
}
