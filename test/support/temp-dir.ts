/** A test's own folder, and what a test needs to have something undone at its end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whose end undoes things: a test's context, or `{ after }` of node:test for a whole file. */
export interface Scope {
  after(undo: () => void | Promise<void>): void;
}

/** Makes an empty folder that is removed when the scope ends. */
export function tempDir(scope: Scope): string {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  scope.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}
