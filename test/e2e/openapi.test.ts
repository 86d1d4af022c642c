/**
 * The API's document against the real server: every endpoint is called while streams run, every answer and every callback
 * held against the document. With MILLRACE_WRITE_EXAMPLES=1 what came is written into the document's examples.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { answerPlace, assertValid, createChecker, type Document, operationsOf } from '../../src/api/openapi.fixture.ts';
import { publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { type Config, GOPS_CACHED, Millrace, startProcess, startServer, writeConfig } from '../support/millrace.ts';
import { type EventName, type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope, OrderedScope, tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

type Request = Readonly<Record<string, unknown>>;
/** What is sent, and the error code that is answered. */
type Call = readonly [request: Request, code: number];

const EXAMPLES_FILE = join(import.meta.dirname, '../../src/api/openapi-examples.ts');
const BODY = ['post', 'requestBody', 'content', 'application/json', 'schema'];

const scope = fileScope();
const folder = tempDir(scope);
/** By path: what was asked first, and what came. */
const examples = new Map<string, { request: Request; answers: string[] }>();
let receiver: Receiver;
let server: Millrace;
let player: HttpPlayer;
let document: Document;
let check: ReturnType<typeof createChecker>;

before(async () => {
  receiver = await startReceiver(scope);
  server = await startServer(scope, {
    ...GOPS_CACHED,
    http_notify: receiver.config({ update_interval_sec: 1, on_hls_make_ts: receiver.url('on_hls_make_ts') }),
    hls: { enable: true, out_path: join(folder, 'hls/'), fragment_duration_ms: 1000 },
    millrace: {
      notify: receiver.ownConfig(),
      admission: { on_publish: receiver.url('on_publish'), on_play: receiver.url('on_play') },
      record: { mp4_out_path: join(folder, 'mp4/') },
    },
  });
  document = (await (await fetch(url('/api/openapi.json'))).json()) as Document;
  check = createChecker(document);
  publish(scope, server.url('rtmp', 'live/test110'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'test110' });
  player = new HttpPlayer(scope, server.url('http', 'live/test110.flv'));
  await player.head();
});

const url = (path: string, of = server): string => `http://127.0.0.1:${of.port('api')}${path}`;

/** Calls as the document says, by both methods where nothing is changed; every answer is held against its schema. */
async function callAll(path: string, calls: readonly Call[], of = server): Promise<void> {
  for (const [request, code] of calls) {
    const methods = Object.keys(document.paths[path] ?? {});
    assert.ok(methods.length > 0, `${path} is not in the document`);
    const isDoneOnce = code === 0 && /^\/api\/(ctrl|record\/st|notify\/replay|server\/[rd])/.test(path);
    for (const method of isDoneOnce ? ['post'] : methods) await call(path, method, request, code, of);
  }
}

async function call(path: string, method: string, request: Request, code: number, of = server): Promise<void> {
  const query = new URLSearchParams(Object.entries(request).map(([name, value]) => [name, String(value)])).toString();
  const response =
    method === 'get'
      ? await fetch(url(query === '' ? path : `${path}?${query}`, of))
      : await fetch(url(path, of), { method: 'POST', body: JSON.stringify(request) });
  const text = await response.text();
  const answer = JSON.parse(text) as { error_code: number };
  assert.equal(answer.error_code, code, `${method} ${path} ${JSON.stringify(request)}: ${text}`);
  await check(answerPlace(path, method), answer);
  const example = examples.get(path) ?? { request, answers: [] };
  const isNew = !example.answers.some((each) => each.startsWith(`{"error_code":${code},`));
  if (isNew) example.answers.push(text);
  examples.set(path, example);
}

test('the document is valid', () => assertValid(document));

test('statistics', async () => {
  await poll(
    'a bit rate',
    async () => (await server.api('/api/stat/group?stream_name=test110')).data?.['subs'] as { bitrate_kbits: number }[],
    ([sub]) => sub !== undefined && sub.bitrate_kbits > 0,
  );
  await callAll('/api/stat/lal_info', [[{}, 0]]);
  await callAll('/api/stat/group', [
    [{ stream_name: 'test110' }, 0],
    [{ stream_name: 'nobody' }, 1001],
    [{}, 1002],
  ]);
  await callAll('/api/stat/all_group', [[{}, 0]]);
  await callAll('/api/server/info', [[{}, 0]]);
});

