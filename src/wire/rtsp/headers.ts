/** Header fields of a message: names without regard to case, in the order in which they came. */

export class Headers {
  readonly #fields: (readonly [name: string, value: string])[] = [];

  constructor(fields: Iterable<readonly [name: string, value: string]> = []) {
    for (const [name, value] of fields) this.add(name, value);
  }

  /** Appends a field; what would end its line is taken out, so that no value can bring fields of its own. */
  add(name: string, value: string): void {
    this.#fields.push([name, value.replace(/[\r\n\0]+/g, ' ')]);
  }

  /** The first field of that name, or null. */
  get(name: string): string | null {
    const wanted = name.toLowerCase();
    return this.#fields.find(([each]) => each.toLowerCase() === wanted)?.[1] ?? null;
  }

  /** All fields of that name, e.g. several `WWW-Authenticate`. */
  all(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.#fields.flatMap(([each, value]) => (each.toLowerCase() === wanted ? [value] : []));
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return this.#fields[Symbol.iterator]();
  }
}
