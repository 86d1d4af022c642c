/** Tests of the last resort, in processes of their own since it ends them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { installProcessGuard } from './process-guard.ts';

function run(script: string): { status: number | null; stdout: string; stderr: string } {
  const head = `
    import { installProcessGuard } from ${JSON.stringify(import.meta.resolve('./process-guard.ts'))};
    const log = { fatal: ({ error }, message) => console.log(error.message, '|', message) };`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', head + script], { encoding: 'utf8' });
  return { status: child.status, stdout: child.stdout, stderr: child.stderr };
}

test('an uncaught exception is logged as fatal and ends the program with 1', () => {
  const { status, stdout } = run(
    `installProcessGuard(log); setTimeout(() => { throw new Error('torn'); }); setInterval(() => {}, 1000);`,
  );
  assert.equal(status, 1);
  assert.equal(stdout, 'torn | An error that nothing caught ends the server\n');
});

test('so is a rejection that nobody handles', () => {
  const { status, stdout } = run(`installProcessGuard(log); Promise.reject(new Error('let down'));`);
  assert.equal(status, 1);
  assert.equal(stdout, 'let down | An error that nothing caught ends the server\n');
});

test('a log that throws does not keep the program', () => {
  const { status } = run(
    `installProcessGuard({ fatal() { throw new Error('full'); } }); setInterval(() => {}, 1000); Promise.reject(1);`,
  );
  assert.equal(status, 1);
});

test('it can be taken away again', () => {
  const before = process.listenerCount('uncaughtException');
  const remove = installProcessGuard({ fatal: () => undefined });
  assert.equal(process.listenerCount('uncaughtException'), before + 1);
  remove();
  assert.equal(process.listenerCount('uncaughtException'), before);
});
