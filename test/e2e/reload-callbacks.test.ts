/** Receivers, URLs and secrets change while callbacks wait: none is lost, and each goes where it was to go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import type { Millrace } from '../support/millrace.ts';
import { startReceiver } from '../support/receiver.ts';
import { assertSigned, OTHER_SECRET, SECRET, startReloadable } from '../support/reloadable.ts';
import { poll } from '../support/wait-for.ts';

test('what happened before the reload goes to the receiver before, in order, however long that takes', async (t) => {
  const [before, after] = [await startReceiver(t), await startReceiver(t)];
  let isIll = true;
  before.answer = ({ event }) => (isIll && event !== 'on_server_start' ? 503 : 200);
  const notify = { signing_secrets: [SECRET] };
  const { server, reload } = await startReloadable(t, { http_notify: before.config(), millrace: { notify } });
  const publisher = publish(t, server.url('rtmp', 'live/moved'), 'h264-640x360');
  await before.waitFor('on_rtmp_connect');
  await poll(
    'the publisher',
    () => server.api('/api/stat/group?stream_name=moved'),
    ({ error_code }) => error_code === 0,
  );
  await reload({ http_notify: after.config(), millrace: { notify: { signing_secrets: [OTHER_SECRET] } } });
  await publisher.stop();
  // the one that is there need not wait for the one that is not
  await after.waitFor('on_pub_stop', { stream_name: 'moved' });
  const [held] = (await receivers(server)).filter(({ backlog }) => backlog > 0);
  assert.equal(held?.receiver, new URL(before.url('')).origin);
  assert.equal(held?.backlog, 2);

  isIll = false;
  const from = before.callbacks.all.length;
  const start = await before.waitFor('on_pub_start', { stream_name: 'moved' }, from);
  const connect = await before.waitFor('on_rtmp_connect', {}, from);
  assert.ok(connect.index < start.index);
  assertSigned(start, OTHER_SECRET);
  assert.equal(before.callbacks.all.filter(({ event }) => event === 'on_pub_stop').length, 0);
  assert.deepEqual(
    after.callbacks.all.map(({ event }) => event),
    ['on_pub_stop'],
  );
  await poll(
    'the backlog',
    () => receivers(server),
    (all) => all.every(({ backlog }) => backlog === 0),
  );
});

test('an event whose URL is taken away is told no more, but what waits for it still is', async (t) => {
  const receiver = await startReceiver(t);
  let isIll = true;
  receiver.answer = ({ event }) => (isIll && event === 'on_pub_start' ? 503 : 200);
  const { server, reload } = await startReloadable(t, { http_notify: receiver.config() });
  const publisher = publish(t, server.url('rtmp', 'live/less'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'less' });
  const { data } = await reload({ http_notify: receiver.config({ on_pub_start: '', on_pub_stop: null }) });
  assert.deepEqual(data?.['applied'], ['http_notify.on_pub_start', 'http_notify.on_pub_stop']);
  isIll = false;
  await poll(
    'the backlog',
    () => receivers(server),
    (all) => all.every(({ backlog }) => backlog === 0),
  );
  const player = new HttpPlayer(t, server.url('http', 'live/less.flv'));
  await receiver.waitFor('on_sub_start', { stream_name: 'less' });
  await publisher.stop();
  player.leave();
  await receiver.waitFor('on_sub_stop', { stream_name: 'less' });
  const told = receiver.ofStream('less');
  const starts = told.filter(({ event }) => event === 'on_pub_start');
  assert.equal(new Set(starts.map(({ headers }) => headers['webhook-id'])).size, 1);
  assert.deepEqual(
    told.slice(starts.length).map(({ event }) => event),
    ['on_sub_start', 'on_sub_stop'],
  );
});

interface ReceiverStat {
  readonly receiver: string;
  readonly backlog: number;
}

async function receivers(server: Millrace): Promise<ReceiverStat[]> {
  return (await server.api('/api/notify/status')).data?.['receivers'] as ReceiverStat[];
}

test('on_update: its interval and its receiver', async (t) => {
  const [before, after] = [await startReceiver(t), await startReceiver(t)];
  const { reload } = await startReloadable(t, { http_notify: before.config({ update_interval_sec: 3600 }) });
  await before.waitFor('on_update');
  await reload({ http_notify: before.config({ update_interval_sec: 1 }) });
  const { index } = await before.waitFor('on_update', {}, before.callbacks.all.length);
  await before.waitFor('on_update', {}, index + 1);
  await reload({ http_notify: after.config({ update_interval_sec: 1 }) });
  await after.waitFor('on_update');
  assert.deepEqual(
    after.callbacks.all.map(({ event }) => event),
    ['on_update'],
  );
});
