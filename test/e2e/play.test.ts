/** One publisher, every way to play: each names both codecs and the size, and decodes without a complaint. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { HttpPlayer, WebSocketPlayer } from '../support/http.ts';
import { type Millrace, startServer } from '../support/millrace.ts';
import { fileScope } from '../support/temp-dir.ts';
import { makeCertificate } from '../support/tls.ts';

const SCHEMES = ['rtmp', 'rtmps', 'http', 'https'] as const;
const PLAYED = ['h264 1280x720', 'aac 48000'];
/** More than 4 s of the sources' 1.1 Mbit/s. */
const CAPTURED_BYTES = 650_000;

const scope = fileScope();
let server: Millrace;

before(async () => {
  const { certFile, keyFile } = makeCertificate(scope);
  server = await startServer(scope, {
    rtmp: {
      gop_num: 1,
      rtmps_enable: true,
      rtmps_addr: '127.0.0.1:0',
      rtmps_cert_file: certFile,
      rtmps_key_file: keyFile,
    },
    default_http: { https_cert_file: certFile, https_key_file: keyFile },
    httpflv: { enable_https: true, gop_num: 1 },
    httpts: { enable_https: true, gop_num: 1 },
  });
  publish(scope, server.url('rtmp', 'live/all'), 'h264-aac');
  publish(scope, server.url('rtmps', 'live/bframes'), 'h264-bframes-aac');
  await server.log.waitFor('the first publisher', (line) => line['stream'] === 'all');
  await server.log.waitFor('the RTMPS publisher', (line) => line['stream'] === 'bframes');
});

/** Each URL of a stream that ffmpeg reads by itself. */
function urls(stream: string): string[] {
  return SCHEMES.flatMap((scheme) =>
    scheme.startsWith('rtmp')
      ? [server.url(scheme, `live/${stream}`)]
      : ['flv', 'ts'].map((ending) => server.url(scheme, `live/${stream}.${ending}`)),
  );
}

describe('what ffprobe and ffmpeg find', { concurrency: 3 }, () => {
  for (const stream of ['all', 'bframes']) {
    for (const [i, way] of ['RTMP', 'RTMPS', 'HTTP-FLV', 'HTTP-TS', 'HTTPS-FLV', 'HTTPS-TS'].entries()) {
      test(`${way} of ${stream}`, async (t) => {
        const url = urls(stream)[i] ?? '';
        assert.deepEqual(await probeLines(t, url), PLAYED);
        await decodeStrict(t, url);
      });
    }
    for (const scheme of ['ws', 'wss'] as const) {
      for (const ending of ['flv', 'ts']) {
        test(`${scheme} ${ending} of ${stream}`, async (t) => {
          const player = new WebSocketPlayer(t, server.url(scheme, `live/${stream}.${ending}`));
          const bytes = await player.body(CAPTURED_BYTES);
          assert.deepEqual(await probeLines(t, bytes), PLAYED);
          await decodeStrict(t, ending === 'flv' ? cutFlv(bytes) : cutTs(bytes));
        });
      }
    }
  }
});

test('the same frames reach a player over HTTP and over WebSocket', async (t) => {
  const overHttp = new HttpPlayer(t, server.url('http', 'live/all.ts'));
  const overWebSocket = new WebSocketPlayer(t, server.url('ws', 'live/all.ts'));
  const [a, b] = await Promise.all([overHttp.body(CAPTURED_BYTES), overWebSocket.body(CAPTURED_BYTES)]);
  // both joined within one GOP: the later one's start is in what the earlier one was sent, and from there all is equal
  const [longer, shorter] = a.length > b.length ? [a, b] : [b, a];
  const tail = shorter.subarray(188 * 1000, 188 * 1400);
  assert.notEqual(longer.indexOf(tail), -1);
});

/** Without the tag that the capture's end cut, which a strict decode would take for a fault. */
function cutFlv(bytes: Buffer): Buffer {
  let at = 13;
  for (;;) {
    const end = at + 15 + (at + 4 <= bytes.length ? bytes.readUIntBE(at + 1, 3) : bytes.length);
    if (end > bytes.length) return bytes.subarray(0, at);
    at = end;
  }
}

/** Without the last access unit: up to the last packet that starts one of the video's. */
function cutTs(bytes: Buffer): Buffer {
  const VIDEO_START = 0xe0;
  for (let at = bytes.length - (bytes.length % 188) - 188; at > 0; at -= 188) {
    const isStart = (bytes.readUInt8(at + 1) & 0x40) !== 0;
    const payload = at + 4 + (bytes.readUInt8(at + 3) & 0x20 ? 1 + bytes.readUInt8(at + 4) : 0);
    const isPes = isStart && payload + 4 <= at + 188 && bytes.readUIntBE(payload, 3) === 1;
    if (isPes && bytes.readUInt8(payload + 3) === VIDEO_START) return bytes.subarray(0, at);
  }
  return bytes;
}
