/** Test helper: a terminal that keeps what is written, and lets a test wait for it and end the command. */
import type { Terminal } from './command.ts';

export class FakeTerminal implements Terminal {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly hasColors = false;
  readonly #ended = new AbortController();
  readonly #waiting = new Set<() => void>();

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  out(line: string): void {
    this.lines.push(line);
    for (const look of this.#waiting) look();
  }

  error(line: string): void {
    this.errors.push(line);
    for (const look of this.#waiting) look();
  }

  /** As Ctrl-C does. */
  end(): void {
    this.#ended.abort();
  }

  /** The first line, of either kind, that matches, here or still to come. */
  line(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = [...this.lines, ...this.errors].find((line) => pattern.test(line));
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
