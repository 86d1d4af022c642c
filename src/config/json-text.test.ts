/** Tests of reading JSON: every fault is named with its place, and what JSON.parse takes is taken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findJsonFault, parseJson } from './json-text.ts';

const FAULTS: readonly [text: string, problem: string][] = [
  ['', 'line 1, column 1: found the end of the text, allowed: a value'],
  ['{', 'line 1, column 2: found the end of the text, allowed: a key in double quotes or "}"'],
  ['{\n  "a": 1,\n}', 'line 3, column 1: found "}", allowed: a key in double quotes'],
  ['{"a": [1, 2,]}', 'line 1, column 13: found "]", allowed: a value'],
  ['[\n', 'line 2, column 1: found the end of the text, allowed: a value or "]"'],
  ['{"a"\r\n 1}', 'line 2, column 2: found "1", allowed: ":"'],
  ['{"a": 1 "b": 2}', 'line 1, column 9: found "\\"", allowed: "," or "}"'],
  ['[1 2]', 'line 1, column 4: found "2", allowed: "," or "]"'],
  ['[1}', 'line 1, column 3: found "}", allowed: "," or "]"'],
  ['{a: 1}', 'line 1, column 2: found "a", allowed: a key in double quotes or "}"'],
  ['{"a": True}', 'line 1, column 7: found "True", allowed: a value'],
  ["{'a': 1}", 'line 1, column 2: found "\'", allowed: a key in double quotes or "}"'],
  ['{"a": 01}', 'line 1, column 8: found "1", allowed: "," or "}"'],
  ['{} x', 'line 1, column 4: found "x", allowed: nothing more, the configuration ends before it'],
  ['{"a": "b', 'line 1, column 9: found the end of the text inside a string, allowed: a double quote that ends it'],
  [
    '{"a": "b\n"}',
    'line 1, column 9: found a line break inside a string, allowed: a double quote that ends it, or an escape such as \\n',
  ],
  [
    '{"a": "\t"}',
    'line 1, column 8: found a control character in a string, allowed: a double quote that ends it, or an escape such as \\n',
  ],
  [
    '{"a": "C:\\live"}',
    'line 1, column 10: found the escape "\\\\l", allowed: \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX (a backslash is written \\\\)',
  ],
  [
    '{\n  // rtmp\n}',
    'line 2, column 3: found "/", allowed: a key in double quotes or "}"; comments are keys that begin with "#"',
  ],
];

test('a fault is named with line, column, what was found and what is allowed', () => {
  for (const [text, problem] of FAULTS) assert.deepEqual(parseJson(text), { ok: false, problem }, JSON.stringify(text));
});

test('a byte order mark is skipped', () => {
  assert.deepEqual(parseJson('\uFEFF{"a": 1}'), { ok: true, value: { a: 1 } });
  assert.deepEqual(parseJson('\uFEFF{,'), {
    ok: false,
    problem: 'line 1, column 2: found ",", allowed: a key in double quotes or "}"',
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('finds a fault in exactly what JSON.parse refuses', () => {
  const nearlyJson = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '}', ']', '"', '\\', '0', '-', '.', 'e', '\n', '\u0000', '#'))
    .map(([json, at, insert]) => {
      const cut = at % (json.length + 1);
      return json.slice(0, cut) + insert + json.slice(insert === '' ? cut + 1 : cut);
    });
  fc.assert(
    fc.property(fc.oneof(fc.json(), nearlyJson, fc.string({ unit: 'binary' })), (text) => {
      assert.equal(findJsonFault(text) === null, isJson(text));
    }),
    { numRuns: 500 },
  );
});

test('takes any depth of nesting and any length of string', () => {
  assert.equal(parseJson('['.repeat(100_000)).ok, false);
  assert.equal(findJsonFault(`"${'x\\n'.repeat(500_000)}"`), null);
});
