/** The npm package as it lies in somebody's node_modules: built from the source, with what `npm pack` lists. */
import assert from 'node:assert/strict';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process.ts';
import { type Scope, tempDir } from './temp-dir.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Makes a project that has the package installed, and nothing else; gives its folder. */
export async function installPackage(scope: Scope): Promise<string> {
  const project = tempDir(scope);
  const packed = join(project, 'node_modules/millrace');
  const build = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', join(packed, 'dist')];
  const built = await run(scope, process.execPath, build, { cwd: ROOT });
  assert.equal(built.code, 0, built.stdout.toString());
  // what `npm run build` makes beside it
  for (const name of ['bin', 'conf', 'dist/console', 'package.json'])
    cpSync(join(ROOT, name), join(packed, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(packed, 'node_modules'));
  return project;
}
