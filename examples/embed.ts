/**
 * A server in this program, which decides who is let in and hears of everything that happens.
 *
 *     node examples/embed.ts [RTMP_PORT [HTTP_PORT]]
 *     ffmpeg -re -i FILE -c copy -f flv 'rtmp://127.0.0.1:1935/live/test?key=anna-1'
 *     ffplay 'http://127.0.0.1:8080/live/anna.flv'
 */
import { createServer, type ServerEvent } from 'millrace';

const [rtmpPort = '1935', httpPort = '8080'] = process.argv.slice(2);
const USERS = new Map([
  ['anna-1', 'anna'],
  ['ben-2', 'ben'],
]);

const server = createServer({
  config: {
    server_id: 'embedded',
    rtmp: { enable: true, addr: `127.0.0.1:${rtmpPort}`, gop_num: 1 },
    default_http: { http_listen_addr: `127.0.0.1:${httpPort}` },
    httpflv: { enable: true, gop_num: 1 },
  },
  admission: {
    // might as well ask a database: the publisher waits meanwhile
    publish: async ({ urlParam }) => {
      const user = USERS.get(new URLSearchParams(urlParam).get('key') ?? '');
      if (user === undefined) return { ok: false, reason: 'the key is not known' };
      // whatever the URL says, it is the user's own stream, for an hour at most
      return { ok: true, streamName: user, lifetimeSec: 3600 };
    },
    play: ({ remoteAddr }) => remoteAddr.startsWith('127.0.0.1:'),
  },
  onEvent: (event) => console.log(describe(event)),
});

function describe(event: ServerEvent): string {
  switch (event.event) {
    case 'on_pub_start':
    case 'on_sub_start':
      return `${event.event}: ${event.body.session_id} on ${event.streamName}`;
    case 'on_pub_stop':
    case 'on_sub_stop': {
      const { session_id, read_bytes_sum, wrote_bytes_sum } = event.body;
      return `${event.event}: ${session_id} (${event.reason}), ${read_bytes_sum} bytes in, ${wrote_bytes_sum} bytes out`;
    }
    case 'on_update':
      return `${event.event}: ${event.body.groups.length} streams`;
    default:
      return event.event;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.stop());
await server.start();
console.log(`publish to rtmp://127.0.0.1:${server.port('rtmp')}/live/test?key=anna-1`);
console.log(`play http://127.0.0.1:${server.port('http')}/live/anna.flv`);
