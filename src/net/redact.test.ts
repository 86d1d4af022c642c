/** Tests of what the log hides, and what it leaves as it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor, SECRET_PARAMS } from './redact.ts';

const redact = createRedactor(['ticket', 'a.b']);

test('the values of secret parameters, wherever they stand', () => {
  for (const name of [...SECRET_PARAMS, 'ticket', 'a.b', 'LAL_SECRET']) {
    assert.equal(
      redact(`{"url":"rtmp://h/live/s?x=1&${name}=abc%20&y=2"}`),
      `{"url":"rtmp://h/live/s?x=1&${name}=***&y=2"}`,
    );
    assert.equal(redact(`{"urlParam":"${name}=abc"}`), `{"urlParam":"${name}=***"}`);
  }
  const inText = '{"msg":"cannot pull \\"rtsp://h/s?token=abc\\" now","at":{"tcUrl":"rtmp://h/live?sign=1#x"}}';
  assert.equal(
    redact(inText),
    '{"msg":"cannot pull \\"rtsp://h/s?token=***\\" now","at":{"tcUrl":"rtmp://h/live?sign=***#x"}}',
  );
});

test('passwords in URLs', () => {
  assert.equal(redact('{"url":"rtsp://me:p@ss:word@cam/s"}'), '{"url":"rtsp://me:***@cam/s"}');
  assert.equal(redact('{"url":"http://:only@h/"}'), '{"url":"http://:***@h/"}');
  assert.equal(redact('http//me:secret@h'), 'http//me:***@h');
});

test('what is no secret stays', () => {
  for (const line of [
    '{"url":"rtmp://h:1935/live/token?aatoken=1&keys=2&x"}',
    '{"msg":"at key=frame","peer":"127.0.0.1:80","mail":"a@b.example"}',
    '{"url":"http://[::1]:8080/live/a@b.flv?axb=1"}',
    '{"keyframe":1,"key":"v"}',
  ]) {
    assert.equal(redact(line), line);
  }
});
