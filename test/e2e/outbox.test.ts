/** Receivers that are ill in their several ways: nothing is lost, the order holds, and the media goes on meanwhile. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Delivery, startChaosReceiver } from '../chaos/receiver.ts';
import { openSite } from '../chaos/site.ts';
import { come, count, field, firsts, visit } from '../chaos/visit.ts';
import { publish } from '../support/ffmpeg.ts';
import { assertSteadyTime, type FlvTag, mediaTags, readFlv } from '../support/flv.ts';
import type { Config, Millrace } from '../support/millrace.ts';
import { poll } from '../support/wait-for.ts';

/** About a second of the published source. */
const SECOND_BYTES = 100_000;
const RETRY_MESSAGE = 'callback not delivered, to be tried again';

/** A receiver, and a server that tells it of everything. */
async function open(t: TestContext, notify: Config = {}) {
  const receiver = await startChaosReceiver(t, 0);
  const config = { http_notify: receiver.config(), rtmp: { gop_num: 1 }, httpflv: { gop_num: 1 } };
  const site = openSite(t, { ...config, millrace: { notify } });
  return { receiver, site };
}

/** Fails unless what each stream's events were accepted as is 1, 2, 3, …, and each came once. */
function assertOrder(accepted: readonly Delivery[]): void {
  const ofStreams = accepted.filter(({ streamSeq }) => streamSeq !== null);
  for (const [stream, each] of Map.groupBy(ofStreams, (delivery) => field(delivery, 'stream_name'))) {
    const expected = each.map((_, i) => i + 1);
    const numbers = each.map(({ streamSeq }) => streamSeq);
    assert.deepEqual(numbers, expected, `stream ${stream}`);
  }
  assert.equal(new Set(accepted.map(({ id }) => id)).size, accepted.length);
}

test('a receiver that answers 503 for a time gets everything afterwards, in order and once', async (t) => {
  const { receiver, site } = await open(t);
  let isIll = true;
  receiver.script = ({ event }) => (isIll && event !== 'on_server_start' ? 503 : null);
  const server = await site.start();
  for (let i = 0; i < 5; i++) for (const stream of ['a', 'b', 'c']) await visit(t, server, stream);
  await receiver.until('a third try', () => receiver.deliveries.some(({ attempt }) => attempt === 3));
  assert.deepEqual(count(receiver.accepted, 'on_sub_start'), 0);
  isIll = false;
  await receiver.until('the last of 15 players’ stops', () => count(receiver.accepted, 'on_sub_stop') === 15);

  assertOrder(receiver.accepted);
  assert.equal(count(receiver.accepted, 'on_sub_start'), 15);
  for (const [id, tries] of Map.groupBy(receiver.deliveries, (delivery) => delivery.id)) {
    assert.equal(new Set(tries.map(({ body }) => body)).size, 1, `the bodies of ${id}`);
    assert.deepEqual(
      tries.map(({ attempt }) => attempt),
      tries.map((_, i) => i + 1),
      `the tries of ${id}`,
    );
  }
  await server.stop();
});

test('while a receiver hangs, a player plays without a gap, and others come and go', async (t) => {
  const { receiver, site } = await open(t, { timeout_ms: 1000 });
  await receiver.setMode('hanging');
  const server = await site.start();
  publish(t, server.url('rtmp', 'live/on'), 'h264-640x360');
  await server.log.waitFor('the publisher', (line) => line['stream'] === 'on');
  const player = await come(t, server, 'on');
  let tags = readFlv(await player.body(SECOND_BYTES));
  let visits = 0;
  while (seconds(tags) < 8) {
    await visit(t, server, 'on');
    visits++;
    tags = readFlv(await player.body(player.bodyNow().length + SECOND_BYTES / 4));
  }
  assertSteadyTime(tags, 100);
  assert.ok(receiver.deliveries.some(({ attempt }) => attempt > 2));
  assert.equal(receiver.accepted.length, 0);

  await receiver.setMode('up');
  await receiver.until(`${visits} stops`, () => count(receiver.accepted, 'on_sub_stop') === visits);
  assertOrder(receiver.accepted);
  await server.stop();
});

/** How long the media of these tags is. */
function seconds(tags: readonly FlvTag[]): number {
  const times = mediaTags(tags).map(({ timestamp }) => timestamp);
  return ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
}

test('a receiver that closes each connection after its answer loses nothing', async (t) => {
  const { receiver, site } = await open(t);
  receiver.script = () => 'last';
  const server = await site.start();
  for (let i = 0; i < 50; i++) await visit(t, server, `c${i % 5}`);
  await receiver.until('50 stops', () => count(receiver.accepted, 'on_sub_stop') === 50);
  assertOrder(receiver.accepted);
  await server.stop();
});

