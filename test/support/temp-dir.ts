/** A test's own folder, and what a test needs to have something undone at its end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

type Undo = () => void | Promise<void>;

/** Whose end undoes things: a test's context, or a whole file's scope. */
export interface Scope {
  after(undo: Undo): void;
}

/** A scope that undoes what came last first, all of it, whatever fails. */
export class OrderedScope implements Scope {
  readonly #undos: Undo[] = [];

  after(undo: Undo): void {
    this.#undos.push(undo);
  }

  async end(): Promise<void> {
    const faults: unknown[] = [];
    for (let undo = this.#undos.pop(); undo !== undefined; undo = this.#undos.pop()) {
      try {
        await undo();
      } catch (fault) {
        faults.push(fault);
      }
    }
    if (faults.length > 0) throw faults.length === 1 ? faults[0] : new AggregateError(faults, faults.join('\n'));
  }
}

/** The scope of a test file, for what its tests share. Made at the file's top; `before` hooks may add to it. */
export function fileScope(): Scope {
  const scope = new OrderedScope();
  after(() => scope.end());
  return scope;
}

/** Makes an empty folder that is removed when the scope ends. */
export function tempDir(scope: Scope): string {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  scope.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}
