/** Those who bring streams to a soak: publishers of every protocol, pulls, and many cheap clients at once. */
import { setTimeout as after } from 'node:timers/promises';
import { Crowd } from '../../test/chaos/crowd.ts';
import { Random } from '../../test/chaos/random.ts';
import type { Cut } from '../../test/support/cutting-relay.ts';
import { startCuttingRelay } from '../../test/support/cutting-relay.ts';
import { publish } from '../../test/support/ffmpeg.ts';
import { type CameraMedia, film, startCamera } from '../../test/support/ps.ts';
import { publishRtsp } from '../../test/support/rtsp.ts';
import { ORIGIN_STREAM, REFUSED_PARAM } from './site.ts';
import { type Activity, isHeads, type Soaked, scoped, stay, streamOf } from './soaked.ts';

const SOURCES = ['h264-640x360', 'h264-bframes-aac', 'aac-only', 'h264-only'] as const;
const CUTS: readonly [Cut, ...Cut[]] = ['hangs', 'resets', 'ends', 'garbage'];
/** A crowd does one thing after the other as fast as it can, for as long as this. Milliseconds. */
const CROWD_MS = 3000;
const LEAVE_MS = 5000;
/** Made once: it costs an encoder. */
let filmed: CameraMedia | null = null;

export const publishByRtmp: Activity = (soaked) =>
  scoped(async (scope) => {
    const { site, guests, random } = soaked;
    const { query } = guests.come('PUB');
    const url = site.watched.server.url('rtmp', `live/${streamOf(soaked)}?${query}`);
    const publisher = publish(scope, url, random.pick(SOURCES));
    await Promise.race([stay(soaked), publisher.finished]);
    await (isHeads(soaked) ? publisher.stop() : publisher.kill());
  });

export const publishRefused: Activity = (soaked) =>
  scoped(async (scope) => {
    const guest = soaked.guests.come('PUB', REFUSED_PARAM);
    guest.fate = 'refused';
    const url = soaked.site.watched.server.url('rtmp', `live/${streamOf(soaked)}?${guest.query}`);
    const publisher = publish(scope, url, 'aac-only');
    await Promise.race([stay(soaked), publisher.finished]);
  });

export function publishByRtsp(transport: 'tcp' | 'udp'): Activity {
  return (soaked) =>
    scoped(async (scope) => {
      const { query } = soaked.guests.come('PUB');
      const url = soaked.site.watched.server.url('rtsp', `live/${streamOf(soaked)}?${query}`);
      const publisher = publishRtsp(scope, url, 'h264-640x360', transport);
      await Promise.race([stay(soaked), publisher.finished]);
      // else it is killed by the end of its scope
      if (isHeads(soaked)) await publisher.stop();
    });
}

/** A GB28181 camera, which is kicked in the end, or forgotten until its time is over. */
export const publishPs: Activity = (soaked) =>
  scoped(async (scope) => {
    const { server } = soaked.site.watched;
    const transport = isHeads(soaked) ? 'udp' : 'tcp';
    const stream_name = streamOf(soaked);
    const is_tcp_flag = transport === 'tcp' ? 1 : 0;
    const asked = { stream_name, port: 0, is_tcp_flag, timeout_ms: 2000 };
    const { error_code, data } = await server.api('/api/ctrl/start_rtp_pub', asked);
    if (error_code !== 0) return;
    filmed ??= film('h264', 'aac', 2);
    // one in two never comes
    if (isHeads(soaked)) {
      // another publisher may have taken its place meanwhile
      const camera = await startCamera(scope, Number(data?.['port']), filmed, { transport }).catch(() => null);
      await stay(soaked);
      camera?.stop();
    }
    if (isHeads(soaked)) await server.api('/api/ctrl/kick_session', { stream_name, session_id: data?.['session_id'] });
  });

/** Many clients in a short time: what each leaves behind adds up. Their tokens are the crowd's own. */
export const crowd: Activity = async ({ site, guests, random }) => {
  const { server } = site.watched;
  const name = guests.come('SUB').token;
  const ports = { rtmp: server.port('rtmp'), http: server.port('http') };
  const options = { life: 0, ports, onSession: () => {}, onAction: () => {} };
  const many = new Crowd(`${name}-crowd`, new Random(name, random.next()), options);
  const done = many.run();
  await Promise.race([after(random.between(CROWD_MS / 4, CROWD_MS)), done]);
  many.end();
  // one of them may wait for a server that has left it
  await Promise.race([done, after(LEAVE_MS)]);
  many.leave();
};

/** A pull that the API asks for, from a source that is there; it is stopped, or left to what its request says. */
export const pull: Activity = async (soaked) => {
  const { site, random } = soaked;
  const url = site.origin.server.url(isHeads(soaked) ? 'rtmp' : 'rtsp', `live/${ORIGIN_STREAM}`);
  await pullFrom(soaked, url, random.between(0, 1));
};

/** A pull whose source ends, is silent, or says what nobody understands, after so many bytes. */
export const pullBadly: Activity = (soaked) =>
  scoped(async (scope) => {
    const { site, random } = soaked;
    const scheme = isHeads(soaked) ? 'rtmp' : 'rtsp';
    const bytes = random.pick([0, 1000, 4000, 200_000]);
    const relay = await startCuttingRelay(scope, site.origin.server.port(scheme), bytes, random.pick(CUTS));
    await pullFrom(soaked, `${scheme}://127.0.0.1:${relay.port}/live/${ORIGIN_STREAM}`, 0);
  });

async function pullFrom(soaked: Soaked, url: string, mode: number): Promise<void> {
  const { site, random } = soaked;
  const stream_name = isHeads(soaked) ? streamOf(soaked) : `pulled-${random.between(0, 2)}`;
  const asked = { url, stream_name, pull_retry_num: 1, pull_timeout_ms: 2000, rtsp_mode: mode };
  const willStop = isHeads(soaked);
  // one that nobody watches ends by itself
  const { error_code } = await site.watched.server.api('/api/ctrl/start_relay_pull', {
    ...asked,
    auto_stop_pull_after_no_out_ms: willStop ? -1 : 1500,
  });
  if (error_code !== 0) return;
  await stay(soaked);
  if (willStop) await site.watched.server.api('/api/ctrl/stop_relay_pull', { stream_name });
}