test('a connection that has gone stale is noticed by the next event, which is tried again at once', async (t) => {
  const { receiver, site } = await open(t);
  // as if a proxy had closed it between two events, and the server has yet to learn of it
  receiver.script = ({ isLater }) => (isLater ? 'reset' : null);
  const server = await site.start();
  for (let i = 0; i < 10; i++) {
    await visit(t, server, 'stale');
    await receiver.until(`stop ${i + 1}`, () => count(receiver.accepted, 'on_sub_stop') === i + 1);
  }
  assertOrder(receiver.accepted);
  assert.ok(receiver.deliveries.length > receiver.accepted.length, 'no connection was stale');
  await server.stop();
  const delayed = server.log.all.filter(({ msg }) => msg === RETRY_MESSAGE);
  assert.deepEqual(delayed, []);
});

for (const status of [404, 302, 400]) {
  test(`what is answered by ${status} is refused, and holds up nothing`, async (t) => {
    const { receiver, site } = await open(t);
    receiver.script = ({ event }) => (event === 'on_sub_start' ? status : null);
    const server = await site.start();
    for (let i = 0; i < 3; i++) await visit(t, server, 'refused');
    await receiver.until('three stops', () => count(receiver.accepted, 'on_sub_stop') === 3);
    await server.stop();
    assert.equal(count(receiver.deliveries, 'on_sub_start'), 3);
    const numbers = receiver.deliveries.flatMap(({ streamSeq }) => streamSeq ?? []);
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6]);
  });
}

test('a server that is stopped while its receiver is down ends in order, and the next one delivers the rest', async (t) => {
  const { receiver, site } = await open(t);
  const first = await site.start();
  await come(t, first, 'heard');
  await receiver.until('the first start', () => count(receiver.accepted, 'on_sub_start') === 1);
  await receiver.setMode('down');
  const there = await come(t, first, 'unheard');
  await first.stop();
  await there.closed();

  await receiver.setMode('up');
  const second = await site.start();
  await receiver.until('both stops', () => count(receiver.accepted, 'on_sub_stop') === 2);
  const stops = receiver.accepted.filter(({ event }) => event === 'on_sub_stop');
  assert.deepEqual(
    stops.map(({ reason }) => reason),
    ['server stopped', 'server stopped'],
  );
  await visit(t, second, 'heard');
  await receiver.until('the visit', () => count(receiver.accepted, 'on_sub_stop') === 3);
  assertOrder(receiver.accepted);
  const ids = receiver.accepted
    .filter(({ event }) => event === 'on_sub_start')
    .map((each) => field(each, 'session_id'));
  assert.equal(new Set(ids).size, 3);
  await second.stop();
});

test('what waits is delivered at the next start, though more streams wait than are delivered at a time', async (t) => {
  const { receiver, site } = await open(t, { concurrency: 2 });
  await receiver.setMode('down');
  const first = await site.start();
  for (let i = 0; i < 20; i++) await visit(t, first, `w${i}`);
  await first.stop();

  await receiver.setMode('up');
  const second = await site.start();
  await receiver.until('20 stops', () => count(receiver.accepted, 'on_sub_stop') === 20);
  assertOrder(receiver.accepted);
  await second.stop();
});

test('what a killed server’s sessions read and wrote is in their stops', async (t) => {
  const { receiver, site } = await open(t);
  const first = await site.start();
  publish(t, first.url('rtmp', 'live/cut'), 'h264-640x360');
  await receiver.until('the publisher', () => count(receiver.accepted, 'on_pub_start') === 1);
  const player = await come(t, first, 'cut');
  await player.body(2 * SECOND_BYTES);
  const before = await bytes(first);
  // several times as long as it may take until these are safe
  await player.body(player.bodyNow().length + 3 * SECOND_BYTES);
  const last = await bytes(first);
  await first.kill();

  const second = await site.start();
  await receiver.until('both stops', () =>
    ['on_pub_stop', 'on_sub_stop'].every((event) => count(receiver.accepted, event) === 1),
  );
  assertOrder(firsts(receiver.accepted));
  for (const [event, sum] of [
    ['on_pub_stop', 'read_bytes_sum'],
    ['on_sub_stop', 'wrote_bytes_sum'],
  ] as const) {
    const stop = receiver.accepted.find((delivery) => delivery.event === event);
    assert.ok(stop);
    assert.equal(stop.reason, 'server crashed');
    const told = Number(field(stop, sum));
    const isWithin = told >= before[event] && told <= last[event] + SECOND_BYTES;
    assert.ok(isWithin, `${event}: ${sum} ${told}; was ${before[event]}, then ${last[event]}`);
  }
  await second.stop();
});

/** What the publisher has sent and the player was sent, by the event that will tell of it. */
async function bytes(server: Millrace): Promise<Record<'on_pub_stop' | 'on_sub_stop', number>> {
  interface Session {
    readonly read_bytes_sum: number;
    readonly wrote_bytes_sum: number;
  }
  const ask = () => server.api('/api/stat/group?stream_name=cut');
  const { data } = await poll('the player’s session', ask, (answer) => Array.isArray(answer.data?.['subs']));
  const { pub, subs } = data as unknown as { pub: Session; subs: readonly Session[] };
  return { on_pub_stop: pub.read_bytes_sum, on_sub_stop: subs[0]?.wrote_bytes_sum ?? 0 };
}
