/** What comes and goes in a soak: each activity is one peer, from its coming to its end. */
import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Random } from '../../test/fuzz/mutate.ts';
import { whole } from '../../test/fuzz/mutate.ts';
import { publish, type SourceName } from '../../test/support/ffmpeg.ts';
import { HttpPlayer } from '../../test/support/http.ts';
import type { Millrace } from '../../test/support/millrace.ts';
import { run, start } from '../../test/support/process.ts';
import { film, startCamera } from '../../test/support/ps.ts';
import { publishRtsp } from '../../test/support/rtsp.ts';
import { OrderedScope, type Scope } from '../../test/support/temp-dir.ts';

export interface Soaked {
  readonly server: Millrace;
  /** Another server, whose stream `origin` is always on. */
  readonly origin: Millrace;
  readonly random: Random;
}

export type Activity = (soaked: Soaked) => Promise<void>;

const STREAMS = ['a', 'b', 'c', 'd'];
const SOURCES: readonly SourceName[] = ['h264-640x360', 'h264-bframes-aac', 'aac-only', 'h264-only'];
/** How long a peer stays. Milliseconds. */
const LEAST_MS = 500;
const SPAN_MS = 6000;

function pick<T>(random: Random, things: readonly [T, ...T[]] | readonly T[], otherwise: T): T {
  return things[whole(random, things.length)] ?? otherwise;
}

const streamOf = (random: Random): string => pick(random, STREAMS, 'a');

function stay(random: Random): Promise<void> {
  return after(LEAST_MS + whole(random, SPAN_MS));
}

/** With a scope of its own, that ends whatever the peer started. */
async function scoped(work: (scope: Scope) => Promise<void>): Promise<void> {
  const scope = new OrderedScope();
  try {
    await work(scope);
  } finally {
    await scope.end();
  }
}

const publishRtmp: Activity = ({ server, random }) =>
  scoped(async (scope) => {
    const publisher = publish(scope, server.url('rtmp', `live/${streamOf(random)}`), pick(random, SOURCES, 'aac-only'));
    await Promise.race([stay(random), publisher.finished]);
    await (random() < 0.5 ? publisher.stop() : publisher.kill());
  });

const publishByRtsp: Activity = ({ server, random }) =>
  scoped(async (scope) => {
    const url = server.url('rtsp', `live/${streamOf(random)}`);
    const publisher = publishRtsp(scope, url, 'h264-640x360', random() < 0.5 ? 'tcp' : 'udp');
    await Promise.race([stay(random), publisher.finished]);
    if (random() < 0.5) await publisher.stop();
  });

const publishPs: Activity = ({ server, random }) =>
  scoped(async (scope) => {
    const transport = random() < 0.5 ? 'udp' : 'tcp';
    const stream_name = streamOf(random);
    const answer = await server.api('/api/ctrl/start_rtp_pub', {
      stream_name,
      port: 0,
      is_tcp_flag: transport === 'tcp' ? 1 : 0,
    });
    if (answer.error_code !== 0) return;
    const camera = await startCamera(scope, Number(answer.data?.['port']), film('h264', 'aac', 2), { transport });
    await stay(random);
    camera.stop();
    await server.api('/api/ctrl/kick_session', { stream_name, session_id: answer.data?.['session_id'] });
  });

/** A player by ffmpeg, that decodes nothing. */
function ffmpegPlays(url: (soaked: Soaked, stream: string) => string, args: readonly string[] = []): Activity {
  return (soaked) =>
    scoped(async (scope) => {
      const seconds = String(1 + whole(soaked.random, 6));
      const input = url(soaked, streamOf(soaked.random));
      const limit = after(15_000, undefined, { ref: false });
      await Promise.race([
        limit,
        run(scope, 'ffmpeg', ['-v', 'error', ...args, '-t', seconds, '-i', input, '-c', 'copy', '-f', 'null', '-']),
      ]);
    });
}

/** A player that leaves in the middle. */
const playHttp: Activity = ({ server, random }) =>
  scoped(async (scope) => {
    const player = new HttpPlayer(
      scope,
      server.url('http', `live/${streamOf(random)}.${random() < 0.5 ? 'flv' : 'ts'}`),
    );
    await stay(random);
    player.leave();
  });

const playWebSocket: Activity = async ({ server, random }) => {
  const socket = new WebSocket(server.url('ws', `live/${streamOf(random)}.flv`));
  socket.on('error', () => {});
  await stay(random);
  socket.terminate();
};

/** Asks for a stream and reads nothing. */
const stall: Activity = async ({ server, random }) => {
  const socket = connect(server.port('http'), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`GET /live/${streamOf(random)}.flv HTTP/1.1\r\nHost: a\r\n\r\n`);
  socket.pause();
  await stay(random);
  socket.resetAndDestroy();
};

