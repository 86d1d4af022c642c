/** Finds the configuration file, reads it and checks it. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkConfig } from './check.ts';
import { parseJson } from './json-text.ts';
import type { Config } from './schema.ts';

interface LoadRequest {
  /** Read instead of searching; relative to `cwd`. */
  readonly file?: string;
  /** The working folder. */
  readonly cwd: string;
}

type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly file: string; readonly warnings: string[] }
  | { readonly ok: false; readonly file: string; readonly errors: string[] };

/** src/config and dist/config lie equally deep in the package, so one relative path finds the file from both. */
const PACKAGED_FILE = fileURLToPath(new URL('../../conf/millrace.conf.json', import.meta.url));
const FILE_NAMES = ['lalserver.conf.json', 'conf/lalserver.conf.json'];

/**
 * Loads `file`, or the first that is there of `lalserver.conf.json` and `conf/lalserver.conf.json` in the working folder
 * and in its parent, or the packaged configuration. Never throws; `file` of the result is absolute.
 */
export function loadConfig({ file, cwd }: LoadRequest): LoadResult {
  const path = file === undefined ? findFile(cwd) : resolve(cwd, file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { ok: false, file: path, errors: [`${path} cannot be read: ${readProblem(error)}`] };
  }
  const json = parseJson(text);
  if (!json.ok) return { ok: false, file: path, errors: [`${path}: ${json.problem}`] };
  return { ...checkConfig(json.value), file: path };
}

function findFile(cwd: string): string {
  const here = resolve(cwd);
  const candidates = [here, dirname(here)].flatMap((folder) => FILE_NAMES.map((name) => resolve(folder, name)));
  return candidates.find(isFile) ?? PACKAGED_FILE;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function readProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES') return 'not permitted';
  if (code === 'EISDIR') return 'it is a folder';
  return String(error);
}
