/** The API against the original's recorded answers: the same requests, in the same state, error code and fields compared. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { publish } from '../support/ffmpeg.ts';
import { type Millrace, startServer } from '../support/millrace.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope } from '../support/temp-dir.ts';

interface Recorded {
  readonly name: string;
  readonly request: string;
  readonly response_body: string;
}

const recorded = (
  JSON.parse(
    readFileSync(new URL('../golden/lalserver-0.37.4.http.json', import.meta.url), 'utf8'),
  ) as readonly Recorded[]
).filter(({ request, response_body }) => /^\w+ \/api\//.test(request) && response_body.startsWith('{'));

/** Where docs/moving-from-lalserver.md differs from the recording: its error code gives way to this one. */
const DIFFERENT: Readonly<Record<string, number>> = {
  // a stream that has a publisher is refused
  'start_rtp_pub dup stream': 2002,
};

const scope = fileScope();
let server: Millrace;
let receiver: Receiver;

before(async () => {
  receiver = await startReceiver(scope);
  server = await startServer(scope, { http_notify: receiver.config() });
  publish(scope, server.url('rtmp', 'live/test110?token=1111'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'test110' });
});

test('there are recordings of every endpoint of the original', () => {
  const paths = new Set(recorded.map(({ request }) => request.split(/[ ?]/)[1]));
  for (const name of ['stat/lal_info', 'stat/group', 'stat/all_group', 'ctrl/kick_session', 'ctrl/start_relay_pull']) {
    assert.ok(paths.has(`/api/${name}`), name);
  }
  for (const name of ['stop_relay_pull', 'start_rtp_pub', 'add_ip_blacklist']) {
    assert.ok(paths.has(`/api/ctrl/${name}`), name);
  }
});

for (const { name, request, response_body } of recorded) {
  test(`as recorded: ${name}`, async () => {
    const [head = '', body = ''] = request.split('\r\n\r\n');
    const [method = '', path = ''] = head.split(' ');
    const sent = body.replaceAll('127.0.0.1:1935', `127.0.0.1:${server.port('rtmp')}`);
    const response = await fetch(`http://127.0.0.1:${server.port('api')}${path}`, {
      method,
      ...(method === 'POST' ? { body: sent } : {}),
    });
    const answer = (await response.json()) as Answer;
    const wanted = JSON.parse(response_body) as Answer;
    assert.equal(answer.error_code, DIFFERENT[name] ?? wanted.error_code);
    assert.deepEqual(shape(answer.data), shape(wanted.data), JSON.stringify(answer));
    if (name === 'start_relay_pull ok') await receiver.waitFor('on_relay_pull_start', { stream_name: 'relay1' });
  });
}

interface Answer {
  readonly error_code: number;
  readonly data?: unknown;
}

/** Names of fields in any order, those that the specification has beside the recording left out. */
function shape(data: unknown): unknown {
  if (data === null || typeof data !== 'object') return data === undefined ? 'nothing' : typeof data;
  const names = Object.keys(data).filter((name) => name !== 'event_seq' && name !== 'pushs');
  return names.sort();
}
