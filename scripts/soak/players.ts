/** Those who watch in a soak, by every protocol: some leave in order, some vanish, stall, or are not let in. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { TestClient as RtmpTestClient } from '../../src/protocols/rtmp/client.fixture.ts';
import { TestClient as RtspTestClient } from '../../src/protocols/rtsp/client.fixture.ts';
import { HttpPlayer } from '../../test/support/http.ts';
import type { Millrace } from '../../test/support/millrace.ts';
import { start } from '../../test/support/process.ts';
import type { Guest } from './guests.ts';
import { ORIGIN_STREAM, REFUSED_PARAM, SECRET, UNANSWERED_PARAM } from './site.ts';
import { type Activity, drop, isHeads, scoped, stay, streamOf } from './soaked.ts';

/** A playlist is asked for so often by one viewer. */
const PLAYLISTS = 6;
const PLAYLIST_MS = 400;
/** Requests that wait for what is not there yet are given up after this time. Milliseconds. */
const GIVE_UP_MS = 1500;

type Scheme = Parameters<Millrace['url']>[0];

/** ffmpeg, which decodes nothing; it is asked to end, or killed. */
export function playByFfmpeg(scheme: Scheme, args: readonly string[] = []): Activity {
  return (soaked) =>
    scoped(async (scope) => {
      const { query } = soaked.guests.come('SUB');
      const url = soaked.site.watched.server.url(scheme, `live/${streamOf(soaked)}?${query}`);
      const command = ['-v', 'quiet', ...args, '-i', url, '-c', 'copy', '-f', 'null', '-'];
      const { child, finished } = start(scope, 'ffmpeg', command);
      await Promise.race([stay(soaked), finished]);
      if (isHeads(soaked)) return;
      child.kill('SIGINT');
      // one that waits for a stream does not listen
      await Promise.race([finished, after(2000)]);
    });
}

/** HTTP-FLV or HTTP-TS, plain or over TLS, left in the middle. */
export const playHttp: Activity = (soaked) =>
  scoped(async (scope) => {
    const { site, guests } = soaked;
    const isTs = isHeads(soaked);
    const guest = guests.come('SUB', isTs ? `lal_secret=${SECRET}` : '');
    const path = `live/${streamOf(soaked)}.${isTs ? 'ts' : 'flv'}?${guest.query}`;
    const isTls = !isTs && isHeads(soaked);
    const player = new HttpPlayer(scope, site.watched.server.url(isTls ? 'https' : 'http', path));
    await stay(soaked);
    await noteHttp(guest, player);
    player.leave();
  });

/** Of a stream that is pulled because of it. */
export const playOnDemand: Activity = (soaked) =>
  scoped(async (scope) => {
    const guest = soaked.guests.come('SUB');
    const url = soaked.site.watched.server.url('http', `live/${ORIGIN_STREAM}.flv?${guest.query}`);
    const player = new HttpPlayer(scope, url);
    await stay(soaked);
    await noteHttp(guest, player);
    player.leave();
  });

/** Without the secret, or against the decision callback's will, or without any decision at all. */
export const playRefused: Activity = (soaked) =>
  scoped(async (scope) => {
    const { site, guests, random } = soaked;
    const more = random.pick(['', REFUSED_PARAM, UNANSWERED_PARAM]);
    // without a secret
    const ending = more === '' ? 'ts' : 'flv';
    const guest = guests.come('SUB', more);
    guest.fate = 'refused';
    const player = new HttpPlayer(
      scope,
      site.watched.server.url('http', `live/${streamOf(soaked)}.${ending}?${guest.query}`),
    );
    // one in two does not wait for the answer
    await Promise.race([player.closed(), ...(isHeads(soaked) ? [after(random.between(0, 500))] : [])]);
  });

export const playWebSocket: Activity = async (soaked) => {
  const guest = soaked.guests.come('SUB');
  const isTls = isHeads(soaked);
  const url = soaked.site.watched.server.url(isTls ? 'wss' : 'ws', `live/${streamOf(soaked)}.flv?${guest.query}`);
  const socket = new WebSocket(url, { rejectUnauthorized: false });
  let received = 0;
  socket.on('message', (data: Buffer) => {
    received += data.length;
  });
  socket.on('error', () => {});
  await stay(soaked);
  note(guest, received);
  if (isHeads(soaked)) socket.close();
  // also where the server does not answer the close
  socket.terminate();
};

