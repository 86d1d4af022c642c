/** Test helper: what publishers and hooks are given, with a log of which the errors are kept. */
import type { Log, Registry } from '../streams/index.ts';
import type { InsideDeps } from './inside.ts';

export function errorLog(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  const silent = (): void => {};
  return {
    log: { debug: silent, info: silent, warn: silent, error: (_, message) => void errors.push(message) },
    errors,
  };
}

/** Sessions are numbered from 1. */
export function insideOf(hub: Registry): { deps: InsideDeps; errors: string[] } {
  const { log, errors } = errorLog();
  let last = 0;
  return { deps: { hub, counter: { next: () => ++last }, log }, errors };
}
