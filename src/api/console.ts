/** The console's files, read at the start and answered from memory; a page that says how to build them where they are not there. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** src/api and dist/api lie equally deep in the package, so one relative path finds the files from both. */
export const CONSOLE_FOLDER = fileURLToPath(new URL('../../dist/console', import.meta.url));

/** The page's paths; the second is the original's. */
const PAGE_PATHS = ['/', '/lal.html'];
const PAGE = 'index.html';
/** The build puts what bears a hash in its name here, and nothing else. */
const HASHED_FOLDER = 'assets';

const CONTENT_TYPES = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
]);

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Millrace</title>
<h1>The console is not built</h1>
<p>The server runs. In its folder, run <code>npm run build</code>, then start the server again.</p>
<p>The HTTP API is there without it: <a href="api/stat/all_group">api/stat/all_group</a>.</p>
</html>
`;

interface StaticFile {
  readonly body: Buffer;
  readonly contentType: string;
  readonly etag: string;
  readonly cacheControl: string;
}

/** Every path that is answered, with its file. Files of other kinds than a page is made of are left out. */
export function readConsole(folder: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  for (const name of listFiles(folder)) {
    const contentType = CONTENT_TYPES.get(extname(name));
    if (contentType !== undefined)
      files.set(`/${name}`, staticFile(name, readFileSync(join(folder, name)), contentType));
  }
  const page = files.get(`/${PAGE}`) ?? staticFile(PAGE, Buffer.from(NOT_BUILT), 'text/html; charset=utf-8');
  files.delete(`/${PAGE}`);
  for (const path of PAGE_PATHS) files.set(path, page);
  return files;
}

/** Answers GET and HEAD for these files. */
export function addConsole(app: FastifyInstance, files: ReadonlyMap<string, StaticFile>, serverName: string): void {
  for (const [path, file] of files) {
    app.get(path, (request, reply) => answerWithFile(request, reply, file, serverName));
  }
}

function answerWithFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: StaticFile,
  serverName: string,
): FastifyReply {
  reply.headers({
    'Cache-Control': file.cacheControl,
    ETag: file.etag,
    Server: serverName,
    'X-Content-Type-Options': 'nosniff',
  });
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  return reply
    .headers({
      'Content-Type': file.contentType,
      'Content-Security-Policy': contentSecurityPolicy(request.headers.host ?? ''),
      'Referrer-Policy': 'no-referrer',
    })
    .send(file.body);
}

/**
 * Nothing is loaded from elsewhere, run inline or framed. Media comes from this server's other ports: their host is the
 * one that the page was asked of. An IPv6 address cannot be named in a policy, so there any host is let.
 */
function contentSecurityPolicy(hostHeader: string): string {
  const [, host = '*'] = /^([a-z\d.-]+)(?::\d+)?$/i.exec(hostHeader) ?? [];
  const media = ['http', 'https', 'ws', 'wss'].map((scheme) => `${scheme}://${host}:*`).join(' ');
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "media-src 'self' blob:",
    `connect-src 'self' ${media}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

function staticFile(name: string, body: Buffer, contentType: string): StaticFile {
  const isHashed = name.startsWith(`${HASHED_FOLDER}/`);
  return {
    body,
    contentType,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    cacheControl: isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
}

/** Paths of everything below the folder, parted by slashes; none where there is no such folder. */
function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll(sep, '/'));
  } catch {
    return [];
  }
}
