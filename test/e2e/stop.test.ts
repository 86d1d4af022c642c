/** How the server ends: every session closed and its stop delivered, exit code 0; at once where it is asked twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeLines, publish } from '../support/ffmpeg.ts';
import { HttpPlayer, WebSocketPlayer } from '../support/http.ts';
import { startServer } from '../support/millrace.ts';
import { startReceiver } from '../support/receiver.ts';
import { withPatience } from '../support/wait-for.ts';

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} closes every session, delivers its stop, and exits with 0`, async (t) => {
    const receiver = await startReceiver(t);
    const server = await startServer(t, {
      httpflv: { gop_num: 1 },
      httpts: { gop_num: 1 },
      http_notify: receiver.config(),
    });
    const publisher = publish(t, server.url('rtmp', 'live/end'), 'h264-aac');
    await receiver.waitFor('on_pub_start', { stream_name: 'end' });
    const players = {
      FLV: new HttpPlayer(t, server.url('http', 'live/end.flv')),
      TS: new HttpPlayer(t, server.url('http', 'live/end.ts')),
    };
    const webSocket = new WebSocketPlayer(t, server.url('ws', 'live/other.flv'));
    const waiting = new HttpPlayer(t, server.url('http', 'live/nobody.flv'));
    await Promise.all([players.FLV.body(200_000), players.TS.body(200_000), webSocket.body(9), waiting.body(13)]);

    server.signal(signal);
    await Promise.all([players.FLV.closed(), players.TS.closed(), waiting.closed()]);
    assert.equal(await webSocket.closed(), 1001);
    const { code, stderr } = await withPatience(server.finished, () => 'the server did not end');
    assert.deepEqual([code, stderr], [0, ''], server.logText());
    assert.notEqual((await publisher.finished).code, 0);

    for (const [protocol, player] of Object.entries(players)) {
      const stop = await receiver.waitFor('on_sub_stop', { stream_name: 'end', protocol });
      assert.equal(stop.body['wrote_bytes_sum'], player.received, protocol);
    }
    const events = receiver.callbacks.all.map(({ event }) => event);
    const count = (name: string): number => events.filter((event) => event === name).length;
    assert.deepEqual(
      ['on_pub_start', 'on_pub_stop', 'on_sub_start', 'on_sub_stop'].map(count),
      [1, 1, 4, 4],
      events.join(' '),
    );
  });
}

test('the stop waits for a receiver that refuses at first', async (t) => {
  const receiver = await startReceiver(t);
  let refusals = 0;
  receiver.answer = ({ event }) => (event === 'on_pub_stop' && ++refusals <= 2 ? 503 : 200);
  const server = await startServer(t, { http_notify: receiver.config() });
  publish(t, server.url('rtmp', 'live/slow'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'slow' });
  await server.stop();
  const stops = receiver.callbacks.all.filter(({ event }) => event === 'on_pub_stop');
  assert.equal(stops.length, 3);
});

test('a second signal ends the server at once', async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = ({ event }) => (event === 'on_pub_stop' ? 'hang' : 200);
  const server = await startServer(t, { http_notify: receiver.config() });
  t.after(() => server.kill());
  publish(t, server.url('rtmp', 'live/twice'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'twice' });
  server.signal('SIGTERM');
  // the receiver keeps it waiting: only the second signal can end it now
  await receiver.waitFor('on_pub_stop', { stream_name: 'twice' });
  server.signal('SIGTERM');
  const { code, signal } = await withPatience(server.finished, () => 'the second signal did not end the server');
  assert.ok(code !== 0 || signal !== null);
  await server.kill();
});

test('while the server stops nobody is let in', async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer = ({ event }) => (event === 'on_pub_stop' ? 'hang' : 200);
  const server = await startServer(t, { http_notify: receiver.config() });
  t.after(() => server.kill());
  publish(t, server.url('rtmp', 'live/closing'), 'h264-640x360');
  await receiver.waitFor('on_pub_start', { stream_name: 'closing' });
  server.signal('SIGTERM');
  await receiver.waitFor('on_pub_stop', { stream_name: 'closing' });
  await assert.rejects(fetch(server.url('http', 'live/closing.flv')));
  await assert.rejects(probeLines(t, server.url('rtmp', 'live/closing')), /Connection refused/);
  await server.kill();
});
