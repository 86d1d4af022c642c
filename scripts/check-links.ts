/** Checks that what the repository's Markdown files name is there: links, anchors, images, paths in code, scripts of npm. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

interface Link {
  readonly line: number;
  readonly target: string;
}

/** Folders that hold what is not ours. */
const FOREIGN = ['node_modules', 'dist', '.git'];
/** Files that the server looks for in its user's folder. */
const USERS = ['conf/lalserver.conf.json'];

/** All that is named under `root` and is not there, each as `FILE:LINE: what is wrong`. */
export function brokenLinks(root: string): string[] {
  const files = globSync('**/*.md', { cwd: root, exclude: (name) => FOREIGN.includes(name) }).sort();
  const scripts = npmScripts(root);
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const found = [
      ...linksOf(text).map((link) => ({ ...link, problem: problemOf(root, file, link.target) })),
      ...pathsInCode(text).map((path) => ({ ...path, problem: problemOfPath(root, path.target) })),
      ...scriptsIn(text).map((script) => ({ ...script, problem: problemOfScript(scripts, script.target) })),
    ];
    return found
      .sort((a, b) => a.line - b.line)
      .flatMap(({ line, problem }) => (problem === null ? [] : [`${file}:${line}: ${problem}`]));
  });
}

/**
 * Files that code names, inline or in blocks, such as `conf/x.json`; not those with a word in capitals, which stands
 * for something, nor those that go on with a wildcard.
 */
function pathsInCode(markdown: string): Link[] {
  const code = withoutCode(markdown).split('\n');
  return markdown.split(/\r?\n/).flatMap((text, index) => {
    // what is left of a line without its code tells which of its words are in code
    if (text === code[index]) return [];
    const words = text.matchAll(/(?<![\w./:@*<-])(?:[\w-][\w.-]*\/)+[\w.-]+\.[a-z]\w*(?![\w*/])/g);
    return Array.from(words, ([target]) => ({ line: index + 1, target })).filter(
      ({ target }) => !/(?:^|[/-])[A-Z]{2,}[A-Z_]*(?:[./-]|$)/.test(target) && !code[index]?.includes(target),
    );
  });
}

/** Where the first folder is the repository's, or one of `src/`, the file must be there. */
function problemOfPath(root: string, path: string): string | null {
  const [first = ''] = path.split('/');
  if (FOREIGN.includes(first) || USERS.includes(path)) return null;
  const bases = [root, join(root, 'src')].filter((base) => existsSync(join(base, first)));
  if (bases.length === 0 || bases.some((base) => existsSync(join(base, path)))) return null;
  return `${path} is not there`;
}

function scriptsIn(markdown: string): Link[] {
  return markdown
    .split('\n')
    .flatMap((text, index) =>
      Array.from(text.matchAll(/\bnpm run ([\w:-]+)/g), ([, target = '']) => ({ line: index + 1, target })),
    );
}

function problemOfScript(scripts: ReadonlySet<string> | null, name: string): string | null {
  return scripts === null || scripts.has(name) ? null : `npm run ${name}: package.json has no such script`;
}

/** Null: there is no package.json. */
function npmScripts(root: string): ReadonlySet<string> | null {
  const file = join(root, 'package.json');
  if (!existsSync(file)) return null;
  const { scripts = {} } = JSON.parse(readFileSync(file, 'utf8')) as { scripts?: Record<string, string> };
  return new Set(Object.keys(scripts));
}

/** Targets of inline links, images, link definitions and HTML attributes, outside of code. */
function linksOf(markdown: string): Link[] {
  const patterns = [
    /\]\(\s*(<[^>\n]*>|(?:[^()\s]|\([^()\s]*\))+)(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/g,
    /^ {0,3}\[[^\]^][^\]]*\]:\s*(\S+)/g,
    /\b(?:href|src)\s*=\s*["']([^"']+)["']/gi,
  ];
  return withoutCode(markdown)
    .split('\n')
    .flatMap((text, index) =>
      patterns.flatMap((pattern) =>
        [...text.matchAll(pattern)].map((match) => ({
          line: index + 1,
          target: (match[1] ?? '').replace(/^<|>$/g, ''),
        })),
      ),
    );
}

function problemOf(root: string, file: string, target: string): string | null {
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(target)) return null;
  const mark = target.indexOf('#');
  const path = decode(mark === -1 ? target : target.slice(0, mark)).replace(/\?.*$/, '');
  const anchor = mark === -1 ? '' : decode(target.slice(mark + 1));
  const absolute = resolve(root, path.startsWith('/') ? `.${path}` : join(dirname(file), path));
  const found = path === '' ? resolve(root, file) : absolute;
  if (relative(root, found).split(sep)[0] === '..') return `${target} leads out of the repository`;
  if (!existsSync(found)) return `${target} is not there`;
  if (anchor === '' || !found.endsWith('.md')) return null;
  if (anchorsOf(readFileSync(found, 'utf8')).has(anchor)) return null;
  return `${target}: ${relative(root, found)} has no heading that makes the anchor #${anchor}`;
}

/** The anchors that GitHub and its like give to headings, and those that are set by HTML. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const lines = withoutFences(markdown).split('\n');
  for (const [index, line] of lines.entries()) {
    for (const match of line.matchAll(/\b(?:id|name)\s*=\s*["']([^"']+)["']/gi)) anchors.add(match[1] ?? '');
    const isUnderlined = /^(?:=+|-+)\s*$/.test(lines[index + 1] ?? '') && /^[^\s#>|-]/.test(line);
    const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/.exec(line)?.[1] ?? (isUnderlined ? line.trim() : null);
    if (heading === null) continue;
    const slug = slugOf(heading);
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

function slugOf(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replace(/<[^>]+>/g, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}

/** Line breaks stay, so that line numbers hold. A lone backtick ends with its paragraph. */
function withoutCode(markdown: string): string {
  return withoutFences(markdown).replace(/(`+)(?!`)(?:(?!\n\n).)*?[^`]\1(?!`)/gs, (code) => code.replace(/[^\n]/g, ''));
}

function withoutFences(markdown: string): string {
  let fence: string | null = null;
  return markdown
    .split(/\r?\n/)
    .map((line) => {
      const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
      if (fence === null && mark === undefined) return line;
      if (fence === null) fence = mark ?? null;
      else if (mark?.startsWith(fence) && line.trim() === mark) fence = null;
      return '';
    })
    .join('\n');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