/** Over WebSocket, in few words. */
export const playRtspWebSocket: Activity = async (soaked) => {
  const { query } = soaked.guests.come('SUB');
  const port = soaked.site.watched.server.port('ws-rtsp');
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'rtsp');
  const isOver = Promise.race([once(socket, 'close').catch(() => {}), stay(soaked)]);
  const url = `rtsp://127.0.0.1:${port}/live/${streamOf(soaked)}`;
  const transport = 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n';
  const requests = [
    () => `DESCRIBE ${url}?${query} RTSP/1.0\r\nCSeq: 1\r\n\r\n`,
    () => `SETUP ${url}/trackID=0?${query} RTSP/1.0\r\nCSeq: 2\r\n${transport}\r\n`,
    (session: string) => `PLAY ${url}?${query} RTSP/1.0\r\nCSeq: 3\r\nSession: ${session}\r\n\r\n`,
  ];
  let session = '';
  const next = (): void => {
    const request = requests.shift();
    if (request !== undefined) socket.send(request(session));
  };
  socket.on('error', () => {});
  socket.on('open', next);
  socket.on('message', (data: Buffer) => {
    const text = data.toString('latin1');
    if (!text.startsWith('RTSP/1.0')) return;
    // a SETUP after a refused DESCRIBE would begin another session
    if (!text.startsWith('RTSP/1.0 200')) return socket.close();
    session = /Session: ([^;\r]+)/.exec(text)?.[1] ?? session;
    next();
  });
  await isOver;
  socket.terminate();
};

/** HLS as a player has it: the playlist again and again, and the newest segment in it. */
export const playHls: Activity = async (soaked) => {
  const guest = soaked.guests.come('SUB');
  let url = soaked.site.watched.server.url('http', `hls/${streamOf(soaked)}.m3u8?${guest.query}`);
  for (let asked = 0; asked < PLAYLISTS; asked++) {
    const playlist = await take(guest, url);
    if (playlist === null) return;
    // the session's own from now on
    url = playlist.url;
    const segment = playlist.text.match(/^[^#\n]+$/gm)?.at(-1);
    if (segment !== undefined) await take(guest, new URL(segment, url).href);
    await after(PLAYLIST_MS);
  }
};

/** Low latency: asks for the part that does not exist yet, and sometimes does not wait for it. */
export const playLowLatencyHls: Activity = async (soaked) => {
  const guest = soaked.guests.come('SUB');
  let url = soaked.site.watched.server.url('http', `hls/${streamOf(soaked)}/ll.m3u8?${guest.query}`);
  for (let asked = 0; asked < PLAYLISTS; asked++) {
    const playlist = await take(guest, url);
    if (playlist === null) return;
    const waited = new URL(playlist.url);
    const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist.text)?.[1] ?? 0);
    const segments = playlist.text.match(/#EXTINF/g)?.length ?? 0;
    waited.searchParams.set('_HLS_msn', String(first + segments));
    waited.searchParams.set('_HLS_part', String(soaked.random.between(0, 3)));
    url = waited.href;
    const part = /#EXT-X-PART:.*URI="([^"]+)"/.exec(playlist.text)?.[1];
    if (part !== undefined) await take(guest, new URL(part, url).href);
  }
};

async function take(guest: Guest, url: string): Promise<{ readonly url: string; readonly text: string } | null> {
  try {
    const headers = { 'Accept-Encoding': 'identity' };
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(GIVE_UP_MS) });
    const body = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) return null;
    guest.fate = 'in';
    guest.received += body.length;
    return { url: answer.url, text: body.toString('latin1') };
  } catch {
    return null;
  }
}

/** Asks for a stream over HTTP, RTMP or RTSP, reads nothing or all of it, and goes without a word. */
export const playRudely: Activity = async (soaked) => {
  const { site, guests, random } = soaked;
  const { server } = site.watched;
  const { query } = guests.come('SUB');
  const stream = streamOf(soaked);
  const open = random.pick([
    async () => {
      const socket = connect(server.port('http'), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`GET /live/${stream}.flv?${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return socket;
    },
    async () => {
      const client = await RtmpTestClient.open(server.port('rtmp'));
      await client.connectApp('live');
      client.call('play', 4, `${stream}?${query}`);
      return client.socket;
    },
    async () => {
      const client = await RtspTestClient.open(server.port('rtsp'));
      const url = server.url('rtsp', `live/${stream}?${query}`);
      await Promise.race([client.play(url).catch(() => {}), stay(soaked)]);
      return client.socket;
    },
  ] as const);
  const socket = await open();
  if (isHeads(soaked)) socket.pause();
  else socket.resume();
  await stay(soaked);
  drop(socket, isHeads(soaked));
};

/** What a player knows when it leaves. The server counts its answer's head, and frames of WebSocket, as well. */
function note(guest: Guest, received: number): void {
  if (received === 0) return;
  guest.fate = 'in';
  guest.received = received;
}

/** Likewise; one that was refused had an answer, too. */
async function noteHttp(guest: Guest, player: HttpPlayer): Promise<void> {
  if (player.received === 0) return;
  const head = await player.head().catch(() => null);
  if (head?.status === 200) note(guest, player.received);
}
