/** Asking again and again: while the page is seen, and the less often the more there is to tell. */
import { useEffect, useState } from 'preact/hooks';
import { get, type Query, reasonOf } from './api.ts';

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

interface PolledAnswer<T> {
  /** The newest; null before the first. */
  readonly data: T | null;
  /** Why the last try brought no answer; null where it did. */
  readonly problem: string | null;
}

/** Asks the API while the view is there; at once where the question is another one, or `again` is. */
export function usePolledAnswer<T>(path: string, query: Query, minDelayMs: number, again = 0): PolledAnswer<T> {
  const [answer, setAnswer] = useState<PolledAnswer<T>>({ data: null, problem: null });
  const task = async (): Promise<number> => {
    try {
      const { data, bytes } = await get<T>(path, query);
      setAnswer({ data, problem: null });
      return bytes;
    } catch (error) {
      setAnswer(({ data }) => ({ data, problem: reasonOf(error) }));
      return 0;
    }
  };
  usePolling(task, minDelayMs, [path, JSON.stringify(query), again]);
  return answer;
}
