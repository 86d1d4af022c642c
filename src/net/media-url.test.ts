import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMediaUrl } from './media-url.ts';

const read = (text: string) => {
  const url = parseMediaUrl(text);
  if ('problem' in url) return url.problem;
  return [url.scheme, url.host, url.port, url.username, url.password, url.appName, url.streamName, url.query].join(
    ' | ',
  );
};

test('every part of a URL is read, with default ports', () => {
  const rows = {
    'rtmp://h/live/s': 'rtmp | h | 1935 |  |  | live | s | ',
    'RTMPS://h/live/s?a=1&b=/x': 'rtmps | h | 443 |  |  | live | s | a=1&b=/x',
    'rtsp://u:p@10.0.0.1/s': 'rtsp | 10.0.0.1 | 554 | u | p |  | s | ',
    'rtsps://h:8322/a/b/s': 'rtsps | h | 8322 |  |  | a/b | s | ',
    'rtsp://admin:p@ss@w0rd@cam:8554/ch/1': 'rtsp | cam | 8554 | admin | p@ss@w0rd | ch | 1 | ',
    'rtsp://admin:p%40ss%3A@cam/ch/1': 'rtsp | cam | 554 | admin | p@ss: | ch | 1 | ',
    'rtsp://user@cam/s': 'rtsp | cam | 554 | user |  |  | s | ',
    'rtmp://[2001:db8::1]:1936/live/s': 'rtmp | 2001:db8::1 | 1936 |  |  | live | s | ',
    'rtmp://h/live/%E4%BD%A0 a': 'rtmp | h | 1935 |  |  | live | %E4%BD%A0 a | ',
    'rtsp://h/live/%E4%BD%A0%20a': 'rtsp | h | 554 |  |  | live | 你 a | ',
    'rtmp://h/live/100%': 'rtmp | h | 1935 |  |  | live | 100% | ',
  };
  for (const [text, parts] of Object.entries(rows)) assert.equal(read(text), parts, text);
});

test('the URL that is told to others has no password', () => {
  const url = parseMediaUrl('rtsp://admin:p@ss@cam:8554/ch/1?x=1');
  assert.ok(!('problem' in url));
  assert.deepEqual([url.url, url.path], ['rtsp://cam:8554/ch/1?x=1', '/ch/1']);
});

test('what cannot be read is refused with its reason', () => {
  const rows: Record<string, RegExp> = {
    '': /begins with none of rtmp:\/\/, rtmps:\/\/, rtsp:\/\/, rtsps:\/\//,
    'http://h/live/s': /begins with none of/,
    'constructor://h/live/s': /begins with none of/,
    'h/live/s': /begins with none of/,
    'rtmp://': /names no host/,
    'rtmp:///live/s': /names no host/,
    'rtmp://h:0/live/s': /port is 0; allowed are 1 to 65535/,
    'rtmp://h:65536/live/s': /port is 65536/,
    'rtmp://h:x/live/s': /names no host/,
    'rtmp://h': /names no stream/,
    'rtmp://h/live/': /names no stream/,
    'rtmp://h?x=/live/s': /names no stream/,
    'rtmp://h/../s': /may not be "\." or "\.\."/,
    'rtsp://h/live/%00': /contain NUL/,
    'rtsp://h/a b': /space or a control character/,
    'rtsp://h/a\r\nX: y': /space or a control character/,
    [`rtmp://h/${'x'.repeat(9000)}`]: /9009 characters, allowed are 8192/,
  };
  for (const [text, problem] of Object.entries(rows)) assert.match(String(read(text)), problem, text);
});
