/** The set-up script in a folder of its own, with a stand-in for npm that writes down how it was called. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../test/support/temp-dir.ts';

const SCRIPTS = ['setup.js', 'build-console.js'];
const isLinux = process.platform === 'linux';

interface Clone {
  readonly dir: string;
  run(extra?: NodeJS.ProcessEnv): { status: number | null; stdout: string; stderr: string };
  /** How often npm was called, and with what. */
  npmCalls(): string[];
}

/** A clone in which `npm ci` makes node_modules, with or without the Node.js that belongs there. */
function clone(t: TestContext, npm: { bringsNode: boolean; exitCode: number }): Clone {
  const dir = tempDir(t);
  mkdirSync(join(dir, 'scripts'));
  for (const name of SCRIPTS) copyFileSync(join(import.meta.dirname, name), join(dir, 'scripts', name));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  writeFileSync(join(dir, 'package-lock.json'), '{"version":1}');
  const bin = join(dir, 'node_modules/.bin');
  const install = `
    const fs = require('node:fs');
    fs.appendFileSync(${JSON.stringify(join(dir, 'calls'))}, process.argv.slice(2).join(' ') + '\\n');
    fs.rmSync(${JSON.stringify(join(dir, 'node_modules'))}, { recursive: true, force: true });
    fs.mkdirSync(${JSON.stringify(bin)}, { recursive: true });
    if (${npm.bringsNode}) fs.symlinkSync(process.execPath, ${JSON.stringify(join(bin, 'node'))});
    process.exit(${npm.exitCode});`;
  writeFileSync(join(dir, 'npm.cjs'), install);
  const env = { ...process.env, npm_execpath: join(dir, 'npm.cjs'), npm_node_execpath: process.execPath };
  return {
    dir,
    run: (extra) =>
      spawnSync(process.execPath, [join(dir, 'scripts/setup.js')], { encoding: 'utf8', env: { ...env, ...extra } }),
    npmCalls: () => (existsSync(join(dir, 'calls')) ? readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n') : []),
  };
}

test('npm ci runs once, and again when package-lock.json has changed', (t) => {
  const { dir, run, npmCalls } = clone(t, { bringsNode: true, exitCode: 0 });
  const first = run();
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /installing npm packages/);
  assert.equal(npmCalls().length, 1);
  assert.match(npmCalls()[0] ?? '', /^ci .*--include=optional/);

  const second = run();
  assert.deepEqual([second.status, second.stdout, second.stderr], [0, '', '']);
  assert.equal(npmCalls().length, 1);

  writeFileSync(join(dir, 'package-lock.json'), '{"version":2}');
  assert.equal(run().status, 0);
  assert.equal(npmCalls().length, 2);
});

/** In the place of the console's builder: writes down that it was called, and builds, or fails. */
function standInForVite(dir: string, exitCode: number): void {
  const built = join(dir, 'dist/console');
  const script = `
    const fs = require('node:fs');
    fs.appendFileSync(${JSON.stringify(join(dir, 'builds'))}, process.argv.slice(2).join(' ') + '\\n');
    fs.mkdirSync(${JSON.stringify(built)}, { recursive: true });
    process.exit(${exitCode});`;
  mkdirSync(join(dir, 'node_modules/vite/bin'), { recursive: true });
  writeFileSync(join(dir, 'node_modules/vite/bin/vite.js'), script);
  // setup.js and its clone are ES modules; this one need not be
  writeFileSync(join(dir, 'node_modules/vite/package.json'), '{}');
}

test('the console is built once, and again when its sources have changed', (t) => {
  const { dir, run } = clone(t, { bringsNode: true, exitCode: 0 });
  const builds = (): number => readFileSync(join(dir, 'builds'), 'utf8').trim().split('\n').length;
  assert.equal(run().status, 0);
  standInForVite(dir, 0);
  mkdirSync(join(dir, 'web/src'), { recursive: true });
  writeFileSync(join(dir, 'web/src/main.tsx'), 'one');
  const first = run();
  assert.deepEqual([first.status, first.stdout, first.stderr], [0, 'setup: building the console\n', '']);
  assert.equal(run().stdout, '');
  assert.equal(builds(), 1);
  writeFileSync(join(dir, 'web/src/main.tsx'), 'another');
  assert.match(run().stdout, /building the console/);
  assert.equal(builds(), 2);
});

test('a console that cannot be built is said, stops nothing, and is tried again the next time', (t) => {
  const { dir, run } = clone(t, { bringsNode: true, exitCode: 0 });
  run();
  standInForVite(dir, 3);
  mkdirSync(join(dir, 'web'));
  for (let i = 0; i < 2; i++) {
    const { status, stdout } = run();
    assert.equal(status, 0);
    assert.match(stdout, /setup: the console could not be built/);
  }
});

test('a failed npm ci is said, and tried again the next time', (t) => {
  const { run, npmCalls } = clone(t, { bringsNode: true, exitCode: 7 });
  const first = run();
  assert.equal(first.status, 1);
  assert.match(first.stderr, /^setup: npm ci failed/);
  run();
  assert.equal(npmCalls().length, 2);
});

test('one line says that the Node.js of the packages was left out', { skip: !isLinux && 'Linux only' }, (t) => {
  const { run } = clone(t, { bringsNode: false, exitCode: 0 });
  const { status, stderr } = run();
  assert.equal(status, 1);
  assert.match(stderr, /^setup: .*node_modules\/\.bin\/node is missing .* node-linux-\w+ was left out.*\n$/);
});

test('one line says that the Node.js of the packages does not run here', { skip: !isLinux && 'Linux only' }, (t) => {
  const { dir, run } = clone(t, { bringsNode: false, exitCode: 0 });
  const install = readFileSync(join(dir, 'npm.cjs'), 'utf8');
  const broken = `fs.symlinkSync('/bin/false', ${JSON.stringify(join(dir, 'node_modules/.bin/node'))}); process.exit(0);`;
  writeFileSync(join(dir, 'npm.cjs'), install.replace('process.exit(0);', broken));
  const { status, stderr } = run();
  assert.equal(status, 1);
  assert.match(stderr, /^setup: .* does not run here/);
});

test('a library that Node.js needs and a small Debian lacks is installed', { skip: !isLinux && 'Linux only' }, (t) => {
  const { dir, run } = clone(t, { bringsNode: false, exitCode: 0 });
  const node = join(dir, 'node_modules/.bin/node');
  const lacking = `[ -e ${dir}/libatomic1 ] || { echo 'error while loading shared libraries: libatomic.so.1' >&2; exit 127; }`;
  const install = readFileSync(join(dir, 'npm.cjs'), 'utf8');
  const brought = `fs.writeFileSync(${JSON.stringify(node)}, ${JSON.stringify(`#!/bin/sh\n${lacking}\n`)}, { mode: 0o755 });`;
  writeFileSync(join(dir, 'npm.cjs'), install.replace('process.exit(0);', `${brought} process.exit(0);`));
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  const apt = `#!/bin/sh\nfor last; do :; done\ncase "$*" in *install*) touch ${dir}/$last;; esac\n`;
  writeFileSync(join(bin, 'apt-get'), apt, { mode: 0o755 });
  writeFileSync(join(bin, 'sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  const { status, stdout, stderr } = run({ PATH: `${bin}:${process.env['PATH']}` });
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /Node\.js 26 needs Debian packages, installing them: libatomic1/);
});
