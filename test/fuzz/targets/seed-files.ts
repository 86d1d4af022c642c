/** The recordings that inputs are made from: ffmpeg's own dialogs and files, under a second of picture and sound each. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../seeds');

/** The bytes of all seeds whose names match, in the order of their names. */
export function seedFiles(pattern: string): Buffer[] {
  return globSync(pattern, { cwd: FOLDER })
    .sort()
    .map((name) => readFileSync(join(FOLDER, name)));
}

/** Errors of a parser are of these classes, by their names. */
export function named(...names: readonly string[]): (error: unknown) => boolean {
  return (error) => error instanceof Error && names.includes(error.name);
}
