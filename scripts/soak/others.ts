/** Those who neither bring nor watch a stream in a soak: callers of the API, and peers without manners. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { type Activity, drop, isHeads, type Soaked, stay, streamOf } from './soaked.ts';

/** What monitoring and the console ask for. */
const PATHS = [
  '/api/stat/all_group',
  '/api/stat/lal_info',
  '/api/stat/group?stream_name=a',
  '/api/server/info',
  '/api/server/reload',
  '/api/notify/status',
  '/api/notify/events?order=desc&limit=20',
  '/api/record/list',
  '/api/openapi.json',
  '/metrics',
  '/healthz',
  '/readyz',
  '/',
  '/lal.html',
  '/api/no/such/thing',
] as const;
/** The beginning of a ClientHello. */
const HALF_HELLO = Buffer.from('1603010200010001fc0303', 'hex');
const HALVES = [
  // RTMP's C0 and half of C1
  Buffer.alloc(700, 3),
  Buffer.from('GET /live/a.flv HT'),
  Buffer.from('POST /api/stat/group HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n{"stream'),
  Buffer.from('ANNOUNCE rtsp://h/a RTSP/1.0\r\nContent-Length: 900\r\n\r\nv=0'),
  HALF_HELLO,
  Buffer.alloc(0),
] as const;
const LISTENERS = ['rtmp', 'rtmps', 'http', 'https', 'rtsp', 'rtsps', 'ws-rtsp', 'api'] as const;

/** Asks, takes the whole answer, and says what is not as it should be. */
export const askApi: Activity = async (soaked) => {
  const { random, site } = soaked;
  for (let asked = 0; asked < 5; asked++) {
    const path = random.pick(PATHS);
    const answer = await fetch(`http://127.0.0.1:${site.watched.server.port('api')}${path}`);
    await answer.arrayBuffer();
    if (answer.status !== 200 && path !== '/api/no/such/thing') throw new Error(`${path} answered ${answer.status}`);
  }
};

/** Follows the events for a while, from anywhere in the past. */
export const followEvents: Activity = async (soaked) => {
  const giveUp = new AbortController();
  const since = soaked.random.between(0, 50);
  const url = `http://127.0.0.1:${soaked.site.watched.server.port('api')}/api/notify/stream?since=${since}`;
  const followed = fetch(url, { signal: giveUp.signal }).then((answer) => answer.text());
  await Promise.race([followed.catch(() => {}), stay(soaked)]);
  giveUp.abort();
};

/** Whoever happens to be first in a group. */
export const kick: Activity = async ({ site, random }) => {
  const { server } = site.watched;
  const { data } = await server.api('/api/stat/all_group');
  const groups = (data?.['groups'] ?? []) as {
    readonly stream_name: string;
    readonly pub: { readonly session_id: string };
    readonly pull: { readonly session_id: string };
    readonly subs: readonly { readonly session_id: string }[];
    readonly pushs: readonly { readonly session_id: string }[];
  }[];
  const sessions = groups.flatMap(({ stream_name, pub, pull, subs, pushs }) =>
    [pub, pull, ...subs, ...pushs].map(({ session_id }) => ({ stream_name, session_id })),
  );
  const real = sessions.filter(({ session_id }) => session_id !== '');
  const picked = real[random.between(0, real.length - 1)];
  if (picked !== undefined) await server.api('/api/ctrl/kick_session', picked);
};

export const record: Activity = async (soaked) => {
  const { server } = soaked.site.watched;
  const stream_name = streamOf(soaked);
  const format = soaked.random.pick(['flv', 'ts', 'mp4']);
  await server.api('/api/record/start', { stream_name, format });
  await stay(soaked);
  // else the publication's end ends it
  if (isHeads(soaked)) await server.api('/api/record/stop', { stream_name, format });
};

/** Comes from an address of its own, says half of what a protocol begins with, and waits; some are blocked meanwhile. */
export const babble: Activity = async (soaked) => {
  const { site, random } = soaked;
  const { server } = site.watched;
  const localAddress = `127.0.${random.between(1, 250)}.${random.between(1, 250)}`;
  if (random.between(1, 4) === 1) await block(soaked, localAddress);
  const socket = connect({ host: '127.0.0.1', port: server.port(random.pick(LISTENERS)), localAddress });
  socket.on('error', () => {});
  socket.resume();
  socket.write(random.pick(HALVES));
  // longer than the time that a handshake may take, or not
  await Promise.race([once(socket, 'close').catch(() => {}), after(random.between(0, 5000))]);
  drop(socket, isHeads(soaked));
};

async function block({ site }: Soaked, ip: string): Promise<void> {
  await site.watched.server.api('/api/ctrl/add_ip_blacklist', { ip, duration_sec: 1 });
}
