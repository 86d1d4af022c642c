/** Writes answers by HTTP's rules: HEAD, conditional requests, ranges, gzip, caching (RFC 9110, 9111), in one place. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip, gzipSync } from 'node:zlib';
import { CORS_HEADERS } from './cors.ts';
import { type OpenFile, openFileBody } from './file-body.ts';
import { type AnswerRoute, type HttpAnswer, type HttpRequestFacts, isText, textAnswer } from './http-answer.ts';
import { countBytes } from './socket-bytes.ts';

/** A client that takes nothing of an answer for this long is cut off. Milliseconds. */
const WRITE_TIMEOUT_MS = 10_000;
/** What is counted as sent at once, and read from a file at once. */
const PIECE_BYTES = 128 * 1024;
/** Less than this is not worth compressing. */
const MIN_GZIP_BYTES = 512;
/** Up to this, compressing takes less than handing it to another thread. */
const MAX_GZIP_SYNC_BYTES = 64 * 1024;
const YEAR_SECONDS = 31_536_000;
const NO_BYTES = Buffer.alloc(0);
const NO_FILE = textAnswer(404, 'no such file');

const CORS_OF_ANSWERS = {
  ...CORS_HEADERS,
  'Access-Control-Allow-Headers': 'Content-Type, Range',
  'Access-Control-Expose-Headers': 'Content-Length, Content-Range, Date, ETag',
} as const;

const gzipAsync = promisify(gzip);
/** Many clients are given the same playlist: each is compressed and named once. */
const zipped = new WeakMap<Buffer, Promise<Buffer> | Buffer>();
const tags = new WeakMap<Buffer, string>();

/** How much of the answer is sent, and from where. */
interface Extent {
  readonly from: number;
  readonly bytes: number;
}

/** The headers of every answer of an answer route, to OPTIONS too. */
export function setAnswerHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(CORS_OF_ANSWERS)) response.setHeader(name, value);
}

/** Writes the answer. Resolves when it is sent, or the client is gone; rejects by a fault of the server. */
export async function writeAnswer(
  request: HttpRequestFacts,
  response: ServerResponse,
  answer: HttpAnswer,
  route: AnswerRoute,
): Promise<void> {
  const { account } = answer;
  const report = (bytes: number): boolean => account === undefined || route.sent?.(account, bytes) !== false;
  try {
    if (!response.destroyed) await write(request, response, answer, report);
  } finally {
    if (account !== undefined) route.finished?.(account);
  }
}

type Report = (bytes: number) => boolean;

async function write(
  request: HttpRequestFacts,
  response: ServerResponse,
  answer: HttpAnswer,
  report: Report,
): Promise<void> {
  response.setTimeout(WRITE_TIMEOUT_MS);
  const { body } = answer;
  if (body === null || Buffer.isBuffer(body) || 'length' in body) {
    const parts = body === null ? [] : Buffer.isBuffer(body) ? [body] : body;
    await writeBuffers(request, response, answer, parts, report);
    return;
  }
  const file = await openFileBody(body);
  if (file === null) {
    await writeBuffers(request, response, NO_FILE, [NO_FILE.body], report);
    return;
  }
  try {
    const extent = writeHead(request, response, answer, file.bytes, answer.headers['ETag'] ?? file.etag);
    if (extent === null) response.end();
    else await sendFile(response, file, extent, report);
  } finally {
    await file.handle.close();
  }
}

async function writeBuffers(
  request: HttpRequestFacts,
  response: ServerResponse,
  answer: HttpAnswer,
  plain: readonly Buffer[],
  report: Report,
): Promise<void> {
  let parts = plain;
  let tag = answer.headers['ETag'] ?? null;
  if (answer.status === 200 && isText(typeOf(answer))) {
    const [text = NO_BYTES] = parts.length > 1 ? [Buffer.concat(parts)] : parts;
    parts = [text];
    // weak, since it is the same for the compressed bytes
    tag ??= weakTag(text);
    response.setHeader('Vary', 'Accept-Encoding');
    if (text.length >= MIN_GZIP_BYTES && takesGzip(request)) {
      parts = [await zip(text)];
      response.setHeader('Content-Encoding', 'gzip');
    }
  }
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const extent = writeHead(request, response, answer, bytes, tag);
  if (extent === null) response.end();
  else await sendBuffers(response, parts, extent, report);
}

