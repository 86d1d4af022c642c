/** The npm package: what `npm pack` puts into it runs by bin/millrace.js, on a new Node.js and beside an old one. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Millrace, writeConfig } from '../support/millrace.ts';
import { installPackage } from '../support/package.ts';
import { run, start } from '../support/process.ts';
import { fileScope, tempDir } from '../support/temp-dir.ts';
import { withPatience } from '../support/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Makes the Node.js that loads it say that it is an old one. */
const OLD_NODE = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });\n`;

const scope = fileScope();
let packed: string;
let oldNode: string;

before(async () => {
  const project = await installPackage(scope);
  packed = join(project, 'node_modules/millrace');
  oldNode = join(project, 'old-node.mjs');
  writeFileSync(oldNode, OLD_NODE);
});

function launch(t: Parameters<typeof start>[0], nodeArgs: readonly string[], args: readonly string[]): Millrace {
  return new Millrace(start(t, process.execPath, [...nodeArgs, join(packed, 'bin/millrace.js'), ...args]));
}

for (const [what, isOld] of [
  ['a new Node.js', false],
  ['an old one, beside which the package brings another', true],
] as const) {
  const skip = isOld && process.platform !== 'linux' && 'no package brings Node.js on this platform';
  test(`the package serves on ${what}, and ends with 0 at SIGTERM`, { skip }, async (t) => {
    const nodeArgs = isOld ? ['--import', pathToFileURL(oldNode).href] : [];
    const server = launch(t, nodeArgs, ['-c', writeConfig(t), '-p', tempDir(t)]);
    await server.ready();
    const { data } = await server.api('/api/stat/lal_info');
    assert.match(String(data?.['bin_info']), /^Millrace /);
    const page = await (await fetch(`http://127.0.0.1:${server.port('api')}/`)).text();
    assert.match(page, /<title>Millrace<\/title>.*src="\.\/assets\/index-.*\.js"/s);
    await server.stop();

    const faulty = launch(t, nodeArgs, ['-c', 'nowhere.json', '-p', tempDir(t)]);
    const { code, stderr } = await withPatience(faulty.finished, () => 'the launcher did not end');
    assert.equal(code, 1);
    assert.match(stderr, /nowhere\.json/);
  });
}

test('without a Node.js for it the launcher says so in one line', async (t) => {
  const alone = tempDir(t);
  const launcher = join(alone, 'bin/millrace.js');
  mkdirSync(dirname(launcher));
  cpSync(join(ROOT, 'bin/millrace.js'), launcher);
  writeFileSync(join(alone, 'package.json'), '{"type":"module"}');
  const args = ['--import', pathToFileURL(oldNode).href, launcher];
  const { code, stderr } = await run(t, process.execPath, args);
  assert.equal(code, 1);
  assert.match(stderr, /^millrace: Node\.js 18\.20\.4 is too old .* Node\.js 24 or newer .*\n$/);
});
