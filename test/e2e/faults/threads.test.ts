/** Threads that die under a running server: of an error, and of memory; player threads and the outbox's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFaulty } from '../../support/faults.ts';
import { publish } from '../../support/ffmpeg.ts';
import { assertSteadyTime, readFlv } from '../../support/flv.ts';
import { HttpPlayer } from '../../support/http.ts';
import { startReceiver } from '../../support/receiver.ts';
import { OrderedScope } from '../../support/temp-dir.ts';
import { poll } from '../../support/wait-for.ts';

/** The kernel deals connections out by their ports: of so many, none on one of two threads happens once in a million runs. */
const MANY = 20;
/** Each thread may have so much for what lives long. MB. */
const HEAP = ['--max-old-space-size=160'];

for (const kind of ['throw', 'memory'] as const) {
  const cause = kind === 'throw' ? 'an error that nothing catches' : 'all its memory used';
  test(`a player thread that ends by ${cause}: its sessions have their stops, the others’ go on, and another thread serves`, async (t) => {
    const own = new OrderedScope();
    t.after(() => own.end());
    const receiver = await startReceiver(own);
    const { server, cause: happen } = await startFaulty(
      own,
      { http_notify: receiver.config(), httpflv: { gop_num: 1 }, millrace: { threads: 2 } },
      { nodeArgs: HEAP },
    );
    for (let i = 0; i < 4; i++) publish(own, server.url('rtmp', `live/s${i}`), 'h264-640x360');
    const players = Array.from(
      { length: MANY },
      (_, i) => new HttpPlayer(own, server.url('http', `live/s${i % 4}.flv`)),
    );
    await Promise.all(players.map((player) => player.body(10_000)));

    happen({ kind, thread: 'players 1', message: 'lost its head' });
    await server.log.waitFor('the death', ({ level, thread }) => level === 'error' && thread === 'players 1');
    await server.log.waitFor('its successor', ({ msg }) => msg === 'a player thread serves again');
    const stopsOf = (): string[] =>
      receiver.callbacks.all
        .filter(({ event, headers }) => event.endsWith('_stop') && headers['millrace-reason'] === 'server crashed')
        .map(({ body }) => String(body['session_id']));
    const alive = await poll(
      'those of the thread have their stops, those of the other are there',
      async () => {
        const { data } = await server.api('/api/stat/all_group');
        const groups = data?.['groups'] as { pub: { session_id: string }; subs: { session_id: string }[] }[];
        return groups.flatMap(({ pub, subs }) => [pub.session_id, ...subs.map(({ session_id }) => session_id)]);
      },
      (ids) => new Set([...ids.filter((id) => id !== ''), ...stopsOf()]).size >= MANY + 4 && stopsOf().length > 0,
    );
    assert.ok(alive.every((id) => !stopsOf().includes(id)));
    assert.equal(new Set(stopsOf()).size, stopsOf().length, 'a stop came twice');
    // publishers of the dead thread come back, as encoders do; here others do
    publish(own, server.url('rtmp', 'live/new'), 'h264-640x360');
    const newcomers = Array.from({ length: MANY }, () => new HttpPlayer(own, server.url('http', 'live/new.flv')));
    for (const player of newcomers) assertSteadyTime(readFlv(await player.body(20_000)), 2500);
  });

  test(`the outbox’s thread that ends by ${cause} is started anew, and every event is delivered`, async (t) => {
    const own = new OrderedScope();
    t.after(() => own.end());
    const receiver = await startReceiver(own);
    const { server, cause: happen } = await startFaulty(own, { http_notify: receiver.config() }, { nodeArgs: HEAP });
    publish(own, server.url('rtmp', 'live/tv'), 'h264-640x360');
    const player = new HttpPlayer(own, server.url('http', 'live/tv.flv'));
    await player.body(1000);
    happen({ kind, thread: 'outbox', message: 'lost its head' });
    await server.log.waitFor('the death', ({ level, code }) => level === 'error' && code === 'dead');
    for (let i = 0; i < MANY; i++) {
      const visitor = new HttpPlayer(own, server.url('http', `live/v${i}.flv`));
      await visitor.head();
      visitor.leave();
    }
    for (let i = 0; i < MANY; i++) await receiver.waitFor('on_sub_stop', { stream_name: `v${i}` });
    await poll(
      'the database is in use again',
      async () => (await server.api('/api/notify/status')).data?.['database'],
      (kept) => kept === 'ok',
    );
    assertSteadyTime(readFlv(await player.body(player.received + 50_000)), 100);
  });
}
