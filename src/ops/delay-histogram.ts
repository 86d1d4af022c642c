/** A Prometheus histogram of delays that hot paths feed: additions to plain numbers, and no more until somebody asks. */

export class DelayHistogram {
  readonly name: string;
  readonly help: string;
  readonly #boundsSec: readonly number[];
  readonly #boundsMs: Float64Array;
  /** Not summed up; the last one is of what is beyond every bound. */
  readonly #counts: Float64Array;
  #sumMs = 0;

  /** @param boundsSec of the buckets, rising */
  constructor(name: string, help: string, boundsSec: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#boundsSec = boundsSec;
    this.#boundsMs = Float64Array.from(boundsSec, (bound) => bound * 1000);
    this.#counts = new Float64Array(boundsSec.length + 1);
  }

  /** Counts one delay. Milliseconds. */
  add(ms: number): void {
    const bounds = this.#boundsMs;
    let bucket = 0;
    while (bucket < bounds.length && ms > (bounds[bucket] ?? 0)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumMs += ms;
  }

  /** In Prometheus' text format. */
  text(): string {
    const lines = [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} histogram`];
    let count = 0;
    for (const [i, bound] of [...this.#boundsSec, '+Inf'].entries()) {
      count += this.#counts[i] ?? 0;
      lines.push(`${this.name}_bucket{le="${bound}"} ${count}`);
    }
    lines.push(`${this.name}_sum ${this.#sumMs / 1000}`, `${this.name}_count ${count}`);
    return `${lines.join('\n')}\n`;
  }
}
