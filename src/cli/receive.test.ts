/** Tests of `millrace receive`: signatures, answers, and its arguments. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { receive } from './receive.ts';
import { FakeTerminal } from './terminal.fixture.ts';

const SECRETS = ['whsec_bWlsbHJhY2UtbWlsbHJhY2UtbWlsbHJhY2U=', 'whsec_YW5vdGhlci1hbm90aGVyLWFub3RoZXItYW5v'] as const;
const BODY = '{"stream_name":"test110"}';

interface Running {
  readonly terminal: FakeTerminal;
  readonly url: string;
}

async function running(t: TestContext, ...args: string[]): Promise<Running> {
  const terminal = new FakeTerminal();
  const ended = receive(['--port', '0', ...args], terminal);
  t.after(async () => {
    terminal.end();
    assert.equal(await ended, 0);
  });
  const line = await Promise.race([terminal.line(/^listening/), ended.then(() => '')]);
  return { terminal, url: /http:\S+/.exec(line)?.[0].replace(/,$/, '') ?? '' };
}

function signed(secret: string, id: string): Record<string, string> {
  const at = new Date();
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, BODY),
  };
}

const post = async (url: string, headers: Record<string, string>, body = BODY): Promise<number> =>
  (await fetch(url, { method: 'POST', headers, body })).status;

test('a right signature is answered 200, a wrong one or none 401', async (t) => {
  const { terminal, url } = await running(t, '--secret', SECRETS[0], '--secret', SECRETS[1]);
  assert.equal(await post(url, signed(SECRETS[0], 'a')), 200);
  assert.equal(await post(url, signed(SECRETS[1], 'b')), 200);
  assert.equal(await post(url, signed('whsec_d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmct', 'c')), 401);
  assert.equal(await post(url, { ...signed(SECRETS[0], 'd'), 'webhook-timestamp': '1' }), 401);
  assert.equal(await post(url, signed(SECRETS[0], 'e'), '{"stream_name":"other"}'), 401);
  assert.equal(await post(url, {}), 401);
  const remarks = terminal.lines.slice(1).map((text) => /signature right|SIGNATURE \w+/.exec(text)?.[0]);
  const wrong = 'SIGNATURE WRONG';
  assert.deepEqual(remarks, ['signature right', 'signature right', wrong, wrong, wrong, 'SIGNATURE MISSING']);
});

test('without a secret everything is taken; an event that came before is said to have', async (t) => {
  const { terminal, url } = await running(t);
  assert.equal(await post(url, signed(SECRETS[0], 'a')), 200);
  assert.equal(await post(url, signed(SECRETS[0], 'a')), 200);
  assert.equal(await post(`${url}?x=1`, {}, 'nonsense'), 200);
  const [, first = '', second = '', third = ''] = terminal.lines;
  assert.match(first, /on_pub_start {12}test110\n/);
  assert.match(second, /\(came before\)\n/);
  assert.match(third, /on_pub_start\s*\n {4}no JSON object: nonsense$/);
});

test('arguments that make no sense are told', async () => {
  for (const [args, why] of [
    [[], /--port: found nothing/],
    [['--port', 'x'], /--port: found "x"/],
    [['--port', '70000'], /--port: found "70000"/],
    [['--port', '0', '--secret', 'whsec_!'], /secret 1 is not base64/],
    [['--nonsense'], /--nonsense/],
    [['--port', '0', 'more'], /more/],
  ] as const) {
    await assert.rejects(receive(args, new FakeTerminal()), why);
  }
  const terminal = new FakeTerminal();
  assert.equal(await receive(['--help'], terminal), 0);
  assert.match(terminal.lines.join('\n'), /millrace receive --port PORT/);
});
