/** What clients ask of HTTP: ranges, conditions, encodings; and what they prove themselves by. */
import type { ServerResponse } from 'node:http';
import { writeAnswer } from '../../../src/net/answer-writer.ts';
import type { AnswerRoute, HttpAnswer } from '../../../src/net/index.ts';
import { ConnectionAuth } from '../../../src/protocols/rtsp/auth.ts';
import { Headers, parseCredentials, request } from '../../../src/wire/rtsp/index.ts';
import type { FuzzTarget } from '../judge.ts';

const BODY = Buffer.from(Array.from({ length: 300 }, (_, i) => i & 0xff));
const ANSWER: HttpAnswer = { status: 200, headers: { 'Content-Type': 'video/mp2t', ETag: '"e"' }, body: BODY };
const ROUTE: AnswerRoute = {
  urlPattern: '/',
  description: '',
  accepts: () => true,
  answer: () => Promise.resolve(ANSWER),
};

/** What of a response the writer uses, kept instead of sent. */
class KeptResponse {
  readonly headers = new Map<string, unknown>();
  readonly destroyed = false;
  readonly writableFinished = true;
  readonly socket = null;
  status = 0;
  body: Buffer = Buffer.alloc(0);

  setHeader(name: string, value: unknown): void {
    this.headers.set(name, value);
  }

  removeHeader(name: string): void {
    this.headers.delete(name);
  }

  writeHead(status: number, headers: Record<string, unknown> = {}): void {
    this.status = status;
    for (const [name, value] of Object.entries(headers)) this.headers.set(name, value);
  }

  end(piece?: Buffer, done?: () => void): void {
    this.body = piece ?? this.body;
    done?.();
  }

  write(piece: Buffer, done: () => void): void {
    this.body = Buffer.concat([this.body, piece]);
    done();
  }

  setTimeout(): void {}
  once(): void {}
  removeListener(): void {}
}

const NAMES: Readonly<Record<number, string>> = { 200: 'whole', 206: 'part', 304: 'known', 416: 'unsatisfiable' };

/** The lines of the input are the values of the headers that count. */
const range: FuzzTarget = {
  name: 'http-range',
  seeds: ['bytes=0-99', 'bytes=-5\n"e"', 'bytes=5-', 'bytes=299-300\n\n*', 'bytes=0-0,5-9\n\n"x", W/"e"\ngzip;q=0'].map(
    (text) => Buffer.from(text),
  ),
  words: ['bytes=', '-', '0', '299', '300', '99999999999999999999', ',', '\n', '"e"', 'W/', '*', ' '],
  run: (pieces, out) => {
    const [range, ifRange, ifNoneMatch, encoding] = Buffer.concat(pieces).toString('latin1').split('\n');
    const headers = {
      ...(range === undefined || range === '' ? {} : { range }),
      ...(ifRange === undefined || ifRange === '' ? {} : { 'if-range': ifRange }),
      ...(ifNoneMatch === undefined || ifNoneMatch === '' ? {} : { 'if-none-match': ifNoneMatch }),
      ...(encoding === undefined || encoding === '' ? {} : { 'accept-encoding': encoding }),
    };
    const asked = { method: 'GET', path: '/', query: '', url: '', remoteAddr: '', headers } as const;
    const kept = new KeptResponse();
    // a body of one piece is written at once
    void writeAnswer(asked, kept as unknown as ServerResponse, ANSWER, ROUTE);
    const { status, body } = kept;
    out.push({ name: NAMES[status] ?? 'other', bytes: body.length, range: kept.headers.get('Content-Range') });
    if (status === 206) {
      const [, from, to, all] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(kept.headers.get('Content-Range'))) ?? [];
      const part = BODY.subarray(Number(from), Number(to) + 1);
      if (Number(all) !== BODY.length || !body.equals(part) || part.length === 0) throw new Error('another range');
    } else if (status === 200 ? !body.equals(BODY) : body.length > 0 || ![304, 416].includes(status)) {
      throw new Error(`${status} with ${body.length} bytes`);
    }
    if (status !== 304 && kept.headers.get('Content-Length') !== body.length) throw new Error('another length');
  },
  allows: () => false,
};

const ACCESS = { isAskedOfPlayers: true, isAskedOfPublishers: true, username: 'user', password: 'of our own' };

/** A value of `Authorization`: whatever it is, nobody is let in by it. */
const authorization: FuzzTarget = {
  name: 'authorization',
  seeds: [
    'Basic dXNlcjpwYXNz',
    'Digest username="user", realm="millrace", nonce="n", uri="rtsp://h/a", response="6629fae49393a05397450978507c4ef1"',
    'Digest username="us\\"er",realm=millrace,algorithm=SHA-256,qop=auth,nc=00000001,cnonce="",nonce=,uri="rtsp://h/a",response=x',
    `Digest ${' '.repeat(3000)}a=b`,
    `Digest a="${'\\"'.repeat(3000)}`,
  ].map((text) => Buffer.from(text)),
  words: ['"', '\\', '=', ',', ' ', 'Digest ', 'Basic ', 'qop=auth', 'algorithm=', 'uri=""', '\t'],
  run: (pieces, out) => {
    const text = Buffer.concat(pieces).toString('latin1');
    const headers = new Headers([['Authorization', text]]);
    for (const method of ['basic', 'digest'] as const) {
      const result = new ConnectionAuth({ ...ACCESS, method }, () => 0).check(
        request('DESCRIBE', 'rtsp://h/a', headers),
      );
      if (result.ok) throw new Error('let in');
      out.push({ name: method, problem: parseCredentials(text)?.scheme ?? 'unreadable' });
    }
  },
  allows: () => false,
};

export const HTTP_TARGETS: readonly FuzzTarget[] = [range, authorization];
