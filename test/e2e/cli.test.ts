/** The command line beside the server: check, version, help, a receiver of callbacks, and playing dumps back. */
import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { VERSION } from '../../src/ops/version.ts';
import { decodeStrict, probeLines, publish } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startProcess, startServer, writeConfig } from '../support/millrace.ts';
import type { Finished } from '../support/process.ts';
import { film, startCamera } from '../support/ps.ts';
import { EVENTS } from '../support/receiver.ts';
import { type Scope, tempDir } from '../support/temp-dir.ts';
import { Arrivals, poll, withPatience } from '../support/wait-for.ts';

const SECRET = 'whsec_bWlsbHJhY2UtbWlsbHJhY2UtbWlsbHJhY2U=';

/** A command that runs to its end. */
function ended(t: Scope, ...args: string[]): Promise<Finished> {
  return withPatience(startProcess(t, args).finished, () => `millrace ${args.join(' ')} did not end`);
}

/** A command that goes on until it is told to end, which is to be no fault. */
function running(t: Scope, ...args: string[]): { lines: Arrivals<string>; end(): Promise<Finished> } {
  const { child, finished } = startProcess(t, args);
  const lines = new Arrivals<string>((line) => line);
  assert.ok(child.stdout);
  createInterface({ input: child.stdout }).on('line', (line) => lines.add(line));
  return {
    lines,
    end: async () => {
      child.kill('SIGTERM');
      const result = await withPatience(finished, () => `millrace ${args.join(' ')} did not end`);
      assert.deepEqual([result.code, result.stderr], [0, '']);
      return result;
    },
  };
}

async function listening({ lines }: { lines: Arrivals<string> }): Promise<number> {
  const line = await lines.waitFor('listening', (each) => each.startsWith('listening'));
  return Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
}

async function untilPublished(server: Millrace, name: string, codec = 'H264'): Promise<void> {
  const ask = async () => (await server.api(`/api/stat/group?stream_name=${name}`)).data?.['video_codec'];
  await poll(`${name} is published`, ask, (found) => found === codec);
}

test('check says what it thinks of the configuration, starts nothing and makes no file', async (t) => {
  const empty = tempDir(t);
  const fine = await ended(t, 'check', '-c', writeConfig(t), '-p', empty);
  assert.equal(fine.code, 0, fine.stderr);
  assert.deepEqual(readdirSync(empty), []);
  assert.match(fine.stdout.toString(), /^\/.*\/millrace\.conf\.json can be used\n {2}off, because/);
  const odd = await ended(t, 'check', '-c', writeConfig(t, { rtmp: { gop_numb: 3 } }));
  assert.equal(odd.code, 0);
  assert.match(odd.stdout.toString(), /gop_numb.*rtmp\.gop_num\b/);
  const dir = tempDir(t);
  writeFileSync(join(dir, 'lalserver.conf.json'), '{"rtmp":{"enable":"yes"},"log":{"level":9}}');
  const wrong = await ended(t, 'check', '-p', dir);
  assert.equal(wrong.code, 1);
  assert.equal(wrong.stdout.length, 0);
  assert.match(wrong.stderr, /cannot be used:\n {2}rtmp\.enable: .*\n {2}log\.level: .*\n$/);
});

test('version and help', async (t) => {
  for (const flag of ['-v', '--version']) assert.equal((await ended(t, flag)).stdout.toString(), `${VERSION}\n`);
  for (const flag of ['-h', '--help']) assert.match((await ended(t, flag)).stdout.toString(), /millrace receive/);
  for (const command of ['receive', 'replay']) {
    const { code, stdout } = await ended(t, command, '--help');
    assert.equal(code, 0);
    assert.match(stdout.toString(), new RegExp(`millrace ${command} `));
  }
  const { code, stderr } = await ended(t, 'recieve');
  assert.equal(code, 1);
  assert.match(stderr, /recieve/);
  const noPort = await ended(t, 'receive');
  assert.deepEqual(
    [noPort.code, noPort.stderr],
    [1, 'millrace receive: --port: found nothing, allowed: a port, 0 for any\n'],
  );
});

test('receive shows the events of a server, and checks their signatures', async (t) => {
  const right = running(t, 'receive', '--port', '0', '--secret', SECRET);
  const base = `http://127.0.0.1:${await listening(right)}`;
  const urls = Object.fromEntries(EVENTS.map((event) => [event, `${base}/${event}`]));
  const server = await startServer(t, {
    http_notify: { enable: true, update_interval_sec: 0, ...urls },
    millrace: { notify: { signing_secrets: [SECRET] } },
  });
  const publisher = publish(t, server.url('rtmp', 'live/shown'), 'h264-640x360');
  const line = await right.lines.waitFor('on_pub_start', (each) => /^\d.* on_pub_start /.test(each));
  assert.match(line, /on_pub_start +shown {2}RTMPPUBSUB1 {2}127\.0\.0\.1:\d+ {2}\(signature right\)$/);
  await right.lines.waitFor('its body', (each) => each.includes(`url: '${server.url('rtmp', 'live/shown')}'`));
  await publisher.stop();
  await right.lines.waitFor('on_pub_stop', (each) => /on_pub_stop .*\(peer closed, signature right\)$/.test(each));
  await server.stop();
  await right.end();
});

