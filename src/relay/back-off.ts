/** How long is waited before something that failed is tried again. */

const FIRST_MS = 1000;
const LONGEST_MS = 10_000;

/** Milliseconds before the try that follows so many failures in a row: 1, 2, 4, 8, then 10 s. */
export function backOffMs(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
}
