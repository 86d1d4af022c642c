/** The outbox's disk: each commit reaches it; it is full for a time; the file on it is damaged. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ChaosReceiver, type Delivery, startChaosReceiver } from '../chaos/receiver.ts';
import { openSite, type Site } from '../chaos/site.ts';
import { come, count, field, firsts, visit } from '../chaos/visit.ts';
import { mountDisk } from '../support/disk.ts';
import { publish } from '../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../support/flv.ts';
import type { Millrace } from '../support/millrace.ts';
import { tempDir } from '../support/temp-dir.ts';
import { poll } from '../support/wait-for.ts';

const DISK_BYTES = 2 * 1024 * 1024;
/** More events than fit the disk. */
const MAX_VISITS = 5000;
const PAGE_BYTES = 4096;

/** Fails unless every session that started has stopped after it, once. */
function assertWhole({ accepted }: ChaosReceiver): void {
  const open = new Set<string>();
  const all = new Set<string>();
  for (const delivery of firsts(accepted)) {
    const id = String(field(delivery, 'session_id'));
    if (delivery.event === 'on_sub_start') {
      assert.ok(!all.has(id), `${id} starts twice`);
      all.add(id);
      open.add(id);
    } else if (delivery.event === 'on_sub_stop') assert.ok(open.delete(id), `${id} stops, but is not there`);
  }
  assert.deepEqual([...open], [], 'starts without stop');
}

test('a full disk: media and callbacks go on, and what comes after it is safe again', async (t) => {
  const disk = mountDisk(t, DISK_BYTES);
  if (disk === null) return t.skip('mounting a tmpfs takes root');
  const receiver = await startChaosReceiver(t, 0);
  const site = openSite(t, {
    http_notify: receiver.config(),
    httpflv: { gop_num: 1 },
    millrace: { notify: { outbox_path: join(disk, 'outbox.db') } },
  });
  const server = await site.start();
  publish(t, server.url('rtmp', 'live/on'), 'h264-640x360');
  const watcher = await come(t, server, 'on');
  await watcher.body(1000);

  const ballast = join(disk, 'ballast');
  fill(ballast);
  let visits = 0;
  while (!server.log.all.some(({ level }) => level === 'error')) {
    assert.ok(++visits < MAX_VISITS, 'the server has not noticed that its disk is full');
    await visit(t, server, 'full');
    await receiver.until('a stop', () => count(receiver.accepted, 'on_sub_stop') === visits);
  }
  const full = visits + 20;
  for (; visits < full; visits++) await visit(t, server, 'full');
  await receiver.until('stops from memory', () => count(receiver.accepted, 'on_sub_stop') === visits);
  assert.equal(await keptIn(server), 'memory');
  await watcher.body(watcher.bodyNow().length + 100_000);

  rmSync(ballast);
  await poll(
    'the database is in use again',
    () => keptIn(server),
    (kept) => kept === 'ok',
  );
  assertSteadyTime(readFlv(watcher.bodyNow()), 100);
  watcher.leave();
  await come(t, server, 'full');
  const last = visits + 2;
  await receiver.until('the last start', () => count(receiver.accepted, 'on_sub_start') === last);
  await server.kill();
  const next = await site.start();
  await receiver.until('the last stop', () => count(receiver.accepted, 'on_sub_stop') === last);
  assert.equal(receiver.accepted.findLast(isStopOf('full'))?.reason, 'server crashed');
  assertWhole(receiver);
  await next.stop();
});

/** Where the server keeps its events: `ok` in the database, or in `memory`. */
async function keptIn(server: Millrace): Promise<unknown> {
  const { data } = await server.api('/api/notify/status');
  return data?.['database'];
}

/** Writes until nothing more fits. */
function fill(file: string): void {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(PAGE_BYTES, 1), { flag: 'a' });
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}

/** Ways to damage a database that holds events. Each gives the bytes that the file then has. */
const DAMAGES: Readonly<Record<string, (sound: Buffer) => Buffer>> = {
  'something else than a database': () => randomBytes(20 * PAGE_BYTES),
  'a database whose pages are garbage': (sound) =>
    Buffer.concat([sound.subarray(0, PAGE_BYTES), randomBytes(sound.length - PAGE_BYTES)]),
  'a database cut short': (sound) => sound.subarray(0, Math.floor(sound.length / 2 / PAGE_BYTES) * PAGE_BYTES + 100),
  'a database whose schema is garbage': (sound) =>
    Buffer.concat([sound.subarray(0, 100), randomBytes(PAGE_BYTES - 100), sound.subarray(PAGE_BYTES)]),
};

