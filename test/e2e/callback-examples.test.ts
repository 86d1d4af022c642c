/**
 * The examples of docs/callbacks.md are what the server sends: a run of the real one is compared with them, but for ids, times and byte sums.
 * With MILLRACE_WRITE_EXAMPLES=1 they are written.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { type Callback, EVENTS, OWN_EVENTS, type Receiver, startReceiver } from '../support/receiver.ts';
import { fileScope } from '../support/temp-dir.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/callbacks.md');
const IS_WRITING = process.env['MILLRACE_WRITE_EXAMPLES'] === '1';
/** `<!-- example: NAME -->` and the block of code below it. */
const EXAMPLE = /<!-- example: (.+) -->\n```(\w*)\n([\s\S]*?)\n```/g;
const NAMES = [...EVENTS, 'on_hls_make_ts open', 'on_hls_make_ts close', ...OWN_EVENTS, 'request', 'signature'];

/** What differs from run to run, by the name of its field. */
const VARIABLE: Readonly<Record<string, (value: unknown) => unknown>> = {
  bin_info: (value) => String(value).replace(/\d+\.\d+\.\d+/g, 'N'),
  flashVer: (value) => String(value).replace(/\d+/g, 'N'),
  start_time: (value) => String(value).replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/, 'TIME'),
  remote_addr: withoutPort,
  url: withoutPort,
  tcUrl: withoutPort,
  cwd: () => 'FOLDER',
  ts_file: withoutTime,
  path: withoutTime,
  read_bytes_sum: isZeroOrNot,
  wrote_bytes_sum: isZeroOrNot,
  bytes: isZeroOrNot,
  duration: isZeroOrNot,
  bitrate_kbits: Number.isInteger,
  read_bitrate_kbits: Number.isInteger,
  write_bitrate_kbits: Number.isInteger,
  unix_sec: Number.isInteger,
  v: Number.isInteger,
};

function withoutPort(value: unknown): string {
  return String(value).replace(/127\.0\.0\.1:\d+/, '127.0.0.1:PORT');
}

function withoutTime(value: unknown): string {
  return String(value).replace(/-\d{10,13}/, '-TIME');
}

function isZeroOrNot(value: unknown): string {
  return value === 0 ? 'zero' : 'not zero';
}

/** With the fields in the same order, and without what differs from run to run. */
function normal(body: unknown): string {
  const lasting = JSON.parse(JSON.stringify(body), (key, value) => VARIABLE[key]?.(value) ?? value);
  return JSON.stringify(lasting, null, 2);
}

const scope = fileScope();
let receiver: Receiver;
let server: Millrace;
/** What the server sent in this run, by the example's name. */
const sent = new Map<string, string>();

before(async () => {
  receiver = await startReceiver(scope);
  const urls = { on_hls_make_ts: receiver.url('on_hls_make_ts') };
  server = await startServer(scope, {
    ...GOPS_CACHED,
    http_notify: receiver.config({ update_interval_sec: 1, ...urls }),
    hls: { enable: true, out_path: './lal_record/hls/', fragment_duration_ms: 3000, fragment_num: 6 },
    millrace: { notify: receiver.ownConfig(), record: { enable_mp4: true } },
  });
  await publishAndWatch();
  await pull();
});

async function publishAndWatch(): Promise<void> {
  keep('on_server_start', await receiver.waitFor('on_server_start'));
  const publisher = publish(scope, server.url('rtmp', 'live/test110?token=1111'), 'h264-aac');
  keep('on_rtmp_connect', await receiver.waitFor('on_rtmp_connect'));
  const start = await receiver.waitFor('on_pub_start');
  keep('on_pub_start', start);
  sent.set('request', requestOf(start));
  const player = new HttpPlayer(scope, server.url('http', 'live/test110.flv?token=2222'));
  keep('on_sub_start', await receiver.waitFor('on_sub_start'));
  keep('on_record_start', await receiver.waitFor('on_record_start'));
  keep('on_hls_make_ts open', await segment('open'));
  keep('on_hls_make_ts close', await segment('close'));
  const update = await receiver.callbacks.waitFor('an update that has everything', isWhole);
  shortenFrameRates(update.body);
  keep('on_update', update);
  player.leave();
  keep('on_sub_stop', await receiver.waitFor('on_sub_stop'));
  await publisher.stop();
  keep('on_pub_stop', await receiver.waitFor('on_pub_stop'));
  keep('on_record_stop', await receiver.waitFor('on_record_stop'));
}

