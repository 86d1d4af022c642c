/** docs/faults.md: every row names a test that is there, and every file of faults is named. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../../..');
/** These test what is no fault. */
const NO_FAULTS = ['outbound.test.ts', 'secrets.test.ts', 'table.test.ts'];

/** The last cell of a row: the file twice, and the test's title or the part of it that no value is put into. */
const TEST_CELL = /^\[([^\]]+)\]\(\.\.\/([^)]+)\): “([^”]+)”$/;

test('every row of the table of faults names a test that is there', () => {
  const rows = readFileSync(join(ROOT, 'docs/faults.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (fault|---) \|/.test(line));
  assert.ok(rows.length > 50, `${rows.length} rows`);
  const files = new Set<string>();
  for (const row of rows) {
    const cells = row.slice(2, -2).split(' | ');
    assert.equal(cells.length, 3, row);
    const [, shown = '', file = '', title = ''] = TEST_CELL.exec(cells[2] ?? '') ?? [];
    assert.ok(file !== '' && file === shown && file.endsWith('.test.ts'), row);
    assert.ok(existsSync(join(ROOT, file)), `${file} is not there: ${row}`);
    const quoted = readFileSync(join(ROOT, file), 'utf8')
      .split('\n')
      .filter((line) => line.includes(title));
    assert.ok(
      quoted.some((line) => /\btest\(|^\s*['"`]|\[['"`]/.test(line)),
      `${file} has no test “${title}”`,
    );
    files.add(file);
  }
  const ours = globSync('test/e2e/faults/*.test.ts', { cwd: ROOT }).filter(
    (file) => !NO_FAULTS.includes(basename(file)),
  );
  assert.deepEqual(
    ours.filter((file) => !files.has(file)),
    [],
  );
});