for (const [what, damage] of Object.entries(DAMAGES)) {
  test(`${what} is set aside with an error, and a new one is begun`, async (t) => {
    const { site, receiver } = await siteWithBacklog(t);
    const damaged = damage(readFileSync(site.outbox));
    for (const ending of ['-wal', '-shm']) rmSync(`${site.outbox}${ending}`, { force: true });
    writeFileSync(site.outbox, damaged);

    await receiver.setMode('up');
    const server = await site.start();
    await visit(t, server, 'after');
    await receiver.until('the visit', () => receiver.accepted.some(isStopOf('after')));
    const line = await server.log.waitFor('an error', ({ level }) => level === 'error');
    const folder = dirname(site.outbox);
    const aside = readdirSync(folder).find((file) => readFileSync(join(folder, file)).equals(damaged));
    assert.ok(aside !== undefined && aside !== 'outbox.db', `${readdirSync(folder).join(', ')}; ${line.msg}`);

    // the new one is a real one
    await come(t, server, 'again');
    await receiver.until('a start', () => receiver.accepted.some(({ body }) => body.includes('"again"')));
    await server.kill();
    const next = await site.start();
    await receiver.until('its stop', () => receiver.accepted.some(isStopOf('again')));
    await next.stop();
  });
}

const isStopOf =
  (stream: string) =>
  ({ event, body }: Delivery): boolean =>
    event === 'on_sub_stop' && body.includes(`"stream_name":"${stream}"`);

/** A site whose server was stopped with events that nobody has taken. */
async function siteWithBacklog(t: TestContext): Promise<{ site: Site; receiver: ChaosReceiver }> {
  const receiver = await startChaosReceiver(t, 0);
  await receiver.setMode('down');
  const site = openSite(t, { http_notify: receiver.config() });
  const server = await site.start();
  for (let i = 0; i < 200; i++) await visit(t, server, `b${i % 10}`);
  await server.stop();
  assert.ok(statSync(site.outbox).size > 10 * PAGE_BYTES);
  return { site, receiver };
}

test('a folder that is not there is made', async (t) => {
  const receiver = await startChaosReceiver(t, 0);
  const folder = join(tempDir(t), 'not/there');
  const site = openSite(t, {
    http_notify: receiver.config(),
    millrace: { notify: { outbox_path: join(folder, 'x.db') } },
  });
  const server = await site.start();
  await receiver.until('its start', () => count(receiver.accepted, 'on_server_start') === 1);
  assert.ok(readdirSync(folder).includes('x.db'));
  await server.stop();
});

test('a path that cannot be written: events are delivered all the same, with an error', async (t) => {
  const receiver = await startChaosReceiver(t, 0);
  const file = join(tempDir(t), 'file');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  const site = openSite(t, {
    http_notify: receiver.config(),
    millrace: { notify: { outbox_path: join(file, 'outbox.db') } },
  });
  const server = await site.start();
  await visit(t, server, 'no-disk');
  await receiver.until('the stop', () => count(receiver.accepted, 'on_sub_stop') === 1);
  await server.log.waitFor('an error', ({ level }) => level === 'error');
  await server.stop();
});

test('an event is on the disk before it is sent', async (t) => {
  if (spawnSync('strace', ['-V']).error !== undefined) return t.skip('there is no strace');
  const receiver = await startChaosReceiver(t, 0);
  const site = openSite(t, { http_notify: receiver.config() });
  const trace = join(tempDir(t), 'trace');
  // -D: the server is the child itself, which signals are for
  const server = await site.startUnder('strace', ['-D', '-f', '-qq', '-o', trace, '-e', 'trace=fsync,fdatasync']);
  await receiver.until('its start', () => count(receiver.accepted, 'on_server_start') === 1);
  for (let i = 1; i <= 5; i++) {
    const before = syncs(trace);
    await visit(t, server, 'synced');
    await receiver.until('the visit', () => count(receiver.accepted, 'on_sub_stop') === i);
    assert.ok(syncs(trace) > before, `visit ${i} was told of, and nothing was synced`);
  }
  await server.stop();
});

/** How often a file was synced so far. */
function syncs(trace: string): number {
  return readFileSync(trace, 'latin1').split(/ = 0$/m).length - 1;
}
