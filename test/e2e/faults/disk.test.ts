/** Disks that fail under a running server: errors at fsync, read-only, folders and files that are deleted. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ChaosReceiver, startChaosReceiver } from '../../chaos/receiver.ts';
import { openSite } from '../../chaos/site.ts';
import { come, count, field, firsts, visit } from '../../chaos/visit.ts';
import { startFaulty } from '../../support/faults.ts';
import { publish } from '../../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../../support/flv.ts';
import { HttpPlayer } from '../../support/http.ts';
import type { Config, Millrace } from '../../support/millrace.ts';
import { startReceiver } from '../../support/receiver.ts';
import { OrderedScope, tempDir } from '../../support/temp-dir.ts';
import { poll } from '../../support/wait-for.ts';

function scoped(t: TestContext): OrderedScope {
  const own = new OrderedScope();
  t.after(() => own.end());
  return own;
}

/** Everything that is kept on a disk is kept in this folder. */
function keepIn(folder: string): Config {
  return {
    hls: { enable: true, out_path: join(folder, 'hls'), fragment_duration_ms: 1000, fragment_num: 20, cleanup_mode: 2 },
    record: { enable_flv: true, flv_out_path: join(folder, 'flv') },
    log: { level: 1, is_to_stdout: true, filename: join(folder, 'logs/server.log') },
    millrace: {
      notify: { outbox_path: join(folder, 'outbox.db') },
      record: { split_duration_sec: 2 },
    },
  };
}

const keptIn = async (server: Millrace): Promise<unknown> =>
  (await server.api('/api/notify/status')).data?.['database'];

