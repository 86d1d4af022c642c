/** Reads JSON text; what is wrong with it is said with line and column, what was found and what is allowed. */

export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  /** `problem` is one sentence such as `line 3, column 5: found "}", allowed: a key in double quotes`. */
  | { readonly ok: false; readonly problem: string };

interface Fault {
  /** UTF-16 units from the text's start. */
  readonly offset: number;
  readonly found: string;
  readonly allowed: string;
}

type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'after value' | 'end';

const ALLOWED: Readonly<Record<Exclude<Expected, 'after value'>, string>> = {
  value: 'a value',
  'first value': 'a value or "]"',
  key: 'a key in double quotes',
  'first key': 'a key in double quotes or "}"',
  colon: '":"',
  end: 'nothing more, the configuration ends before it',
};

/** Parses JSON; a byte order mark before it is skipped. Never throws. */
export function parseJson(text: string): JsonResult {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return { ok: true, value: JSON.parse(json) };
  } catch (error) {
    // the runtime's own words name no place for some faults, so the place is looked for here
    const fault = findJsonFault(json);
    return { ok: false, problem: fault === null ? String(error) : describe(json, fault) };
  }
}

/** The first place where the text is not JSON (RFC 8259); null where it is. Takes any depth of nesting. */
export function findJsonFault(text: string): Fault | null {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    while (isSpace(text.charCodeAt(at))) at++;
    const char = text[at];
    if (char === undefined) {
      return expected === 'end' ? null : { offset: at, found: 'the end of the text', allowed: allowed(expected, open) };
    }
    const isClosing =
      (char === '}' && (expected === 'first key' || (expected === 'after value' && open.at(-1) === '{'))) ||
      (char === ']' && (expected === 'first value' || (expected === 'after value' && open.at(-1) === '[')));
    if (isClosing) {
      open.pop();
      at++;
      expected = open.length === 0 ? 'end' : 'after value';
    } else if (expected === 'after value' && char === ',') {
      at++;
      expected = open.at(-1) === '{' ? 'key' : 'value';
    } else if (expected === 'colon' && char === ':') {
      at++;
      expected = 'value';
    } else if (char === '"' && (expected === 'key' || expected === 'first key')) {
      const end = endOfString(text, at);
      if (typeof end !== 'number') return end;
      at = end;
      expected = 'colon';
    } else if ((expected === 'value' || expected === 'first value') && (char === '{' || char === '[')) {
      open.push(char);
      at++;
      expected = char === '{' ? 'first key' : 'first value';
    } else if (expected === 'value' || expected === 'first value') {
      const end = char === '"' ? endOfString(text, at) : endOfLiteral(text, at);
      if (end === null) return { offset: at, found: wordAt(text, at), allowed: allowed(expected, open) };
      if (typeof end !== 'number') return end;
      at = end;
      expected = open.length === 0 ? 'end' : 'after value';
    } else {
      return { offset: at, found: wordAt(text, at), allowed: allowed(expected, open) };
    }
  }
}

function allowed(expected: Expected, open: readonly string[]): string {
  if (expected !== 'after value') return ALLOWED[expected];
  return open.at(-1) === '{' ? '"," or "}"' : '"," or "]"';
}

/** The offset behind the number, `true`, `false` or `null` that begins at `start`; null where none does. */
function endOfLiteral(text: string, start: number): number | null {
  const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  literal.lastIndex = start;
  return literal.test(text) ? literal.lastIndex : null;
}

/** The offset behind the string that begins at `start`, or its fault. */
function endOfString(text: string, start: number): number | Fault {
  let at = start + 1;
  for (;;) {
    const char = text[at];
    if (char === undefined) {
      return { offset: at, found: 'the end of the text inside a string', allowed: 'a double quote that ends it' };
    }
    if (char === '"') return at + 1;
    if (char < ' ') {
      const found = char === '\n' || char === '\r' ? 'a line break inside a string' : 'a control character in a string';
      return { offset: at, found, allowed: 'a double quote that ends it, or an escape such as \\n' };
    }
    if (char === '\\') {
      const escapes = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
      escapes.lastIndex = at + 1;
      if (!escapes.test(text)) {
        const found = `the escape ${JSON.stringify(text.slice(at, at + 2))}`;
        return { offset: at, found, allowed: '\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX (a backslash is written \\\\)' };
      }
      at = escapes.lastIndex;
    } else at++;
  }
}

/** A whole word where one begins here (`nil`, `True`), otherwise one character. */
function wordAt(text: string, at: number): string {
  const word = /[A-Za-z_]\w{0,30}|[\s\S]/uy;
  word.lastIndex = at;
  return JSON.stringify(word.exec(text)?.[0] ?? text[at]);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function describe(text: string, { offset, found, allowed: allowedThere }: Fault): string {
  const before = text.slice(0, offset).split(/\r\n|\n|\r/);
  const column = (before.at(-1)?.length ?? 0) + 1;
  const hint = text[offset] === '/' ? '; comments are keys that begin with "#"' : '';
  return `line ${before.length}, column ${column}: found ${found}, allowed: ${allowedThere}${hint}`;
}
