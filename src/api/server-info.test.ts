/** Which listeners server/info tells of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenersJson } from './server-info.ts';

const at = (key: string, port: number, host?: string) => ({
  key,
  addr: host === undefined ? { port } : { port, host },
});
const tls = (key: string, port: number) => ({ ...at(key, port), certFile: 'cert.pem', keyFile: 'key.pem' });
const AUTH = {
  isAskedOfPlayers: false,
  isAskedOfPublishers: false,
  method: 'basic',
  username: '',
  password: '',
} as const;
const OFF = { plain: null, tls: null };
const NOTHING = {
  rtmp: OFF,
  rtsp: { ...OFF, webSocket: null, auth: AUTH },
  hls: { ...OFF, urlPattern: '/hls/', isPatternShared: false },
  flv: { ...OFF, urlPattern: '/' },
  ts: { ...OFF, urlPattern: '/' },
};

test('protocols that share an address have the port of whichever was bound for it', () => {
  const shared = listenersJson(
    {
      ...NOTHING,
      hls: { ...NOTHING.hls, plain: at('hls.http_listen_addr', 0, '127.0.0.1') },
      flv: { ...NOTHING.flv, plain: at('default_http.http_listen_addr', 0, '127.0.0.1') },
      ts: { ...NOTHING.ts, plain: at('httpts.http_listen_addr', 0) },
    },
    new Map([
      ['hls.http_listen_addr', 40001],
      ['httpts.http_listen_addr', 40002],
    ]),
  );
  assert.deepEqual(
    shared.map(({ protocol, host, port }) => [protocol, host, port]),
    [
      ['HLS', '127.0.0.1', 40001],
      ['FLV', '127.0.0.1', 40001],
      ['TS', '', 40002],
    ],
  );
});

test('a listener that could not be opened is left out', () => {
  const found = listenersJson(
    { ...NOTHING, rtmp: { plain: at('rtmp.addr', 1935), tls: tls('rtmp.rtmps_addr', 4935) } },
    new Map([['rtmp.addr', 1935]]),
  );
  assert.deepEqual(found, [{ protocol: 'RTMP', scheme: 'rtmp', host: '', port: 1935, url_pattern: '' }]);
});

test('every kind of listener is told with its scheme', () => {
  const keys = ['rtmp.addr', 'rtmps', 'rtsp.addr', 'rtsps', 'ws', 'http', 'https'];
  const found = listenersJson(
    {
      rtmp: { plain: at('rtmp.addr', 1), tls: tls('rtmps', 2) },
      rtsp: { ...NOTHING.rtsp, plain: at('rtsp.addr', 3), tls: tls('rtsps', 4), webSocket: at('ws', 5) },
      hls: NOTHING.hls,
      flv: { urlPattern: '/live/', plain: at('http', 6), tls: tls('https', 7) },
      ts: NOTHING.ts,
    },
    new Map(keys.map((key, i) => [key, i + 1])),
  );
  assert.deepEqual(
    found.map(({ scheme, port }) => `${scheme} ${port}`),
    ['rtmp 1', 'rtmps 2', 'rtsp 3', 'rtsps 4', 'ws 5', 'http 6', 'https 7'],
  );
  assert.deepEqual(found.at(-1)?.url_pattern, '/live/');
});
