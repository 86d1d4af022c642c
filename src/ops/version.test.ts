/** Tests of what the program calls itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BIN_INFO, NAME, RUNTIME, SERVER_NAME, VERSION } from './version.ts';

test('the version is the package’s, and everything that names it agrees', () => {
  const file = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  assert.equal(VERSION, file.version);
  assert.equal(RUNTIME, `node ${process.version}, ${process.platform}/${process.arch}`);
  assert.equal(BIN_INFO, `${NAME} ${VERSION} (${RUNTIME})`);
  assert.equal(SERVER_NAME, `millrace/${VERSION}`);
});
