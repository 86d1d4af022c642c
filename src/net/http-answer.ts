/** Requests and answers as plain data, so that what answers them need know no socket and may be in another thread. */
import type { IncomingHttpHeaders } from 'node:http';

/** A request of a protocol that answers each one wholly: playlists, segments. */
export interface HttpRequestFacts {
  readonly method: 'GET' | 'HEAD';
  /** Decoded path without the query. */
  readonly path: string;
  /** What stood behind `?`, as it came. */
  readonly query: string;
  /** The whole URL as the client asked for it. */
  readonly url: string;
  /** `ADDRESS:PORT`, IPv6 in brackets. */
  readonly remoteAddr: string;
  readonly headers: IncomingHttpHeaders;
}

/** A file that is sent as a body. What is not there, is no file, or lies outside `root`, links followed, is answered 404. */
export interface FileBody {
  /** A folder that may itself be reached by links. */
  readonly root: string;
  /** The file's path below `root`; no part of it may be a link. */
  readonly path: string;
}

/**
 * An answer before HTTP's own rules: `Content-Length`, `ETag`, 304, ranges, gzip, `HEAD`, CORS and `Cache-Control` are
 * added where it is written. A 200 of a playlist or text is compressible and never cached without asking; any other 200
 * is taken for a segment, whose name never means anything else.
 */
export interface HttpAnswer {
  readonly status: number;
  /** An `ETag` or `Cache-Control` that stands here goes before the one that would be made. */
  readonly headers: Readonly<Record<string, string>>;
  /** Several buffers are sent as if they were one. */
  readonly body: Buffer | readonly Buffer[] | FileBody | null;
  /** Under this name the route is told of each piece of the body that was really sent; absent: it is not told. */
  readonly account?: string;
}

/** Answers all paths below its pattern that it accepts. */
export interface AnswerRoute {
  /** Prefix of the path, e.g. `/hls/`. */
  readonly urlPattern: string;
  /** What stands behind the prefix, for messages, e.g. `STREAM.m3u8`. */
  readonly description: string;
  /** Whether the decoded path, its prefix included, is this route's. */
  accepts(path: string): boolean;
  /**
   * May wait, but no longer than until the client is gone. Rejects only by a fault of the server, which is answered 500.
   * @param gone aborted when nobody is there any more who could be answered
   */
  answer(request: HttpRequestFacts, gone?: AbortSignal): Promise<HttpAnswer>;
  /** So many bytes of the account's body were handed to the kernel. @returns whether the rest is to be sent */
  sent?(account: string, bytes: number): boolean;
  /** The answer is over, sent or broken off: once for each answer with this account. */
  finished?(account: string): void;
}

export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

/** An answer of one sentence. */
export function textAnswer(status: number, sentence: string): HttpAnswer & { readonly body: Buffer } {
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    body: Buffer.from(`${sentence}\n`),
  };
}

/** Whether the type is worth compressing, and changes under its name. */
export function isText(contentType: string): boolean {
  return contentType === PLAYLIST_TYPE || contentType.startsWith('text/');
}
