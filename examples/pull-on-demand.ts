/**
 * An edge: pulls a stream from its origin when the first player comes, and stops when the last one has left.
 *
 *     node examples/pull-on-demand.ts rtmp://ORIGIN:PORT [RTMP_PORT [HTTP_PORT]]
 *     ffplay http://127.0.0.1:8080/live/test.flv
 */
import { createServer, type ServerEvent } from 'millrace';

const [origin, rtmpPort = '1935', httpPort = '8080'] = process.argv.slice(2);
if (origin === undefined) throw new Error('usage: pull-on-demand.ts rtmp://ORIGIN:PORT [RTMP_PORT [HTTP_PORT]]');

const server = createServer({
  config: {
    rtmp: { enable: true, addr: `127.0.0.1:${rtmpPort}`, gop_num: 1 },
    default_http: { http_listen_addr: `127.0.0.1:${httpPort}` },
    httpflv: { enable: true, gop_num: 1 },
  },
  onEvent,
});

function onEvent(event: ServerEvent): void {
  if (event.event === 'on_sub_start' && !event.body.has_in_session) {
    const { app_name, stream_name } = event.body;
    const url = `${origin}/${app_name}/${stream_name}`;
    const started = server.ctrl.startRelayPull({ url, streamName: stream_name, pullRetryNum: -1 });
    console.log(started.ok ? `pulling ${url}` : `not pulled: ${started.reason}`);
  }
  if (event.event === 'on_sub_stop' && !event.body.has_out_session) {
    const sessionId = server.ctrl.stopRelayPull(event.streamName);
    if (sessionId !== null) console.log(`nobody watches ${event.streamName}: ${sessionId} stopped`);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.stop());
await server.start();
console.log(`play http://127.0.0.1:${server.port('http')}/live/test.flv`);