test('pulls', async () => {
  const request = { url: server.url('rtmp', 'live/test110'), stream_name: 'fetched', pull_retry_num: -1 };
  await callAll('/api/ctrl/start_relay_pull', [
    [request, 0],
    [{ url: 'nonsense' }, 2001],
    [{}, 1002],
  ]);
  await receiver.waitFor('on_relay_pull_start', { stream_name: 'fetched' });
  await callAll('/api/ctrl/stop_relay_pull', [
    [{ stream_name: 'fetched' }, 0],
    [{ stream_name: 'nobody' }, 1001],
    [{ stream_name: 'test110' }, 1003],
    [{}, 1002],
  ]);
  await receiver.waitFor('on_relay_pull_stop', { stream_name: 'fetched' });
});

test('cameras', async () => {
  await callAll('/api/ctrl/start_rtp_pub', [
    [{ stream_name: 'camera1', port: 0 }, 0],
    [{ stream_name: 'test110' }, 2002],
    [{}, 1002],
  ]);
});

test('records', async () => {
  const record = { stream_name: 'test110', format: 'mp4' };
  await callAll('/api/record/start', [
    [record, 0],
    [record, 2003],
    [{ ...record, stream_name: 'nobody' }, 1001],
    [{ ...record, format: 'avi' }, 1002],
  ]);
  await receiver.waitFor('on_record_start');
  await callAll('/api/record/list', [
    [{ stream_name: 'test110', limit: 10 }, 0],
    [{ limit: 0 }, 1002],
  ]);
  await callAll('/api/record/stop', [
    [record, 0],
    [record, 1003],
    [{}, 1002],
  ]);
  await receiver.waitFor('on_record_stop');
});

test('callbacks', async () => {
  await callAll('/api/notify/status', [[{}, 0]]);
  await callAll('/api/notify/events', [
    [{ stream_name: 'test110', order: 'desc', limit: 2 }, 0],
    [{ limit: 0 }, 1002],
  ]);
  const { headers } = await receiver.waitFor('on_pub_start', { stream_name: 'test110' });
  await callAll('/api/notify/replay', [
    [{ ids: [headers['webhook-id']] }, 0],
    [{}, 1002],
  ]);
});

test('control of sessions and addresses', async () => {
  const { body } = await receiver.waitFor('on_sub_start', { stream_name: 'test110', protocol: 'FLV' });
  await callAll('/api/ctrl/kick_session', [
    [{ stream_name: 'test110', session_id: body['session_id'] }, 0],
    [{ stream_name: 'nobody', session_id: 'FLVSUB1' }, 1001],
    [{ stream_name: 'test110', session_id: 'FLVSUB999' }, 1003],
    [{}, 1002],
  ]);
  await player.closed();
  await callAll('/api/ctrl/add_ip_blacklist', [
    [{ ip: '192.0.2.7', duration_sec: 3600 }, 0],
    [{ ip: 'nonsense', duration_sec: 3600 }, 1002],
  ]);
});

test('reloading and draining', async (t) => {
  const ownScope = new OrderedScope();
  t.after(() => ownScope.end());
  const file = writeConfig(ownScope);
  const own = new Millrace(startProcess(ownScope, ['-c', file, '-p', tempDir(ownScope)]));
  ownScope.after(() => own.stop());
  await own.ready();
  const reload = '/api/server/reload';
  const config = JSON.parse(readFileSync(file, 'utf8')) as Config;
  writeFileSync(file, JSON.stringify({ ...config, server_id: '2', log: { level: 2, is_to_stdout: true } }));
  await callAll(reload, [[{}, 0]], own);
  writeFileSync(file, JSON.stringify({ ...config, rtmp: { enable: true, addr: 'nowhere' } }));
  await callAll(reload, [[{}, 2004]], own);
  await callAll(reload, [[{ file: 'x' }, 1002]], own);
  new HttpPlayer(t, own.url('http', 'live/nobody.flv'));
  await poll(
    'the player',
    async () => (await own.api('/api/stat/all_group')).data?.['groups'] as unknown[],
    (groups) => groups.length === 1,
  );
  await callAll(
    '/api/server/drain',
    [
      [{ timeout_sec: 60 }, 0],
      [{}, 0],
      [{ timeout_sec: -1 }, 1002],
    ],
    own,
  );
  const ready = await fetch(url('/readyz', own));
  assert.equal(ready.status, 503);
});

test('the stream of events', async () => {
  const path = '/api/notify/stream';
  for (const method of ['get', 'post']) await call(path, method, { since: 'x' }, 1002);
  examples.delete(path);
  const response = await fetch(url(`${path}?since=0`));
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.ok(response.body);
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.split('\n\n').length > 3) break;
  }
  const blocks = text.split('\n\n').slice(0, 3);
  for (const block of blocks.slice(1)) {
    await check(['components', 'schemas', 'Event'], JSON.parse(block.slice(block.indexOf('data: ') + 6)));
  }
  examples.set(path, { request: { since: 0 }, answers: [`${blocks.join('\n\n')}\n\n`] });
});

