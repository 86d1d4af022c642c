/** Fails where docs/configuration.md no longer says what the schema says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONFIG_DOCS, renderConfigDocs } from './config-docs.ts';

test('docs/configuration.md is up to date; `node scripts/config-docs.ts` writes it', () => {
  assert.equal(readFileSync(CONFIG_DOCS, 'utf8'), renderConfigDocs());
});

test('the page has every section and no cell that breaks its table', () => {
  const page = renderConfigDocs();
  for (const section of ['rtmp', 'http_notify', 'millrace.limits']) assert.ok(page.includes(`\n## \`${section}\`\n`));
  for (const line of page.split('\n').filter((text) => text.startsWith('|'))) {
    assert.equal(line.split('|').length, 7, line);
  }
});
