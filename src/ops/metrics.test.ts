/** Tests of the metrics: names by Prometheus' conventions, values, what happens when the database is stuck, and the documents. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { NotifyStatusJson } from '../notify/index.ts';
import type { GroupSnapshot } from '../streams/index.ts';
import { Metrics, type MetricsSources } from './metrics.ts';
import { type Family, lint, parseMetrics, sample } from './prometheus.fixture.ts';
import { group, session } from './snapshots.fixture.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const COUNTS = {
  ...{ backlog: 3, inFlight: 1, delivered: 10, failed: 4, refused: 2, expired: 1, dropped: 5, inMemory: null },
  ...{ lastSeq: 16, updates: { sent: 7, replaced: 8, failed: 9 } },
};
const STATUS: NotifyStatusJson = {
  ...{ database: 'ok', why: '', lost: 6, last_seq: 16 },
  receivers: [
    {
      ...{ receiver: 'http://h:1', backlog: 3, oldest_age_ms: 1500, in_flight: 1, retrying: 1 },
      ...{ delivered: 100, refused: 2, expired: 1 },
    },
  ],
};
const GROUPS: readonly GroupSnapshot[] = [
  group('a"\\\n', {
    pub: session('PUB', { protocol: 'RTSP', readBytesSum: 1000, lostPackets: 3, readBitrateKbits: 8 }),
    subs: [session('SUB', { wroteBytesSum: 500, droppedFrames: 2 })],
  }),
  group('waiting', { subs: [session('SUB', { wroteBytesSum: 5 })] }),
];

function metrics(sources: Partial<MetricsSources> = {}): Metrics {
  return new Metrics({
    groups: () => GROUPS,
    notify: { receivers: () => Promise.resolve(STATUS), counts: () => COUNTS },
    refused: () => [['max_connections', 3]],
    isReady: () => true,
    unixMs: () => 0,
    ...sources,
  });
}

/** After everything has happened once, so that every family has samples. */
async function full(): Promise<Family[]> {
  const all = metrics();
  all.hub.sessionEnded(session('SUB', { wroteBytesSum: 44 }), 'too slow');
  all.hub.batchWritten(0.4);
  all.hub.batchWritten(30);
  all.hub.batchWritten(5000);
  all.hub.timeJumped();
  all.hub.pictureUnreadable('RTMP');
  all.hub.rateExceeded();
  all.countFault('RTMP', 'malformed');
  all.hls.segmentWritten(12);
  all.hls.segmentLost();
  all.records.failed('mp4');
  return parseMetrics((await all.text()).text);
}

test('names, types, units and help texts keep to the conventions', async () => {
  const families = await full();
  assert.ok(families.length > 30);
  assert.deepEqual(families.flatMap(lint), []);
});

test('the lint finds what is wrong', () => {
  const samples = [{ name: 'x', labels: { baseType: 'PUB' }, value: 1 }];
  const family = { name: 'millrace_x', help: 'A help text of use', type: 'gauge', samples: [] };
  for (const [change, what] of [
    [{ name: 'millrace_dropFrames' }, /snake case/],
    [{ name: 'other_x' }, /namespace/],
    [{ type: 'counter' }, /_total/],
    [{ name: 'millrace_x_total' }, /_total/],
    [{ name: 'millrace_delay_ms' }, /base unit/],
    [{ name: 'millrace_rate_bits' }, /base unit/],
    [{ help: 'Age of the oldest event' }, /seconds/],
    [{ help: 'short' }, /help/],
    [{ type: 'histogram' }, /without a unit/],
    [{ samples }, /label/],
  ] as const) {
    assert.match(lint({ ...family, ...change }).join('\n'), what);
  }
  assert.deepEqual(lint(family), []);
});

