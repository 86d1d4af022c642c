/** Tests of how callbacks are shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventText, type ReceivedEvent } from './event-text.ts';

const EVENT: ReceivedEvent = {
  event: 'on_pub_stop',
  headers: { 'millrace-attempt': '2', 'millrace-reason': 'kicked' },
  body: '{"server_id":"1","session_id":"RTMPPUBSUB1","remote_addr":"127.0.0.1:45520","stream_name":"test110","bytes":7}',
  signature: { kind: 'right' },
  isAgain: false,
  unixMs: Date.UTC(2026, 10, 24, 8, 37, 18, 855),
};

test('one line of what matters, then the body', () => {
  const lines = eventText(EVENT, false).split('\n');
  assert.equal(
    lines[0],
    '08:37:18.855  on_pub_stop             test110  RTMPPUBSUB1  127.0.0.1:45520  (kicked, attempt 2, signature right)',
  );
  assert.match(lines.slice(1).join(' '), /^ {4}\{ +server_id: '1',.*bytes: 7 +\}$/);
});

test('remarks come where there is something to remark', () => {
  const head = (change: Partial<ReceivedEvent>): string =>
    eventText({ ...EVENT, headers: {}, ...change }, false).split('\n')[0] ?? '';
  assert.match(head({ signature: { kind: 'unchecked' } }), /45520$/);
  assert.match(head({ signature: { kind: 'missing' }, isAgain: true }), /\(came before, SIGNATURE MISSING\)$/);
  assert.match(head({ signature: { kind: 'wrong', why: 'too old' } }), /\(SIGNATURE WRONG: too old\)$/);
});

test('on_update is counted, not written out', () => {
  assert.match(eventText({ ...EVENT, body: '{"groups":[{},{}]}' }, false), /\n {4}2 groups$/);
  assert.match(eventText({ ...EVENT, body: '{"groups":[{}]}' }, false), /\n {4}1 group$/);
});

test('what comes over the network cannot steer the terminal', () => {
  const nasty = '\u001b]0;pwned\u0007\u009b2J\r\n';
  for (const body of [`{"stream_name":${JSON.stringify(nasty)},"deep":[{"a":${JSON.stringify(nasty)}}]}`, nasty]) {
    const text = eventText({ ...EVENT, event: nasty, headers: { 'millrace-reason': nasty }, body }, false);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\x00-\x1f\x7f-\x9f]/);
  }
});

test('colors where the terminal has them', () => {
  assert.ok(eventText(EVENT, true).includes('\u001b['));
});
