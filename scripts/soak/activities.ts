/** What comes and goes in a soak, and how often each. */
import type { Random } from '../../test/chaos/random.ts';
import { askApi, babble, followEvents, kick, record } from './others.ts';
import {
  playByFfmpeg,
  playHls,
  playHttp,
  playLowLatencyHls,
  playOnDemand,
  playRefused,
  playRtspWebSocket,
  playRudely,
  playWebSocket,
} from './players.ts';
import { crowd, publishByRtmp, publishByRtsp, publishPs, publishRefused, pull, pullBadly } from './publishers.ts';
import type { Activity } from './soaked.ts';

export interface Choice {
  readonly name: string;
  readonly activity: Activity;
}

/** Publishers more often than others, so that there is something to play. */
const WEIGHTED: readonly (Choice & { readonly weight: number })[] = [
  { name: 'RTMP publisher', weight: 8, activity: publishByRtmp },
  { name: 'RTSP publisher, TCP', weight: 3, activity: publishByRtsp('tcp') },
  { name: 'RTSP publisher, UDP', weight: 3, activity: publishByRtsp('udp') },
  { name: 'GB28181 publisher', weight: 3, activity: publishPs },
  { name: 'refused publisher', weight: 1, activity: publishRefused },
  { name: 'crowd', weight: 3, activity: crowd },
  { name: 'pull', weight: 3, activity: pull },
  { name: 'pull of a bad source', weight: 2, activity: pullBadly },
  { name: 'RTMP player', weight: 2, activity: playByFfmpeg('rtmp') },
  { name: 'RTMPS player', weight: 2, activity: playByFfmpeg('rtmps', ['-tls_verify', '0']) },
  { name: 'RTSP player, TCP', weight: 2, activity: playByFfmpeg('rtsp', ['-rtsp_transport', 'tcp']) },
  { name: 'RTSP player, UDP', weight: 2, activity: playByFfmpeg('rtsp', ['-rtsp_transport', 'udp']) },
  { name: 'RTSP player, WebSocket', weight: 2, activity: playRtspWebSocket },
  { name: 'HTTP player', weight: 5, activity: playHttp },
  { name: 'WebSocket player', weight: 3, activity: playWebSocket },
  { name: 'HLS player', weight: 3, activity: playHls },
  { name: 'low-latency HLS player', weight: 3, activity: playLowLatencyHls },
  { name: 'player on demand', weight: 2, activity: playOnDemand },
  { name: 'refused player', weight: 2, activity: playRefused },
  { name: 'stalled or reset player', weight: 4, activity: playRudely },
  { name: 'babbler', weight: 5, activity: babble },
  { name: 'API caller', weight: 4, activity: askApi },
  { name: 'follower of events', weight: 1, activity: followEvents },
  { name: 'kick', weight: 3, activity: kick },
  { name: 'record', weight: 2, activity: record },
];

const SUM = WEIGHTED.reduce((total, { weight }) => total + weight, 0);

export function choose(random: Random): Choice {
  let at = random.between(0, SUM - 1);
  for (const choice of WEIGHTED) {
    if (at < choice.weight) return choice;
    at -= choice.weight;
  }
  throw new Error('the weights do not add up');
}