test('what tools of operators ask', async () => {
  for (const path of ['/metrics', '/healthz', '/readyz']) {
    const response = await fetch(url(path));
    assert.equal(response.status, 200);
    assert.match(String(response.headers.get('content-type')), /^text\/plain/);
    const text = await response.text();
    examples.set(path, { request: {}, answers: [text.split('\n').slice(0, 7).join('\n')] });
  }
});

test('every endpoint of the document was called', () => {
  const others = ['/api/openapi.json'];
  assert.deepEqual([...examples.keys(), ...others].sort(), Object.keys(document.paths).sort());
});

test('callbacks and questions are what the document says', async () => {
  const { body: publisher } = await receiver.waitFor('on_pub_start', { stream_name: 'test110' });
  const { session_id } = publisher;
  await server.api('/api/ctrl/kick_session', { stream_name: 'test110', session_id });
  await receiver.waitFor('on_pub_stop', { stream_name: 'test110' });
  for (const [name, { post }] of Object.entries(document.webhooks)) {
    await receiver.waitFor(name as EventName);
    const came = receiver.callbacks.all.filter(({ event }) => event === name);
    for (const { body, headers } of came) {
      await check(['webhooks', name, ...BODY], body);
      const needed = (post?.parameters ?? []).filter(({ required }) => required);
      assert.ok(needed.length >= 3);
      for (const { name: header } of needed) assert.ok(header in headers, `${name} without ${header}`);
    }
  }
  for (const { event } of receiver.callbacks.all) assert.ok(event in document.webhooks, event);
  if (process.env['MILLRACE_WRITE_EXAMPLES'] === '1') writeExamples();
});

test('with a token, every operation but the open ones answers 401 as it says', async (t) => {
  const guarded = await startServer(t, { millrace: { api: { token: 'sesame' } } });
  const base = `http://127.0.0.1:${guarded.port('api')}`;
  const own = (await (await fetch(`${base}/api/openapi.json`)).json()) as Document;
  await assertValid(own);
  const checkOwn = createChecker(own);
  for (const { path, method, operation } of operationsOf(own.paths)) {
    const { status, headers, body } = await fetch(`${base}${path}`, { method: method.toUpperCase() });
    const isOpen = operation.security?.length === 0;
    assert.equal(status, isOpen ? 200 : 401, `${method} ${path}`);
    if (isOpen) await body?.cancel();
    else {
      assert.equal(headers.get('www-authenticate'), 'Bearer');
      await checkOwn(answerPlace(path, method, '401'), await new Response(body).json());
    }
  }
});

/** As they came, but with the ports and folders of a configuration that a reader has. */
function writeExamples(): void {
  const usual = (text: string): string =>
    text
      .replaceAll(`:${server.port('rtmp')}`, ':1935')
      .replaceAll(`:${server.port('http')}`, ':8080')
      .replaceAll(`"port":${server.port('rtmp')}`, '"port":1935')
      .replaceAll(`"port":${server.port('http')}`, '"port":8080')
      .replaceAll(new URL(receiver.url('')).host, '127.0.0.1:10101')
      .replaceAll(`${folder}/`, 'lal_record/')
      .replaceAll(/(?<="cwd\\?":\\?")[^"\\]+/g, '/srv/millrace');
  const quoted = (text: string): string => JSON.stringify(usual(text));
  const lines = [...examples].map(([path, { request, answers }]) => {
    const list = answers.map(quoted).join(', ');
    return `  '${path}': { request: ${usual(JSON.stringify(request))}, answers: [${list}] },`;
  });
  const bodies = Object.keys(document.webhooks).map((event) => {
    const found = receiver.callbacks.all.filter((each) => each.event === event).map(({ raw }) => raw);
    // one that tells more than others: the streams with a player, the segment that is complete
    const best = found.find((raw) => /FLVSUB1|"close"/.test(raw)) ?? found[0] ?? '';
    return `  ${event}: ${quoted(best)},`;
  });
  writeFileSync(
    EXAMPLES_FILE,
    `/** Examples of the API's document, as a real server was asked and answered: written by test/e2e/openapi.test.ts. */

export interface Example {
  readonly request: Readonly<Record<string, unknown>>;
  /** As they were on the wire: what was done first, then refusals. */
  readonly answers: readonly string[];
}

export const EXAMPLES: Readonly<Record<string, Example>> = {
${lines.join('\n')}
};

/** Bodies of callbacks, by event. */
export const WEBHOOK_EXAMPLES: Readonly<Record<string, string>> = {
${bodies.join('\n')}
};
`,
  );
}
