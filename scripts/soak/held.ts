/** What a server under soak holds while nobody is there, and whether that grows with the sessions that came and went. */

/** What one thread holds. */
export interface ThreadHeld {
  readonly thread: string;
  /** Bytes, after garbage collection. */
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  /** Timers, sockets, requests and so on that began and have not ended, those that keep no process alive included. */
  readonly resources: Readonly<Record<string, number>>;
}

/** What the process holds. */
export interface Held {
  readonly threads: readonly ThreadHeld[];
  /** Bytes. */
  readonly rss: number;
  /** What its file descriptors are: files by their path, all others by their kind. */
  readonly descriptors: readonly string[];
}

/** One look at a server that nobody uses. */
export interface Look {
  /** Sessions that had come and gone by then. */
  readonly sessions: number;
  readonly held: Held;
}

/** Names, to the server, the file that it writes what it holds to. */
export const PROBE_FILE = 'MILLRACE_SOAK_PROBE';
/** The first rounds warm up: code is compiled, caches and pools fill. It is over after so many looks, or this part of them all. */
export const WARM_LOOKS = 2;
const WARM_PART = 1 / 3;
/** With fewer looks a line through them says nothing. */
const LEAST_LOOKS = 5;
/** A line's rise is taken for one if it is still there this many standard errors below. */
const ERRORS = 3;
/** What heap and buffers may have grown by for certain. Bytes. */
const MAX_HEAP = 2 * 1024 * 1024;
/** Likewise resident memory, whose pages fill up unevenly. Bytes. */
const MAX_RSS = 24 * 1024 * 1024;
/** Connections to receivers are kept open for a while, so a few things more or less mean nothing. */
const SLACK = 3;
/** A thing that was left behind is there in each of so many last looks. */
const LAST = 3;

/** A quantity over the looks. */
export interface Growth {
  readonly what: string;
  /** Bytes a session, and its standard error. */
  readonly slope: number;
  readonly error: number;
  readonly last: number;
}

/** Heap with buffers, and resident memory, by the sessions that came; the warm-up is left out. */
export function growthOf(looks: readonly Look[]): Growth[] {
  const warm = warmOf(looks);
  const line = (what: string, of: (held: Held) => number): Growth => ({
    what,
    ...fitLine(warm.map(({ sessions, held }) => [sessions, of(held)])),
    last: of(looks.at(-1)?.held ?? { threads: [], rss: 0, descriptors: [] }),
  });
  return [line('heap and buffers', heapOf), line('resident memory', ({ rss }) => rss)];
}

/** All that grew, or was left behind, a sentence each. */
export function growthFaults(looks: readonly Look[]): string[] {
  const warm = warmOf(looks);
  const faults = leftovers(looks);
  if (warm.length < LEAST_LOOKS) return faults;
  const sessions = (warm.at(-1)?.sessions ?? 0) - (warm[0]?.sessions ?? 0);
  const [heap, resident] = growthOf(looks);
  for (const [growth, most] of [[heap, MAX_HEAP] as const, [resident, MAX_RSS] as const]) {
    if (growth === undefined || (growth.slope - ERRORS * growth.error) * sessions <= most) continue;
    faults.push(
      `${growth.what} grew by ${growth.slope.toFixed(0)} ± ${growth.error.toFixed(0)} bytes a session, over ${sessions} sessions`,
    );
  }
  return faults;
}

function warmOf(looks: readonly Look[]): readonly Look[] {
  return looks.slice(Math.max(WARM_LOOKS, Math.floor(looks.length * WARM_PART)));
}

/** Resources and descriptors that there are more of in each of the last looks than in any of the first warm ones. */
function leftovers(looks: readonly Look[]): string[] {
  const first = looks.slice(WARM_LOOKS - 1, WARM_LOOKS + 1).map(({ held }) => countsOf(held));
  const last = looks
    .slice(WARM_LOOKS + 1)
    .slice(-LAST)
    .map(({ held }) => countsOf(held));
  const kinds = new Set(last.flatMap((counts) => [...counts.keys()]));
  return [...kinds].flatMap((kind) => {
    const before = Math.max(...first.map((counts) => counts.get(kind) ?? 0));
    const now = Math.min(...last.map((counts) => counts.get(kind) ?? 0));
    return now > before + SLACK ? [`${kind}: ${now}, after the warm-up ${before}`] : [];
  });
}

/** How many there are of each kind: `main Timeout`, `descriptor socket`. */
export function countsOf({ threads, descriptors }: Held): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { thread, resources } of threads) {
    for (const [kind, count] of Object.entries(resources)) counts.set(`${thread} ${kind}`, count);
  }
  for (const each of descriptors) {
    const kind = `descriptor ${each}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** Bytes of JavaScript's own: all threads' heaps and buffers. */
export function heapOf({ threads }: Held): number {
  return threads.reduce((sum, { heapUsed, arrayBuffers }) => sum + heapUsed + arrayBuffers, 0);
}

/** The least-squares line through points: its slope, and the slope's standard error. */
function fitLine(points: readonly (readonly [x: number, y: number])[]): { slope: number; error: number } {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (n < 3 || squares === 0) return { slope: 0, error: 0 };
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / squares;
  const residue = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(residue / (n - 2) / squares) };
}