/** Says half of what a protocol begins with, or nothing that any of them knows. */
const babble: Activity = async ({ server, random }) => {
  const port = server.port(pick(random, ['rtmp', 'http', 'rtsp', 'api'] as const, 'rtmp'));
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const said = [
    Buffer.alloc(700, 3),
    Buffer.from('GET /live/a.flv HT'),
    Buffer.from('ANNOUNCE rtsp://h/a RTSP/1.0\r\nContent-Length: 900\r\n\r\nv=0'),
  ];
  socket.write(pick(random, said, Buffer.alloc(1)));
  await stay(random);
  if (random() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
};

/** HLS as a player has it: the playlist again and again, and the segments in it. */
const playHls: Activity = async ({ server, random }) => {
  const stream = streamOf(random);
  const url = server.url('http', random() < 0.5 ? `hls/${stream}.m3u8` : `hls/${stream}/ll.m3u8`);
  for (let asked = 0; asked < 4; asked++) {
    const answer = await fetch(url).catch(() => null);
    const playlist = (await answer?.text().catch(() => '')) ?? '';
    const last = playlist
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .at(-1);
    if (answer?.ok && last !== undefined) {
      await fetch(new URL(last, answer.url))
        .then((segment) => segment.arrayBuffer())
        .catch(() => null);
    }
    await after(500);
  }
};

const askApi: Activity = async ({ server, random }) => {
  const paths = [
    '/api/stat/all_group',
    '/api/stat/lal_info',
    '/metrics',
    '/healthz',
    '/',
    '/api/stat/group?stream_name=a',
    '/api/notify/status',
  ];
  for (let asked = 0; asked < 5; asked++) {
    const answer = await fetch(`http://127.0.0.1:${server.port('api')}${pick(random, paths, '/')}`);
    await answer.arrayBuffer();
  }
};

const kick: Activity = async ({ server, random }) => {
  const { data } = await server.api('/api/stat/all_group');
  const groups = (data?.['groups'] ?? []) as {
    stream_name: string;
    subs: { session_id: string }[] | null;
    pub: { session_id: string };
  }[];
  const group = groups[whole(random, groups.length)];
  const session = group?.subs?.[0] ?? group?.pub;
  if (group === undefined || session === undefined || session.session_id === '') return;
  await server.api('/api/ctrl/kick_session', { stream_name: group.stream_name, session_id: session.session_id });
};

const pull: Activity = async ({ server, origin, random }) => {
  const scheme = random() < 0.5 ? 'rtmp' : 'rtsp';
  const stream_name = `pulled-${whole(random, 3)}`;
  await server.api('/api/ctrl/start_relay_pull', {
    url: origin.url(scheme, 'live/origin'),
    stream_name,
    pull_retry_num: 1,
  });
  await stay(random);
  await fetch(`http://127.0.0.1:${server.port('api')}/api/ctrl/stop_relay_pull?stream_name=${stream_name}`).then(
    (answer) => answer.text(),
  );
};

const record: Activity = async ({ server, random }) => {
  const stream_name = streamOf(random);
  const format = pick(random, ['flv', 'ts', 'mp4'], 'flv');
  await server.api('/api/record/start', { stream_name, format });
  await stay(random);
  await server.api('/api/record/stop', { stream_name, format });
};

/** A peer whose machine goes away: ended without a word in the middle of what it does. */
const vanish: Activity = ({ server, random }) =>
  scoped(async (scope) => {
    const url = server.url(random() < 0.5 ? 'rtmp' : 'rtsp', `live/${streamOf(random)}`);
    const { child } = start(scope, 'ffmpeg', ['-v', 'quiet', '-i', url, '-c', 'copy', '-f', 'null', '-']);
    await stay(random);
    child.kill('SIGKILL');
  });

/** Publishers more often than others, so that there is something to play. */
export const ACTIVITIES: readonly (readonly [name: string, weight: number, activity: Activity])[] = [
  ['RTMP publisher', 4, publishRtmp],
  ['RTSP publisher', 3, publishByRtsp],
  ['PS publisher', 1, publishPs],
  ['RTMP player', 1, ffmpegPlays(({ server }, stream) => server.url('rtmp', `live/${stream}`))],
  ['RTMPS player', 1, ffmpegPlays(({ server }, stream) => server.url('rtmps', `live/${stream}`), ['-tls_verify', '0'])],
  [
    'RTSP player, TCP',
    1,
    ffmpegPlays(({ server }, stream) => server.url('rtsp', `live/${stream}`), ['-rtsp_transport', 'tcp']),
  ],
  [
    'RTSP player, UDP',
    1,
    ffmpegPlays(({ server }, stream) => server.url('rtsp', `live/${stream}`), ['-rtsp_transport', 'udp']),
  ],
  ['HTTP player', 3, playHttp],
  ['WebSocket player', 2, playWebSocket],
  ['HLS player', 2, playHls],
  ['stalled player', 2, stall],
  ['vanishing player', 1, vanish],
  ['babbler', 3, babble],
  ['API caller', 2, askApi],
  ['kick', 1, kick],
  ['pull', 2, pull],
  ['record', 1, record],
];
