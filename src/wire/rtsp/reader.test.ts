/** Messages and packets out of bytes, any split of them, and peers who send something else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { everySplit } from '../../media/every-split.fixture.ts';
import { RtspError } from './error.ts';
import { Headers } from './headers.ts';
import { type RtspMessage, request, response, serializeInterleaved, serializeMessage } from './message.ts';
import { MAX_BODY_BYTES, MAX_HEAD_BYTES, RtspReader } from './reader.ts';

/** Everything that comes out, as plain values; the fault last where there is one. */
function readAll(pieces: readonly Buffer[]): unknown[] {
  const reader = new RtspReader();
  const out: unknown[] = [];
  try {
    for (const piece of pieces) {
      reader.push(piece);
      for (let message = reader.next(); message !== null; message = reader.next()) out.push(plain(message));
    }
  } catch (error) {
    assert.ok(error instanceof RtspError, String(error));
    out.push(error.reason);
  }
  return out;
}

function plain(message: RtspMessage): unknown {
  if (message.kind === 'interleaved') return [message.channel, message.payload.toString('hex')];
  const { headers, body, ...rest } = message;
  return { ...rest, headers: [...headers], body: body.toString() };
}

test('requests, responses and interleaved packets between them, cut anywhere', () => {
  const bytes = Buffer.concat([
    Buffer.from('OPTIONS rtsp://h/a?b=c RTSP/1.0\r\nCSeq: 1\r\n\r\n'),
    serializeInterleaved(0, Buffer.from('\r\n$1234')),
    serializeInterleaved(255, Buffer.alloc(0)),
    Buffer.from('\r\n\r\nSET_PARAMETER * RTSP/1.0\ncseq:2\nContent-length: 5\nX-Long: a\n  b\n\tc\n\na\r\n$b'),
    Buffer.from('RTSP/1.0 200\r\n\r\nRTSP/1.0 404 Stream Not Found\r\nEmpty:\r\n\r\n'),
    serializeInterleaved(2, Buffer.alloc(300, 1)),
    Buffer.from('DESCRIBE rtsp://h/two words RTSP/1.0\r\n\r\n'),
  ]);
  const message = { kind: 'request', version: 'RTSP/1.0', body: '' };
  assert.deepEqual(
    everySplit(bytes, readAll),
    [
      { ...message, method: 'OPTIONS', url: 'rtsp://h/a?b=c', headers: [['CSeq', '1']] },
      [0, Buffer.from('\r\n$1234').toString('hex')],
      [255, ''],
      {
        ...message,
        method: 'SET_PARAMETER',
        url: '*',
        headers: [
          ['cseq', '2'],
          ['Content-length', '5'],
          ['X-Long', 'a b c'],
        ],
        body: 'a\r\n$b',
      },
      { kind: 'response', status: 200, reason: '', headers: [], body: '' },
      { kind: 'response', status: 404, reason: 'Stream Not Found', headers: [['Empty', '']], body: '' },
      [2, '01'.repeat(300)],
      { ...message, method: 'DESCRIBE', url: 'rtsp://h/two words', headers: [] },
    ],
    'as they were sent',
  );
});

