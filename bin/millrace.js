#!/usr/bin/env node
// What `npx millrace` runs: the compiled server, on this Node.js where it is new enough, else on the one that the
// package node-linux-ARCH brings. Plain JavaScript for Node.js 18 and newer.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';

const OWN_NODE_MAJOR = 24;
// What a player costs lives long: a small young generation halves the memory of thousands of them. MB; as in `npm start`.
const NODE_ARGS = ['--max-semi-space-size=4'];
const ARGS = [...NODE_ARGS, fileURLToPath(new URL('../dist/main.js', import.meta.url)), ...process.argv.slice(2)];

if (Number(process.versions.node.split('.')[0]) >= OWN_NODE_MAJOR) becomeServer();
else runOn(broughtNode());

/** In this process's place, where the system can do that. */
function becomeServer() {
  if (process.execve === undefined || process.platform === 'win32') runOn(process.execPath);
  else process.execve(process.execPath, [process.execPath, ...process.execArgv, ...ARGS], process.env);
}

/** Path of the Node.js that came with the package's dependencies; null where there is none for this platform. */
function broughtNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`);
    return join(dirname(manifest), 'bin', 'node');
  } catch {
    return null;
  }
}

function runOn(node) {
  if (node === null) {
    fail(
      `Node.js ${process.versions.node} is too old for millrace: Node.js ${OWN_NODE_MAJOR} or newer is needed, ` +
        `and no npm package brings one on ${process.platform} ${process.arch}`,
    );
    return;
  }
  // A session of its own: Ctrl-C reaches the server once, through us. Twice would mean "end at once" to it.
  const child = spawn(node, ARGS, { stdio: 'inherit', detached: true });
  const forward = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, forward);
  // It asks the server to read its configuration again; but a terminal that goes says it too, and then the server ends.
  const hadTerminal = hasTerminal();
  process.on('SIGHUP', () => child.kill(hadTerminal && !hasTerminal() ? 'SIGTERM' : 'SIGHUP'));
  child.on('error', (error) => fail(`${node} cannot be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

/** Whether this process runs in a terminal that is there. */
function hasTerminal() {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return isatty(0);
  } catch {
    return false;
  }
}

function fail(line) {
  console.error(`millrace: ${line}`);
  process.exitCode = 1;
}