async function pull(): Promise<void> {
  const origin = await startServer(scope, GOPS_CACHED);
  const url = origin.url('rtmp', 'live/test110?token=1111');
  publish(scope, url, 'h264-aac');
  await origin.log.waitFor('the publisher', (line) => line['stream'] === 'test110');
  assert.equal((await server.api('/api/ctrl/start_relay_pull', { url })).error_code, 0);
  keep('on_relay_pull_start', await receiver.waitFor('on_relay_pull_start'));
  await server.api('/api/ctrl/stop_relay_pull?stream_name=test110');
  keep('on_relay_pull_stop', await receiver.waitFor('on_relay_pull_stop'));
}

function segment(event: 'open' | 'close'): Promise<Callback> {
  return receiver.callbacks.waitFor(
    `a segment's ${event}`,
    (each) => each.event === 'on_hls_make_ts' && each.body['event'] === event,
  );
}

function keep(name: string, { body }: Callback): void {
  sent.set(name, JSON.stringify(body, null, 2));
}

interface UpdatedGroup {
  readonly video_codec: string;
  readonly audio_codec: string;
  readonly subs: readonly { readonly bitrate_kbits: number }[];
  readonly in_frame_per_sec: unknown[];
}

/** Whether it tells of the player and the stream as they are in the long run. */
function isWhole({ event, body }: Callback): boolean {
  if (event !== 'on_update') return false;
  const [group] = body['groups'] as UpdatedGroup[];
  if (group === undefined || group.video_codec === '' || group.audio_codec === '') return false;
  const [player] = group.subs;
  // bit rates are those of the last five seconds, which only a reader would wait for
  const hasRates = !IS_WRITING || (player !== undefined && player.bitrate_kbits > 0);
  return player !== undefined && hasRates && group.in_frame_per_sec.length >= 2;
}

/** Two seconds are enough for an example. */
function shortenFrameRates(body: Record<string, unknown>): void {
  for (const group of body['groups'] as UpdatedGroup[]) group.in_frame_per_sec.splice(2);
}

function requestOf({ method, event, headers, raw }: Callback): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${method} /${event} HTTP/1.1`, ...lines, '', raw].join('\n');
}

/** The same of two requests, but for ids, times, ports and lengths. */
function normalRequest(text: string): string {
  const [head = '', body = ''] = text.split('\n\n');
  const lasting = head
    .replace(/^(webhook-id: msg)-[0-9a-f]{8}-\d+$/m, '$1-ID')
    .replace(/^(webhook-timestamp|content-length|millrace-seq): \d+$/gm, '$1: N')
    .replace(/^host: .*$/m, withoutPort);
  return `${lasting}\n\n${normal(JSON.parse(body))}`;
}

/** The signature of the document's example, by the library; the steps that the document names must lead to the same. */
function signed(example: string): string {
  const fields = Object.fromEntries(example.split('\n').map((line) => line.split(/ +(.*)/)));
  const { secret = '', id = '', timestamp = '', body = '' } = fields as Record<string, string>;
  const signature = new Webhook(secret).sign(id, new Date(Number(timestamp) * 1000), body);
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  assert.equal(signature, `v1,${hmac}`);
  return example.replace(/^signature .*$/m, `signature  ${signature}`);
}

/** With the ports and the folder that a reader knows. */
function forReaders(text: string): string {
  const ports = { rtmp: 1935, http: 8080 } as const;
  const usual = text
    .replace(/rtmp:\/\/127\.0\.0\.1:\d+/g, `rtmp://127.0.0.1:${ports.rtmp}`)
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, `http://127.0.0.1:${ports.http}`)
    .replace(/^host: .*$/m, 'host: 127.0.0.1:10101')
    .replace(/("PULL",\s+"remote_addr": "127\.0\.0\.1):\d+/, `$1:${ports.rtmp}`)
    .replace(/"cwd": "[^"]*"/, '"cwd": "/srv/millrace"');
  const body = usual.split('\n\n')[1];
  return body === undefined ? usual : usual.replace(/^content-length: \d+$/m, `content-length: ${body.length}`);
}

test('the examples of docs/callbacks.md are what the server sends', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  const found: string[] = [];
  const written = text.replace(EXAMPLE, (block, name: string, language: string, example: string) => {
    found.push(name);
    const is = name === 'signature' ? signed(example) : sent.get(name);
    assert.ok(is !== undefined, `no run gives the example ${name}`);
    if (IS_WRITING) return `<!-- example: ${name} -->\n\`\`\`${language}\n${forReaders(is)}\n\`\`\``;
    if (name === 'signature') assert.equal(example, is);
    else if (name === 'request') assert.equal(normalRequest(example), normalRequest(is));
    else assert.equal(normal(JSON.parse(example)), normal(JSON.parse(is)), name);
    return block;
  });
  assert.deepEqual(found.sort(), [...NAMES].sort());
  if (IS_WRITING) writeFileSync(DOCUMENT, written);
});