const HEAD = 'OPTIONS * RTSP/1.0\r\n';
const FAULTS: readonly (readonly [what: string, bytes: string, reason: string])[] = [
  ['a TLS hello', '\x16\x03\x01\x02\x00', 'not-rtsp'],
  ['HTTP', 'GET / HTTP/1.1\r\n', 'not-rtsp'],
  ['no request line', 'hello\r\n', 'malformed'],
  ['a line that only ends', 'OPTIONS *\r\n', 'malformed'],
  ['NUL in the request line', 'OPTIONS rtsp://h/a\0b RTSP/1.0\r\n\r\n', 'not-rtsp'],
  ['NUL in a header', `${HEAD}CSeq: \0\r\n\r\n`, 'malformed'],
  ['a header without a colon', `${HEAD}CSeq 1\r\n\r\n`, 'malformed'],
  ['a header with no name', `${HEAD}: 1\r\n\r\n`, 'malformed'],
  ['a negative length', `${HEAD}Content-Length: -1\r\n\r\n`, 'malformed'],
  ['a length that is no number', `${HEAD}Content-Length: 1e3\r\n\r\n`, 'malformed'],
  ['two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 'malformed'],
  ['a body over the bound', `${HEAD}Content-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`, 'limit'],
  ['a length that overflows', `${HEAD}Content-Length: 18446744073709551617\r\n\r\n`, 'limit'],
  ['a head that does not end', `${HEAD}${'X: 1\r\n'.repeat(MAX_HEAD_BYTES / 6)}`, 'limit'],
  ['a line that does not end', 'O'.repeat(MAX_HEAD_BYTES + 1), 'limit'],
];
for (const [what, bytes, reason] of FAULTS) {
  test(`a fault: ${what}`, () => {
    assert.deepEqual(everySplit(Buffer.from(bytes, 'latin1'), readAll), [reason]);
  });
}

test('a head and a body as long as they may be', () => {
  const filler = 'x'.repeat(MAX_HEAD_BYTES - HEAD.length - 'X: \r\n\r\n'.length);
  assert.equal(readAll([Buffer.from(`${HEAD}X: ${filler}\r\n\r\n`)]).length, 1);
  const body = Buffer.alloc(MAX_BODY_BYTES, 0x24);
  const [message] = readAll([serializeMessage(request('ANNOUNCE', '*', new Headers(), body))]);
  assert.equal((message as { body: string }).body.length, MAX_BODY_BYTES);
});

test('what is serialized is read again', () => {
  const token = fc.stringMatching(/^[A-Za-z][A-Za-z_-]{0,15}$/);
  const text = fc.string({ maxLength: 40 }).map((value) => value.replace(/[^\x21-\x7e]/g, '_'));
  const body = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
  const fields = fc.array(
    fc.tuple(
      token.filter((name) => !/^content-length$/i.test(name)),
      text,
    ),
    { maxLength: 5 },
  );
  const aRequest = fc
    .tuple(token, text, fields, body)
    .map(([method, url, headers, bytes]) => request(method, `rtsp://h/${url}`, new Headers(headers), bytes));
  const aResponse = fc
    .tuple(fc.integer({ min: 100, max: 999 }), fields, body, text)
    .map(([status, headers, bytes, detail]) => response(status, new Headers(headers), bytes, detail));
  const aPacket = fc
    .tuple(fc.integer({ min: 0, max: 255 }), body)
    .map(([channel, payload]): RtspMessage => ({ kind: 'interleaved', channel, payload }));
  fc.assert(
    fc.property(
      fc.array(fc.oneof(aRequest, aResponse, aPacket), { maxLength: 6 }),
      fc.integer({ min: 1, max: 50 }),
      (messages, size) => {
        const bytes = Buffer.concat(
          messages.map((each) =>
            each.kind === 'interleaved' ? serializeInterleaved(each.channel, each.payload) : serializeMessage(each),
          ),
        );
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        const length = (each: RtspMessage): (readonly [string, string])[] =>
          each.kind !== 'interleaved' && each.body.length > 0 ? [['Content-Length', String(each.body.length)]] : [];
        const sent = messages.map((each) =>
          each.kind === 'interleaved'
            ? plain(each)
            : plain({ ...each, headers: new Headers([...each.headers, ...length(each)]) }),
        );
        assert.deepEqual(readAll(pieces), sent);
      },
    ),
  );
});

test('no bytes whatever make the reader throw anything but its own error', () => {
  const lines = fc.constantFrom(
    'OPTIONS * RTSP/1.0\r\n',
    '\r\n',
    'CSeq: 1\r\n',
    'Content-Length: 9\r\n',
    '$',
    '\0',
    ' ',
  );
  const input = fc.array(fc.oneof(lines, fc.string({ maxLength: 20 })), { maxLength: 20 }).map((all) => all.join(''));
  fc.assert(fc.property(input, (text) => void readAll([Buffer.from(text, 'latin1')])));
});

test('a response says more than its status, on one line of visible characters', () => {
  const bytes = serializeMessage(response(403, new Headers([['CSeq', '3\r\nEvil: 1']]), undefined, 'stream 直\r\n播'));
  assert.equal(bytes.toString(), 'RTSP/1.0 403 Forbidden (stream ???)\r\nCSeq: 3 Evil: 1\r\n\r\n'.replace('???', '?'));
});