async function segments(server: Millrace): Promise<number> {
  const text = await (await fetch(server.url('http', 'hls/tv.m3u8'))).text();
  return Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0) + [...text.matchAll(/#EXTINF/g)].length;
}

for (const errors of ['once', 'for good'] as const) {
  test(`an outbox whose disk answers EIO to fsync ${errors}: every event is delivered, and none is lost by a kill afterwards`, async (t) => {
    if (spawnSync('strace', ['-V']).error !== undefined) return t.skip('there is no strace');
    const own = scoped(t);
    const receiver = await startChaosReceiver(own, 0);
    const site = openSite(own, { http_notify: receiver.config() });
    const when = errors === 'once' ? '12' : '12+';
    const server = await site.startUnder('strace', [
      ...['-D', '-f', '-qq', '-o', join(tempDir(own), 'trace'), '-e', 'trace=fsync,fdatasync'],
      ...['-e', `inject=fsync,fdatasync:error=EIO:when=${when}`],
    ]);
    let visits = 0;
    const failed = (): boolean => server.log.all.some(({ level, why }) => level === 'error' && why !== undefined);
    while (!failed()) {
      assert.ok(++visits < 500, 'no fsync has failed');
      await visit(own, server, 'tv');
      await receiver.until('a stop', () => count(receiver.accepted, 'on_sub_stop') === visits);
    }
    for (const total = visits + 10; visits < total; visits++) await visit(own, server, 'tv');
    await receiver.until('the stops', () => count(receiver.accepted, 'on_sub_stop') === visits);
    if (errors === 'once') {
      await poll(
        'the database is in use again',
        () => keptIn(server),
        (kept) => kept === 'ok',
      );
      await come(own, server, 'tv');
      await receiver.until('the last start', () => count(receiver.accepted, 'on_sub_start') === visits + 1);
    }
    await server.kill();
    const next = await site.start();
    if (errors === 'once') {
      await receiver.until('the last stop', () => count(receiver.accepted, 'on_sub_stop') === visits + 1);
      assertWhole(receiver);
    }
    await visit(own, next, 'again');
    await receiver.until('the next visit', () => receiver.accepted.some(({ body }) => body.includes('"again"')));
    await next.stop();
  });
}

/** Fails unless every session that started has stopped, once. */
function assertWhole({ accepted }: ChaosReceiver): void {
  const starts = firsts(accepted).filter(({ event }) => event === 'on_sub_start');
  const stops = firsts(accepted).filter(({ event }) => event === 'on_sub_stop');
  const ids = (of: typeof starts): string[] => of.map((each) => String(field(each, 'session_id'))).sort();
  assert.deepEqual(ids(stops), ids(starts));
}

interface Loss {
  readonly lose: (folder: string) => void;
  readonly mend: (folder: string) => void;
  /** What the log says of it. */
  readonly said: readonly RegExp[];
}

const RECORD_FAILS = /^a record failed; its stream goes on$/;
const SEGMENTS_ARE_LOST = /^HLS segments are lost/;
const OUTBOX_FAILS = /^the outbox’s database cannot be used: events go on from memory$/;

/** Of the folder in which records, HLS, outbox and log are. */
const LOSSES: Readonly<Record<string, Loss>> = {
  // what is open for writing goes on, the outbox and the log among it
  'turns read-only': {
    lose: (folder) => setMode(folder, 'a-w'),
    mend: (folder) => setMode(folder, 'u+w'),
    said: [RECORD_FAILS, SEGMENTS_ARE_LOST],
  },
  // the folders are made anew; whether a segment was being written then is chance
  'is deleted with all that is in it': {
    lose: (folder) => rmSync(folder, { recursive: true, maxRetries: 50 }),
    mend: () => {},
    said: [OUTBOX_FAILS],
  },
};

function setMode(folder: string, mode: string): void {
  execFileSync('chmod', ['-R', mode, folder]);
}

for (const [what, { lose, mend, said }] of Object.entries(LOSSES)) {
  test(`a folder in use that ${what}: media and callbacks go on, the loss is told, and records, HLS and outbox go on in it afterwards`, async (t) => {
    if (process.getuid?.() !== 0) return t.skip('to be another user takes root');
    const own = scoped(t);
    const receiver = await startReceiver(own);
    const parent = tempDir(own);
    chmodSync(parent, 0o777);
    const folder = join(parent, 'kept');
    const base = keepIn(folder);
    const millrace = base['millrace'] as { notify: Config; record: Config };
    const { server } = await startFaulty(
      own,
      {
        ...{ ...base, http_notify: receiver.config() },
        millrace: { ...millrace, notify: { ...millrace.notify, ...receiver.ownConfig() } },
      },
      { isNobody: true },
    );
    const publisher = publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
    const player = new HttpPlayer(own, server.url('http', 'live/tv.flv'));
    await poll(
      'two segments',
      () => segments(server),
      (total) => total >= 2,
    );
    lose(folder);
    const before = await segments(server);
    await visit(own, server, 'visited');
    await receiver.waitFor('on_sub_stop', { stream_name: 'visited' });
    for (const line of said) await server.log.waitFor(String(line), ({ msg }) => line.test(msg));
    await player.body(player.received + 100_000);

    mend(folder);
    await poll(
      'segments come on',
      () => segments(server),
      (total) => total >= before + 2,
    );
    await poll(
      'events are kept in the database',
      () => keptIn(server),
      (kept) => kept === 'ok',
    );
    assertSteadyTime(readFlv(player.bodyNow()), 100);
    const from = receiver.callbacks.all.length;
    await publisher.stop();
    publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
    const { body } = await receiver.waitFor('on_record_start', { stream_name: 'tv' }, from);
    assert.ok(existsSync(String(body['path'])));
    assert.ok(existsSync(join(folder, 'outbox.db')));
  });
}

test('a file of the log, HLS or record that is deleted by itself harms nobody', async (t) => {
  const own = scoped(t);
  const receiver = await startReceiver(own);
  const folder = tempDir(own);
  const base = keepIn(folder);
  const millrace = base['millrace'] as { notify: Config; record: Config };
  const { server } = await startFaulty(own, {
    ...{ ...base, http_notify: receiver.config() },
    millrace: { ...millrace, notify: { ...millrace.notify, ...receiver.ownConfig() } },
  });
  publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
  await poll(
    'two segments',
    () => segments(server),
    (total) => total >= 2,
  );
  const { body, index } = await receiver.waitFor('on_record_start', { stream_name: 'tv' });
  for (const file of [...listed(join(folder, 'hls/tv')), join(folder, 'logs/server.log'), String(body['path'])])
    rmSync(file);
  const before = await segments(server);
  const stop = await receiver.waitFor('on_record_stop', { stream_name: 'tv' }, index);
  assert.equal(stop.body['reason'], 'split');
  await poll(
    'segments come on',
    () => segments(server),
    (total) => total >= before + 2,
  );
  assert.deepEqual(
    server.log.all.filter(({ level }) => level === 'error'),
    [],
  );
});

function listed(folder: string): string[] {
  return readdirSync(folder).map((name) => join(folder, name));
}
