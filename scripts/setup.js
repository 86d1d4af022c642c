// Makes a fresh clone runnable: npm packages when package-lock.json has changed, the console when its sources have and,
// with --test, the Debian packages that the tests use. Plain JavaScript for Node.js 18 and newer, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildConsole } from './build-console.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Holds the hash of the package-lock.json that node_modules was installed from; npm ci removes it with the rest. */
const MARKER = join(ROOT, 'node_modules', '.millrace-setup');
const NODE = join(ROOT, 'node_modules', '.bin', 'node');
/** Node.js without an npm package that brings it must be this new: types are stripped from 24 on without a flag. */
const OWN_NODE_MAJOR = 24;
/** Debian package, and the command by which it is seen where there is no dpkg. */
const TEST_PACKAGES = [
  ['ffmpeg', 'ffmpeg'],
  ['chromium', 'chromium'],
  ['gstreamer1.0-tools', 'gst-launch-1.0'],
  ['gstreamer1.0-plugins-base', null],
  ['gstreamer1.0-plugins-good', null],
  ['gstreamer1.0-plugins-bad', null],
  ['gstreamer1.0-plugins-ugly', null],
  ['gstreamer1.0-libav', null],
  ['gstreamer1.0-rtsp', null],
  ['gir1.2-gst-rtsp-server-1.0', null],
  ['python3-gi', null],
  ['rtmpdump', 'rtmpdump'],
  ['vlc-bin', 'cvlc'],
  ['vlc-plugin-base', null],
  ['tshark', 'tshark'],
  ['flvmeta', 'flvmeta'],
  ['openssl', 'openssl'],
  ['strace', 'strace'],
];

const bringsNode = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
if (!bringsNode) checkOwnNode();
installNpmPackages();
// the server serves without it, so a build that fails stops nothing
buildConsole(bringsNode ? NODE : process.execPath, say);
if (process.argv.includes('--test')) installTestPackages();

function installNpmPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(MARKER) && readFileSync(MARKER, 'utf8') === wanted) {
    checkBroughtNode(false);
    return;
  }
  say('installing npm packages (npm ci)');
  const { status, error } = npm([
    'ci',
    '--loglevel=error',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
  ]);
  if (status !== 0) fail(`npm ci failed${error ? `: ${error.message}` : ''}; what it said stands above`);
  checkBroughtNode(true);
  writeFileSync(MARKER, wanted);
  say('npm packages are installed');
}

/** npm by the machine's own Node.js: the one in node_modules is about to be replaced. */
function npm(args) {
  const bin = join(ROOT, 'node_modules', '.bin');
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== bin)
    .join(delimiter);
  const options = { cwd: ROOT, stdio: 'inherit', env: { ...process.env, PATH: path } };
  const { npm_execpath: script, npm_node_execpath: node } = process.env;
  if (script && node && existsSync(script)) return spawnSync(node, [script, ...args], options);
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}

function checkOwnNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= OWN_NODE_MAJOR) return;
  fail(
    `Node.js ${process.versions.node} is too old: on ${process.platform} ${process.arch} no npm package brings Node.js, ` +
      `so install Node.js ${OWN_NODE_MAJOR} or newer (https://nodejs.org)`,
  );
}

/** @param {boolean} andRun also start it once: a binary for another C library is there and does not run */
function checkBroughtNode(andRun) {
  if (!bringsNode) return;
  const name = `node-linux-${process.arch}`;
  if (!existsSync(NODE)) {
    fail(
      `${NODE} is missing after the installation: the optional npm package ${name} was left out ` +
        '(is `omit=optional` set in .npmrc or npm_config_omit?); remove node_modules and try again',
    );
  }
  if (!andRun) return;
  let { status, error, stderr } = spawnSync(NODE, ['--version'], { encoding: 'utf8' });
  // small Debian systems lack a library that Node.js needs
  if (status !== 0 && stderr?.includes('libatomic.so.1') && hasCommand('apt-get')) {
    installDebianPackages(['libatomic1'], 'Node.js 26 needs');
    ({ status, error, stderr } = spawnSync(NODE, ['--version'], { encoding: 'utf8' }));
  }
  if (status === 0) return;
  fail(
    `${NODE} of ${name} does not run here (it needs glibc 2.28 or newer and libatomic): ${error?.message ?? stderr.trim()}`,
  );
}

function installTestPackages() {
  const missing = missingTestPackages();
  if (missing.length === 0) return;
  if (!hasCommand('apt-get')) {
    say(`the tests need these programs, and there is no apt-get here to install them: ${missing.join(', ')}`);
    return;
  }
  installDebianPackages(missing, 'the tests need');
}

/** @param {string} why what needs them, as the beginning of a sentence */
function installDebianPackages(packages, why) {
  const install = `apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !hasCommand('sudo')) fail(`${why} Debian packages; as root run: ${install}`);
  say(`${why} Debian packages, installing them: ${packages.join(' ')}`);
  for (const command of ['apt-get update --quiet', install.replace('install', 'install --quiet')]) {
    const words = ['env', 'DEBIAN_FRONTEND=noninteractive', ...command.split(' ')];
    const [program, ...args] = isRoot ? words : ['sudo', ...words];
    const { status } = spawnSync(program, args, { stdio: ['inherit', 'inherit', 'inherit'] });
    if (status !== 0) fail(`\`${command}\` failed; what it said stands above`);
  }
  say('Debian packages are installed');
}

function missingTestPackages() {
  if (!hasCommand('dpkg-query')) {
    const commands = TEST_PACKAGES.map(([, command]) => command);
    return commands.filter((command) => command !== null && !hasCommand(command));
  }
  const names = TEST_PACKAGES.map(([name]) => name);
  const query = ['-W', '-f', '$' + '{Package} $' + '{db:Status-Status}\\n', ...names];
  const { stdout } = spawnSync('dpkg-query', query, { encoding: 'utf8' });
  const installed = new Set(stdout.split('\n').map((line) => line.replace(/ installed$/, '')));
  return names.filter((name) => !installed.has(name));
}

function hasCommand(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
}

function say(line) {
  console.log(`setup: ${line}`);
}

function fail(line) {
  console.error(`setup: ${line}`);
  process.exit(1);
}