/** Writes status and headers. @returns what of the body is to follow; null: nothing */
function writeHead(
  request: HttpRequestFacts,
  response: ServerResponse,
  answer: HttpAnswer,
  bytes: number,
  tag: string | null,
): Extent | null {
  const { status, headers } = answer;
  const isSegment = status === 200 && !isText(typeOf(answer));
  const caching = isSegment ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache';
  response.setHeader('Cache-Control', caching);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (tag !== null) response.setHeader('ETag', tag);
  if (isSegment) response.setHeader('Accept-Ranges', 'bytes');
  if (tag !== null && matchesTag(request.headers['if-none-match'], tag)) {
    response.removeHeader('Content-Encoding');
    response.writeHead(304);
    return null;
  }
  const range = isSegment ? wantedRange(request, bytes, tag) : null;
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${bytes}`);
    response.setHeader('Cache-Control', 'no-cache');
    response.writeHead(416, { 'Content-Length': 0 });
    return null;
  }
  const extent = range ?? { from: 0, bytes };
  if (range !== null) {
    response.setHeader('Content-Range', `bytes ${range.from}-${range.from + range.bytes - 1}/${bytes}`);
  }
  response.writeHead(range === null ? status : 206, { 'Content-Length': extent.bytes });
  return request.method === 'HEAD' ? null : extent;
}

async function sendBuffers(
  response: ServerResponse,
  parts: readonly Buffer[],
  extent: Extent,
  report: Report,
): Promise<void> {
  let left = extent.bytes;
  if (left === 0) response.end();
  for (const piece of piecesOf(parts, extent)) {
    left -= piece.length;
    if (!(await sendPiece(response, piece, left === 0, report))) return;
  }
}

/** What of the parts is within the extent, in pieces: large parts are cut, small ones joined. */
function* piecesOf(parts: readonly Buffer[], { from, bytes }: Extent): Generator<Buffer> {
  let start = 0;
  let small: Buffer[] = [];
  let smallBytes = 0;
  for (const part of parts) {
    const wanted = part.subarray(Math.max(0, from - start), Math.max(0, from + bytes - start));
    start += part.length;
    if (smallBytes > 0 && smallBytes + wanted.length > PIECE_BYTES) {
      yield Buffer.concat(small);
      small = [];
      smallBytes = 0;
    }
    if (wanted.length < PIECE_BYTES) {
      small.push(wanted);
      smallBytes += wanted.length;
    } else for (let at = 0; at < wanted.length; at += PIECE_BYTES) yield wanted.subarray(at, at + PIECE_BYTES);
  }
  if (smallBytes > 0) yield small.length === 1 && small[0] !== undefined ? small[0] : Buffer.concat(small);
}

async function sendFile(response: ServerResponse, { handle }: OpenFile, extent: Extent, report: Report): Promise<void> {
  let at = extent.from;
  const end = extent.from + extent.bytes;
  do {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    // the length is promised already: a file that was cut meanwhile can only break the answer off
    if (bytesRead === 0 && at < end) break;
    at += bytesRead;
    if (!(await sendPiece(response, piece.subarray(0, bytesRead), at >= end, report))) return;
  } while (at < end);
  if (at < end) response.destroy();
}

/** Resolves once the piece is with the kernel. @returns whether to go on */
async function sendPiece(response: ServerResponse, piece: Buffer, isLast: boolean, report: Report): Promise<boolean> {
  const stallTimer = cutWhenStalled(response);
  const isSent = await new Promise<boolean>((resolve) => {
    const closed = (): void => resolve(response.writableFinished);
    const written = (error?: Error | null): void => {
      response.removeListener('close', closed);
      resolve(error === null || error === undefined);
    };
    if (response.destroyed) resolve(false);
    else {
      response.once('close', closed);
      if (isLast) response.end(piece, written);
      else response.write(piece, written);
    }
  });
  clearInterval(stallTimer);
  if (!isSent) return false;
  if (report(piece.length) || isLast) return true;
  response.destroy();
  return false;
}

/** The socket's own time-out would begin anew with every byte that the client sends. */
function cutWhenStalled(response: ServerResponse): NodeJS.Timeout {
  const wrote = (): number => (response.socket === null ? 0 : countBytes(response.socket).wrote());
  let before = wrote();
  return setInterval(() => {
    const now = wrote();
    if (now === before) response.destroy();
    before = now;
  }, WRITE_TIMEOUT_MS);
}

function typeOf({ headers }: HttpAnswer): string {
  return headers['Content-Type'] ?? '';
}

/** Whether `gzip` is listed, and not with a weight of 0 (RFC 9110 12.5.3). */
function takesGzip({ headers }: HttpRequestFacts): boolean {
  const accepted = headers['accept-encoding'];
  if (typeof accepted !== 'string') return false;
  return accepted.split(',').some((each) => /^\s*gzip\s*(;(?!\s*q=0(\.0*)?\s*$).*)?$/i.test(each));
}

function zip(body: Buffer): Promise<Buffer> | Buffer {
  const before = zipped.get(body);
  if (before !== undefined) return before;
  const made = body.length > MAX_GZIP_SYNC_BYTES ? gzipAsync(body) : gzipSync(body);
  zipped.set(body, made);
  return made;
}

function weakTag(body: Buffer): string {
  let tag = tags.get(body);
  if (tag === undefined) {
    tag = `W/"${createHash('sha1').update(body).digest('base64url')}"`;
    tags.set(body, tag);
  }
  return tag;
}

/** By weak comparison (RFC 9110 13.1.2). */
function matchesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const opaque = (each: string): string => each.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((each) => opaque(each) === opaque(tag));
}

/** One range (RFC 9110 14.1.2); null: the whole, also for what is not understood and for several ranges. */
function wantedRange(request: HttpRequestFacts, bytes: number, tag: string | null): Extent | 'unsatisfiable' | null {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(request.headers.range ?? '');
  if (match === null || request.method !== 'GET') return null;
  const condition = request.headers['if-range'];
  if (condition !== undefined && condition !== tag) return null;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return null;
  const from = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return null;
  return from >= bytes || end <= from ? 'unsatisfiable' : { from, bytes: end - from };
}
