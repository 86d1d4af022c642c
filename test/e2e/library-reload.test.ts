/** Another configuration, and the end by a drain, for a server in a program's own process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { ConfigError, type ConfigFile, createServer, type MillraceServer, type ServerEvent } from '../../src/index.ts';
import { publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { writeConfig } from '../support/millrace.ts';
import { tempDir } from '../support/temp-dir.ts';
import { Arrivals, poll } from '../support/wait-for.ts';

const LOCAL: ConfigFile = {
  rtmp: { enable: true, addr: '127.0.0.1:0' },
  httpflv: { enable: true, http_listen_addr: '127.0.0.1:0', gop_num: 1 },
  http_api: { enable: true, addr: '127.0.0.1:0' },
};

async function open(t: TestContext, config: ConfigFile | string) {
  const events = new Arrivals<ServerEvent>(({ event }) => event);
  const asked: string[] = [];
  const server = createServer({
    config,
    onEvent: (event) => events.add(event),
    admission: {
      play: ({ urlParam }) => {
        asked.push(urlParam);
        return urlParam === 'slow' ? new Promise(() => {}) : true;
      },
    },
  });
  await server.start();
  t.after(() => server.stop());
  return { server, events, asked };
}

const urlOf = (server: MillraceServer, path: string): string => `http://127.0.0.1:${server.port('http')}/live/${path}`;

async function call(server: MillraceServer, path: string): Promise<{ error_code: number; data: unknown }> {
  const response = await fetch(`http://127.0.0.1:${server.port('api')}${path}`, { method: 'POST' });
  return (await response.json()) as { error_code: number; data: unknown };
}

test('reload: what counts, what needs a restart, and errors that change nothing', async (t) => {
  const { server } = await open(t, LOCAL);
  const receiver = createHttpServer((_request, response) => void response.writeHead(403).end());
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  t.after(() => receiver.close());
  const on_play = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const wanted: ConfigFile = { ...LOCAL, server_id: 'x', millrace: { admission: { on_play, timeout_ms: 200 } } };
  assert.deepEqual(server.reload(wanted), {
    applied: ['millrace.admission.on_play', 'millrace.admission.timeout_ms'],
    ...{ needsRestart: ['server_id'], certificates: [], problems: [] },
  });
  assert.equal((await fetch(urlOf(server, 'a.flv'))).status, 403);
  assert.throws(() => server.reload({ ...LOCAL, rtmp: { gop_num: -1 } }), ConfigError);
  assert.equal((await fetch(urlOf(server, 'a.flv'))).status, 403);
  // the functions' time is that of the configuration as well
  server.reload({ ...LOCAL, millrace: { admission: { timeout_ms: 200 } } });
  assert.equal((await fetch(urlOf(server, 'a.flv?slow'))).status, 403);
  // this configuration is no file that the API could read again
  assert.deepEqual((await call(server, '/api/server/reload')).data, {
    errors: ['the configuration was not read from a file'],
  });
  await server.stop();
  assert.throws(() => server.reload(LOCAL), /not running/);
});

test('a file is read again by the API', async (t) => {
  const file = writeConfig(t, { rtmp: { enable: false } });
  process.chdir(tempDir(t));
  const { server } = await open(t, file);
  copyFileSync(writeConfig(t, { rtmp: { enable: false, gop_num: 3 } }), file);
  const { error_code, data } = await call(server, '/api/server/reload');
  assert.deepEqual([error_code, data], [0, { applied: ['rtmp.gop_num'], needs_restart: [], certificates: [] }]);
});

test('drain: resolves when all have left and the server has stopped, by the function as by the API', async (t) => {
  for (const isByApi of [false, true]) {
    const { server, events, asked } = await open(t, LOCAL);
    const publisher = publish(t, `rtmp://127.0.0.1:${server.port('rtmp')}/live/d`, 'h264-640x360');
    const player = new HttpPlayer(t, urlOf(server, 'd.flv?here'));
    await player.body(50_000);
    if (isByApi) await call(server, '/api/server/drain');
    const drained = server.drain();
    assert.equal((await fetch(urlOf(server, 'd.flv?late'))).status, 503);
    assert.deepEqual(asked, ['here']);
    assert.deepEqual(await server.addPublisher({ streamName: 'own' }), {
      ok: false,
      reason: 'the server is draining: it takes no new sessions',
    });
    player.leave();
    await publisher.stop();
    await drained;
    assert.deepEqual(
      events.all
        .map(({ event }) => event)
        .filter((event) => event.endsWith('_stop'))
        .sort(),
      ['on_pub_stop', 'on_sub_stop'],
    );
    await assert.rejects(fetch(urlOf(server, 'd.flv')));
  }
});

test('drain: the time is over, or the program stops the server meanwhile', async (t) => {
  const { server } = await open(t, LOCAL);
  const player = new HttpPlayer(t, urlOf(server, 'nobody.flv'));
  await player.body(9);
  await server.drain({ timeoutMs: 10 });
  await player.closed();
  await assert.rejects(server.drain({ timeoutMs: -1 }), TypeError);
  await assert.rejects(server.drain(), /not running/);

  const other = await open(t, LOCAL);
  const waiting = new HttpPlayer(t, urlOf(other.server, 'nobody.flv'));
  await waiting.body(9);
  const drained = other.server.drain();
  await poll(
    'the drain',
    () => fetch(urlOf(other.server, 'x.flv')),
    ({ status }) => status === 503,
  );
  await other.server.stop();
  await drained;
});