test('receive with another secret refuses, and says so', async (t) => {
  const wrong = running(t, 'receive', '--port', '0', '--secret', 'whsec_YW5vdGhlci1hbm90aGVyLWFub3RoZXItYW5v');
  const url = `http://127.0.0.1:${await listening(wrong)}/on_server_start`;
  const server = await startServer(t, {
    http_notify: { enable: true, on_server_start: url },
    millrace: { notify: { signing_secrets: [SECRET] } },
  });
  await wrong.lines.waitFor('a wrong signature', (line) => /on_server_start.*SIGNATURE WRONG/.test(line));
  const refused = async () => (await server.api('/api/notify/status')).data?.['receivers'] as { refused: number }[];
  await poll('the event is refused', refused, ([receiver]) => receiver?.refused === 1);
  await wrong.end();
});

for (const scheme of ['rtmp', 'rtsp'] as const) {
  test(`replay: a pull by ${scheme.toUpperCase()} that was dumped can be pulled again, as often as one likes`, async (t) => {
    const listeners = { ...GOPS_CACHED, rtsp: { enable: true, addr: '127.0.0.1:0' } };
    const origin = await startServer(t, listeners);
    const edge = await startServer(t, listeners);
    publish(t, origin.url('rtmp', 'live/cam'), 'h264-640x360');
    await untilPublished(origin, 'cam');
    const dump = join(tempDir(t), 'pull.dump');
    const first = { url: origin.url(scheme, 'live/cam'), stream_name: 'first', debug_dump_packet: dump };
    assert.equal((await edge.api('/api/ctrl/start_relay_pull', first)).error_code, 0);
    await untilPublished(edge, 'first');
    await poll(
      'the dump is long enough',
      async () => statSync(dump).size,
      (bytes) => bytes > 1_000_000,
    );
    await edge.api('/api/ctrl/stop_relay_pull?stream_name=first');
    await origin.stop();

    const replay = running(t, 'replay', dump, '--port', '0');
    const port = await listening(replay);
    for (const stream_name of ['again', 'and-again']) {
      const url = `${scheme}://127.0.0.1:${port}/live/cam`;
      const began = await edge.api('/api/ctrl/start_relay_pull', { url, stream_name, pull_retry_num: 0 });
      assert.equal(began.error_code, 0);
      await untilPublished(edge, stream_name);
      const played = edge.url('http', `live/${stream_name}.flv`);
      assert.deepEqual(await probeLines(t, played), ['h264 640x360', 'aac 48000']);
      await decodeStrict(t, played, 2);
      await edge.api(`/api/ctrl/stop_relay_pull?stream_name=${stream_name}`);
      await replay.lines.waitFor(`${stream_name} has left`, (line) => / left | was sent all /.test(line));
    }
    await replay.end();
  });
}

test('replay: the datagrams of a camera', async (t) => {
  const server = await startServer(t, GOPS_CACHED);
  const dump = join(tempDir(t), 'camera.dump');
  const open = async (stream_name: string, more = {}): Promise<number> => {
    const { data } = await server.api('/api/ctrl/start_rtp_pub', { stream_name, ...more });
    return Number(data?.['port']);
  };
  const camera = await startCamera(t, await open('film', { debug_dump_packet: dump }), film('h264', 'aac', 8), {
    transport: 'udp',
  });
  await untilPublished(server, 'film');
  await poll(
    'the dump is long enough',
    async () => statSync(dump).size,
    (bytes) => bytes > 300_000,
  );
  camera.stop();
  const port = await open('again');
  // there before the first packet: a replay is over after some seconds, however slow this machine is
  const player = new HttpPlayer(t, server.url('http', 'live/again.flv'));
  const replay = running(t, 'replay', dump, '--udp', `127.0.0.1:${port}`);
  await replay.lines.waitFor('all is sent', (line) => /^sent \d+ packets, \d+ bytes$/.test(line));
  const { data } = await server.api('/api/stat/group', { stream_name: 'again' });
  const [sub] = (data?.['subs'] ?? []) as { session_id: string }[];
  await server.api('/api/ctrl/kick_session', { stream_name: 'again', session_id: sub?.session_id });
  await player.closed();
  const played = player.bodyNow();
  assert.deepEqual(await probeLines(t, played), ['h264 320x240', 'aac 48000']);
  await decodeStrict(t, played);
});
