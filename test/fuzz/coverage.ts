/** Which parts of the source have run, by V8's own counters. */
import { type Profiler, Session } from 'node:inspector';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const SOURCE = `${pathToFileURL(join(import.meta.dirname, '../../src')).href}/`;

/** A stretch of a file, in UTF-16 units. */
type Stretch = readonly [start: number, end: number];

/** What never ran of each function that did run, by file and place. */
type Unrun = ReadonlyMap<string, readonly Stretch[]>;

/** Counts from its making to `close`. A look costs some milliseconds, whatever ran: it is for batches of inputs. */
export class Coverage {
  readonly #session = new Session();
  readonly #unrun = new Map<string, readonly Stretch[]>();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How much of the source ran: UTF-16 units of functions, those within others counted again. */
  get size(): number {
    let size = 0;
    for (const [place, unrun] of this.#unrun) {
      const [start, end] = place.split(' ').slice(-2).map(Number);
      size += (end ?? 0) - (start ?? 0) - sizeOf(unrun);
    }
    return size;
  }

  /** What ran since the last look. */
  look(): Unrun {
    const found = new Map<string, readonly Stretch[]>();
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      for (const { url, functions } of result) {
        if (!url.startsWith(SOURCE)) continue;
        for (const { ranges } of functions) {
          const [whole] = ranges;
          if (whole === undefined || whole.count === 0) continue;
          found.set(`${url} ${whole.startOffset} ${whole.endOffset}`, unrunOf(ranges));
        }
      }
    });
    return found;
  }

  /** Whether something ran in it that never ran before. */
  isNew(look: Unrun): boolean {
    for (const [place, unrun] of look) {
      const known = this.#unrun.get(place);
      if (known === undefined || sizeOf(intersection(known, unrun)) < sizeOf(known)) return true;
    }
    return false;
  }

  /** What ran in it is nothing new from now on. */
  add(look: Unrun): void {
    for (const [place, unrun] of look) {
      const known = this.#unrun.get(place);
      this.#unrun.set(place, known === undefined ? unrun : intersection(known, unrun));
    }
  }

  close(): void {
    this.#session.disconnect();
  }
}

/** Of ranges that lie in each other the innermost counts, which comes after those around it. */
function unrunOf(ranges: readonly Profiler.CoverageRange[]): readonly Stretch[] {
  const edges = [...new Set(ranges.flatMap(({ startOffset, endOffset }) => [startOffset, endOffset]))].sort(
    (a, b) => a - b,
  );
  const unrun: Stretch[] = [];
  for (const [i, start] of edges.entries()) {
    const end = edges[i + 1];
    if (end === undefined) break;
    const innermost = ranges.findLast(({ startOffset, endOffset }) => startOffset <= start && end <= endOffset);
    if (innermost?.count === 0) unrun.push([start, end]);
  }
  return unrun;
}

function intersection(some: readonly Stretch[], others: readonly Stretch[]): readonly Stretch[] {
  const both: Stretch[] = [];
  for (const [start, end] of some) {
    for (const [from, to] of others) {
      if (from < end && start < to) both.push([Math.max(start, from), Math.min(end, to)]);
    }
  }
  return both;
}

function sizeOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, [start, end]) => sum + end - start, 0);
}
