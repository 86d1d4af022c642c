/** Events handed to a function: their order, what waits for what, faults of the function, and the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { SessionBody } from '../notify/index.ts';
import { EventQueue, type ServerEvent } from './events.ts';
import { errorLog } from './inside.fixture.ts';

const SERVER_START: ServerEvent = {
  event: 'on_server_start',
  streamName: null,
  body: {
    ...{ server_id: '1', bin_info: '', lal_version: '', api_version: '' },
    ...{ notify_version: '', WebUiVersion: '', start_time: '' },
  },
};

const bodyOf = (session_id: string, stream_name: string): SessionBody => ({
  ...{ server_id: '1', session_id, protocol: 'FLV', base_type: 'SUB', remote_addr: '', url: '', app_name: 'live' },
  ...{ stream_name, url_param: '', has_in_session: false, has_out_session: true },
  ...{ read_bytes_sum: 0, wrote_bytes_sum: 0 },
});
const started = (id: string, streamName: string): ServerEvent => ({
  ...{ event: 'on_sub_start', streamName, body: bodyOf(id, streamName) },
});
const stopped = (id: string, streamName: string): ServerEvent => ({
  ...{ event: 'on_sub_stop', streamName, body: bodyOf(id, streamName), reason: 'kicked' },
});
const connected = (id: string): ServerEvent => ({
  event: 'on_rtmp_connect',
  streamName: null,
  body: { server_id: '1', session_id: id, remote_addr: '', app: '', flashVer: '', tcUrl: '' },
});
const update = (serverId: string): ServerEvent => ({
  event: 'on_update',
  streamName: null,
  body: { server_id: serverId, groups: [] },
});

/** `sub_start A1`; of those that no session has, the server's name. */
function lineOf({ event, body }: ServerEvent): string {
  const about = 'session_id' in body ? body.session_id : 'server_id' in body ? body.server_id : '';
  return `${event.slice(3)} ${about}`;
}

/** A queue whose function resolves for an event when it is told so. */
function held() {
  const begun: string[] = [];
  const finish = new Map<string, () => void>();
  const { log, errors } = errorLog();
  const queue = new EventQueue((event) => {
    const line = lineOf(event);
    begun.push(line);
    return new Promise((resolve) => finish.set(line, resolve));
  }, log);
  const done = async (line: string): Promise<void> => {
    finish.get(line)?.();
    await setImmediate();
  };
  return { queue, begun, done, errors };
}

test('events of one stream come one after the other, those of others do not wait for them', async () => {
  const { queue, begun, done } = held();
  for (const event of [started('A1', 'a'), stopped('A1', 'a'), started('B1', 'b')]) queue.push(event);
  assert.deepEqual(begun, [], 'nothing is called from within push');
  await setImmediate();
  assert.deepEqual(begun, ['sub_start A1', 'sub_start B1']);
  await done('sub_start A1');
  assert.deepEqual(begun.slice(2), ['sub_stop A1']);
});

test('nothing comes before on_server_start is done with, and no event of a session before its on_rtmp_connect', async () => {
  const { queue, begun, done } = held();
  for (const event of [SERVER_START, connected('A1'), started('A1', 'a'), started('B1', 'b')]) queue.push(event);
  await setImmediate();
  assert.deepEqual(begun, ['server_start 1']);
  await done('server_start 1');
  assert.deepEqual(begun.slice(1), ['rtmp_connect A1', 'sub_start B1']);
  await done('rtmp_connect A1');
  assert.deepEqual(begun.slice(3), ['sub_start A1']);
});

test('of the on_update that wait only the newest comes', async () => {
  const { queue, begun, done } = held();
  for (const name of ['1', '2', '3']) queue.push(update(name));
  await setImmediate();
  assert.deepEqual(begun, ['update 3']);
  queue.push(update('4'));
  await done('update 3');
  assert.deepEqual(begun, ['update 3', 'update 4']);
});

test('a function that throws or rejects is logged, and the next event comes', async () => {
  const { log, errors } = errorLog();
  const seen: string[] = [];
  const queue = new EventQueue((event) => {
    seen.push(lineOf(event));
    if (seen.length === 1) throw new Error('one');
    return seen.length === 2 ? Promise.reject(new Error('two')) : undefined;
  }, log);
  for (const event of [started('1', 'a'), started('2', 'a'), started('3', 'a')]) queue.push(event);
  assert.equal(await queue.drain(1000), 0);
  assert.deepEqual(seen, ['sub_start 1', 'sub_start 2', 'sub_start 3']);
  assert.equal(errors.length, 2);
});

test('a drain waits for what is under way, but no longer than its deadline', async () => {
  const { queue, done } = held();
  queue.push(started('1', 'a'));
  queue.push(started('2', 'a'));
  assert.equal(await queue.drain(1), 2);
  await done('sub_start 1');
  const drained = queue.drain(60_000);
  await done('sub_start 2');
  assert.equal(await drained, 0);
});

test('beyond its bound events are lost with one line in the log, and a later on_update still comes', async () => {
  const { queue, begun, done, errors } = held();
  for (let i = 0; i < 100_000; i++) queue.push(started(String(i), 'a'));
  queue.push(started('late', 'a'));
  queue.push(update('lost'));
  assert.deepEqual(errors, ['events lost: too many wait for the event handler']);
  await setImmediate();
  await done('sub_start 0');
  queue.push(update('now'));
  await setImmediate();
  assert.ok(begun.includes('update now'));
});
