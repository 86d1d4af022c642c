// Builds the console (web/) into dist/console where its sources have changed since it was built. Plain JavaScript for
// Node.js 18 and newer: the set-up calls it before a newer one is known to run.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(ROOT, 'web');
const BUILT = join(ROOT, 'dist', 'console');
/** Holds the hash of what it was built from; a build removes it with the rest of the folder. */
const MARKER = join(BUILT, '.built-from');
const VITE = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');

/**
 * @param {string} node the Node.js that runs the build
 * @param {(line: string) => void} say
 * @returns {boolean} whether the console is there as its sources are
 */
export function buildConsole(node, say) {
  if (!existsSync(SOURCES)) return false;
  const wanted = hashOfSources();
  if (existsSync(MARKER) && readFileSync(MARKER, 'utf8') === wanted) return true;
  say('building the console');
  const args = [VITE, 'build', '--config', join(SOURCES, 'vite.config.ts'), '--logLevel', 'warn'];
  const { status, error } = spawnSync(node, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) {
    say(`the console could not be built${error ? `: ${error.message}` : '; the reason stands above'}`);
    return false;
  }
  writeFileSync(MARKER, wanted);
  return true;
}

/** Of every file below web/, and of the versions of the packages that are built in. */
function hashOfSources() {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')));
  for (const path of filesBelow(SOURCES)) hash.update(`\0${path}\0`).update(readFileSync(path));
  return hash.digest('hex');
}

/** Always in the same order. */
function filesBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = buildConsole(process.execPath, (line) => console.log(line)) ? 0 : 1;
}
