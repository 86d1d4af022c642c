/** Tests of the link checker on a small repository of its own. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brokenLinks } from './check-links.ts';

test('everything that the documents of this repository name is there', () => {
  assert.deepEqual(brokenLinks(resolve(import.meta.dirname, '..')), []);
});

function check(t: TestContext, files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'millrace-links-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return brokenLinks(root);
}

test('what is there is found: files, folders, headings, anchors of HTML, from the root and with spaces', (t) => {
  const problems = check(t, {
    'README.md': [
      '# The `npm start` command, [and](x://y) more!',
      '[a](docs/a.md) [b](docs/a.md#two-words) ![c](docs/pic%20ture.png "title") [d](docs) [e](<docs/pic ture.png>)',
      '[f](#the-npm-start-command-and-more) [g](/docs/a.md#set) [h](docs/a.md#two-words-1) [i](docs/b_(c).md)',
      '<a href="docs/a.md#underlined">j</a> [k]: not a definition',
      '[l]: docs/a.md#你好-stream_name',
      '[m](src/x.ts#L10) [n](https://example.org/none) [o](mailto:a@b.c) [p](//example.org/none)',
    ].join('\n'),
    'docs/a.md':
      '## Two words\n\n## Two words\nUnderlined\n---\n<a id="set"></a>\n### 你好 stream_name ###\n[up](../README.md)\n',
    'docs/b_(c).md': '',
    'docs/pic ture.png': '',
    'src/x.ts': '',
    'node_modules/x/README.md': '[broken](none.md)',
  });
  assert.deepEqual(problems, []);
});

test('what leads nowhere is named with file and line', (t) => {
  const problems = check(t, {
    'README.md': '# Title\n\n[a](docs/none.md)\n[b](#none) [c](docs/a.md#none)\n[d]: none.md\n[e](../out.md)\n',
    'docs/a.md': '[f](README.md)\n<img src="none.png">\n',
  });
  assert.deepEqual(problems, [
    'README.md:3: docs/none.md is not there',
    'README.md:4: #none: README.md has no heading that makes the anchor #none',
    'README.md:4: docs/a.md#none: docs/a.md has no heading that makes the anchor #none',
    'README.md:5: none.md is not there',
    'README.md:6: ../out.md leads out of the repository',
    'docs/a.md:1: README.md is not there',
    'docs/a.md:2: none.png is not there',
  ]);
});

test('code is no link and makes no heading', (t) => {
  const problems = check(t, {
    'README.md': [
      '`[a](none.md)` and ``[b](none.md) ` ``',
      '```sh',
      '# not a heading',
      '[c](none.md)',
      '```',
      '~~~~',
      '~~~',
      '[d](none.md)',
      '~~~~',
      '[e](#not-a-heading)',
      '',
      'a lone ` does not hide',
      '',
      '[f](none.md) or `this`',
    ].join('\n'),
  });
  assert.deepEqual(problems, [
    'README.md:10: #not-a-heading: README.md has no heading that makes the anchor #not-a-heading',
    'README.md:14: none.md is not there',
  ]);
});

test('files and scripts that code names must be there', (t) => {
  const problems = check(t, {
    'package.json': '{"scripts":{"bench":"x"}}',
    'src/media/frame.ts': '',
    'conf/there.json': '',
    'docs/a.md': [
      '`conf/there.json` `src/media/frame.ts` and `media/frame.ts`, `conf/none.json`',
      '```sh',
      'node src/media/none.ts -c conf/there.json --out conf/NAME.json conf/*.json /etc/conf/none.json',
      'npm run bench && npm run nothing',
      '```',
      'In words, conf/nothing.json is no path; `lal_record/x.ts` and `dist/main.js` are made, `http://h/media/x.ts` is elsewhere.',
    ].join('\n'),
  });
  assert.deepEqual(problems, [
    'docs/a.md:1: conf/none.json is not there',
    'docs/a.md:3: src/media/none.ts is not there',
    'docs/a.md:4: npm run nothing: package.json has no such script',
  ]);
});