test('the values are those of the parts', async () => {
  const found = await full();
  const value = (name: string, labels = {}): number | null => sample(found, name, labels);
  const sub = { protocol: 'RTMP', base_type: 'SUB' };
  const pub = { protocol: 'RTSP', base_type: 'PUB' };
  assert.equal(value('millrace_sessions', sub), 2);
  assert.equal(value('millrace_sessions_started_total', sub), 3);
  assert.equal(value('millrace_sessions_ended_total', { ...sub, reason: 'too slow' }), 1);
  assert.equal(value('millrace_sent_bytes_total', sub), 549);
  assert.equal(value('millrace_received_bytes_total', pub), 1000);
  assert.equal(value('millrace_dropped_frames_total', sub), 2);
  assert.equal(value('millrace_rtp_lost_packets_total', pub), 3);
  assert.equal(value('millrace_streams', { state: 'published' }), 1);
  assert.equal(value('millrace_streams', { state: 'waiting' }), 1);
  assert.equal(value('millrace_stream_received_bytes_per_second', { stream: 'a\\"\\\\\\n' }), 1024);
  assert.equal(value('millrace_time_jumps_total'), 1);
  assert.equal(value('millrace_peer_faults_total', { protocol: 'RTMP', reason: 'malformed' }), 2);
  assert.equal(value('millrace_declared_rate_exceeded_total'), 1);
  const receiver = 'http://h:1';
  assert.equal(value('millrace_notify_backlog'), 3);
  assert.equal(value('millrace_notify_oldest_event_age_seconds', { receiver }), 1.5);
  assert.equal(value('millrace_notify_events_total', { receiver, outcome: 'delivered' }), 100);
  assert.equal(value('millrace_notify_attempts_total', { outcome: 'failed' }), 4);
  assert.equal(value('millrace_notify_lost_events_total'), 6);
  assert.equal(value('millrace_notify_memory_only'), 0);
  assert.equal(value('millrace_hls_lost_segments_total'), 1);
  assert.equal(value('millrace_record_failures_total', { format: 'mp4' }), 1);
  assert.equal(value('millrace_ready'), 1);
  assert.deepEqual(
    ['0.001', '0.02', '0.035', '1', '+Inf'].map((le) => value('millrace_fanout_delay_seconds_bucket', { le })),
    [1, 1, 2, 2, 3],
  );
  assert.equal(value('millrace_fanout_delay_seconds_count'), 3);
  assert.ok(Math.abs((value('millrace_fanout_delay_seconds_sum') ?? 0) - 5.0304) < 1e-9);
  assert.ok((value('process_resident_memory_bytes') ?? 0) > 10_000_000);
  assert.ok((value('process_open_fds') ?? 0) > 2);
  assert.ok((value('process_cpu_seconds_total') ?? 0) > 0);
});

test('a kind of session that has none left is still told of', async () => {
  let groups = GROUPS;
  const all = metrics({ groups: () => groups });
  await all.text();
  groups = [];
  const found = parseMetrics((await all.text()).text);
  assert.equal(sample(found, 'millrace_sessions', { protocol: 'RTMP', base_type: 'SUB' }), 0);
  assert.equal(sample(found, 'millrace_stream_players', { stream: 'a\\"\\\\\\n' }), null);
});

test('a database that does not answer costs its own numbers only, and lost events do not come back', async () => {
  let receivers = (): Promise<NotifyStatusJson> => Promise.resolve(STATUS);
  const all = metrics({ notify: { receivers: () => receivers(), counts: () => COUNTS } });
  await all.text();
  for (const trouble of [() => new Promise<never>(() => {}), () => Promise.reject(new Error('torn'))]) {
    receivers = trouble;
    const found = parseMetrics((await all.text()).text);
    assert.equal(sample(found, 'millrace_notify_backlog'), 3);
    assert.equal(sample(found, 'millrace_notify_lost_events_total'), 6);
    assert.equal(sample(found, 'millrace_notify_receiver_backlog', { receiver: 'http://h:1' }), null);
  }
});

test('scrapes at the same time share one answer', async () => {
  let asked = 0;
  const receivers = (): Promise<NotifyStatusJson> => {
    asked++;
    return Promise.resolve(STATUS);
  };
  const all = metrics({ notify: { receivers, counts: () => COUNTS } });
  const [first, second] = await Promise.all([all.text(), all.text()]);
  assert.equal(first, second);
  assert.equal(asked, 1);
  await all.text();
  assert.equal(asked, 2);
});

test('the runtime is watched between start and stop', async () => {
  const all = metrics();
  all.start();
  const count = async (name: string): Promise<number> => sample(parseMetrics((await all.text()).text), name) ?? 0;
  const deadline = performance.now() + 10_000;
  while ((await count('nodejs_event_loop_delay_seconds_count')) === 0) {
    assert.ok(performance.now() < deadline, 'the event loop was not looked at');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  all.stop();
});

test('docs/metrics.md lists every metric with its type, and no other', async () => {
  const rows = readFileSync(join(DOCS, 'metrics.md'), 'utf8').matchAll(
    /^\| `([a-z_]+)` \| (counter|gauge|histogram) \|/gm,
  );
  const listed = Array.from(rows, ([, name, type]) => `${name} ${type}`).sort();
  assert.deepEqual(listed, (await full()).map(({ name, type }) => `${name} ${type}`).sort());
});

test('the Grafana board asks for metrics that are there', async () => {
  const text = readFileSync(join(DOCS, 'grafana/millrace.json'), 'utf8');
  const board = JSON.parse(text) as { panels: { targets?: { expr: string }[]; title: string }[] };
  const ofHistogram = (name: string): string[] => ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`);
  const known = new Set(
    (await full()).flatMap(({ name, type }) => (type === 'histogram' ? ofHistogram(name) : [name])),
  );
  const expressions = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  assert.ok(expressions.length > 20);
  for (const expr of expressions) {
    const names = expr.match(/\b(?:millrace|nodejs|process)_[a-z_]+\b/g) ?? [];
    assert.ok(names.length > 0, expr);
    for (const name of names) assert.ok(known.has(name), `${name} in ${expr}`);
  }
});
