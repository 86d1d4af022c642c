/** Bytes of a connection to RTSP messages and interleaved packets. Takes any split of the input. */
import { ByteQueue, NO_BYTES } from '../../media/index.ts';
import { RtspError } from './error.ts';
import { Headers } from './headers.ts';
import { INTERLEAVED_HEADER_BYTES, INTERLEAVED_MAGIC, type RtspMessage } from './message.ts';

/** First line and header fields of one message. Bytes. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** `Content-Length`: session descriptions and parameters are far smaller. Bytes. */
export const MAX_BODY_BYTES = 256 * 1024;

const CR = 0x0d;
const LF = 0x0a;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S(?:.*\S)?) ([A-Za-z]+\/\S+)$/;
const STATUS_LINE = /^(RTSP\/\S+) ([1-9]\d\d)(?: (.*))?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*(.*)$/;

type Head =
  | { readonly kind: 'request'; readonly method: string; readonly url: string; readonly version: string }
  | { readonly kind: 'response'; readonly status: number; readonly reason: string };

/** `push` what came, then take messages with `next` until it gives null: the rest is incomplete. */
export class RtspReader {
  readonly #queue = new ByteQueue();
  /** The head's line that is under way, and those before it. */
  #line: number[] = [];
  #lines: string[] = [];
  #headBytes = 0;
  /** A head whose body is to come. */
  #waiting: { readonly head: Head; readonly headers: Headers; readonly bodyLength: number } | null = null;

  /** Bytes that wait, to be bounded by whoever lets them wait. */
  get length(): number {
    return this.#queue.length;
  }

  push(bytes: Buffer): void {
    this.#queue.push(bytes);
  }

  /** @throws RtspError: the connection cannot go on */
  next(): RtspMessage | null {
    for (;;) {
      if (this.#waiting !== null) return this.#takeBody(this.#waiting);
      if (this.#headBytes === 0 && this.#queue.length > 0 && this.#queue.byteAt(0) === INTERLEAVED_MAGIC) {
        return this.#takeInterleaved();
      }
      const line = this.#takeLine();
      if (line === null) return null;
      // empty lines before a message are passed over (RFC 7826 20.1)
      if (line === '' && this.#lines.length === 0) this.#headBytes = 0;
      else if (line === '') this.#endHead();
      else this.#addLine(line);
    }
  }

  #takeInterleaved(): RtspMessage | null {
    if (this.#queue.length < INTERLEAVED_HEADER_BYTES) return null;
    const length = (this.#queue.byteAt(2) << 8) | this.#queue.byteAt(3);
    if (this.#queue.length < INTERLEAVED_HEADER_BYTES + length) return null;
    const channel = this.#queue.byteAt(1);
    this.#queue.skip(INTERLEAVED_HEADER_BYTES);
    return { kind: 'interleaved', channel, payload: this.#queue.consume(length) };
  }

  /** The next whole line without its end; null where it is not there yet. */
  #takeLine(): string | null {
    while (this.#queue.length > 0) {
      const byte = this.#queue.byteAt(0);
      this.#queue.skip(1);
      if (++this.#headBytes > MAX_HEAD_BYTES) {
        throw new RtspError('limit', `a head of more than the ${MAX_HEAD_BYTES} bytes that are allowed`);
      }
      if (byte === LF) {
        if (this.#line.at(-1) === CR) this.#line.pop();
        if (this.#line.length === 0) return ''; // a peer may send these as keep-alives, or nothing else
        const line = Buffer.from(this.#line).toString();
        this.#line = [];
        return line;
      }
      if (byte < 0x20 && byte !== CR && byte !== 0x09) {
        const reason = this.#lines.length === 0 ? 'not-rtsp' : 'malformed';
        throw new RtspError(reason, `the control character ${byte} in a line of the head`);
      }
      this.#line.push(byte);
    }
    return null;
  }

  #addLine(line: string): void {
    const last = this.#lines.at(-1);
    // a field that goes on in the next line
    if (/^[ \t]/.test(line) && last !== undefined && this.#lines.length > 1) {
      this.#lines[this.#lines.length - 1] = `${last} ${line.trim()}`;
      return;
    }
    // told at once: who speaks another protocol may never end its head
    if (this.#lines.length === 0) parseFirstLine(line);
    this.#lines.push(line);
  }

  #endHead(): void {
    const [first = '', ...fields] = this.#lines;
    this.#lines = [];
    this.#headBytes = 0;
    const headers = new Headers();
    for (const field of fields) {
      const [, name, value] = FIELD.exec(field) ?? [];
      if (name === undefined || value === undefined) {
        throw new RtspError('malformed', `${quote(field)} is no header field`);
      }
      headers.add(name, value.trimEnd());
    }
    this.#waiting = { head: parseFirstLine(first), headers, bodyLength: contentLength(headers) };
  }

  #takeBody(waiting: { readonly head: Head; readonly headers: Headers; readonly bodyLength: number }) {
    const { head, headers, bodyLength } = waiting;
    if (this.#queue.length < bodyLength) return null;
    this.#waiting = null;
    return { ...head, headers, body: bodyLength === 0 ? NO_BYTES : this.#queue.consume(bodyLength) };
  }
}

function parseFirstLine(line: string): Head {
  const [, version, code, reason] = STATUS_LINE.exec(line) ?? [];
  if (version !== undefined && code !== undefined) {
    return { kind: 'response', status: Number(code), reason: reason ?? '' };
  }
  const [, method, url, asked] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || url === undefined || asked === undefined) {
    throw new RtspError('malformed', `${quote(line)} is neither a request nor a status line`);
  }
  if (!asked.startsWith('RTSP/')) throw new RtspError('not-rtsp', `the request is ${quote(asked)}, not RTSP`);
  return { kind: 'request', method, url, version: asked };
}

function contentLength(headers: Headers): number {
  const [value, ...more] = new Set(headers.all('Content-Length'));
  if (value === undefined) return 0;
  if (more.length > 0 || !/^\d+$/.test(value)) {
    throw new RtspError('malformed', `Content-Length is ${quote([value, ...more].join(', '))}, not one whole number`);
  }
  const length = Number(value);
  if (length > MAX_BODY_BYTES) {
    throw new RtspError('limit', `a body of ${value.slice(0, 20)} bytes, allowed are ${MAX_BODY_BYTES}`);
  }
  return length;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
