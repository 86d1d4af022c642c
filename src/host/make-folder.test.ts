import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from './index.ts';

test('makes all that is missing, and is content with what is there', () => {
  const top = mkdtempSync(join(tmpdir(), 'millrace-'));
  try {
    makeFolder(join(top, 'a/b/c'));
    makeFolder(join(top, 'a/b/c'));
    makeFolder(join(top, 'a/d'));
    assert.ok(existsSync(join(top, 'a/b/c')) && existsSync(join(top, 'a/d')));
    writeFileSync(join(top, 'file'), '');
    assert.throws(() => makeFolder(join(top, 'file/x')), { code: 'ENOTDIR' });
  } finally {
    rmSync(top, { recursive: true });
  }
});

test('gives up where no folder can be made', { skip: process.platform !== 'linux' }, () => {
  assert.throws(() => makeFolder('/proc/none/x'), { code: 'ENOENT' });
});
