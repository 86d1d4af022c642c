/** The API's endpoints, a row each: the original's, then ours. */
import { z } from 'zod';
import { REFUSALS, success } from './answer.ts';
import { group as groupSchema, lalInfo, serverInfo } from './answer-schemas.ts';
import { field } from './described.ts';
import { ANY, type Endpoint, endpoint } from './endpoint.ts';
import { groupStat } from './group-stat.ts';
import { NOTIFY_ENDPOINTS } from './notify-endpoints.ts';
import { integer } from './own-params.ts';
import { RECORD_ENDPOINTS } from './record-endpoints.ts';
import { RELAY_ENDPOINTS } from './relay-endpoints.ts';
import { SERVER_ENDPOINTS } from './server-control.ts';

/** Required means: there, a string, and not empty. */
const REQUIRED = z.string().min(1);

/** A hundred years. */
const MAX_BLOCK_SEC = 3_155_760_000;

export const ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/stat/lal_info',
    summary: 'tells which server this is',
    params: ANY,
    data: lalInfo,
    handle: (deps) => success(deps.lalInfo()),
  }),
  endpoint({
    path: '/api/stat/group',
    summary: 'shows one stream with its sessions',
    params: z.object({ stream_name: field('the stream, without the app', REQUIRED) }),
    data: groupSchema,
    refusals: ['groupNotFound'],
    refusalData: null,
    handle: (deps, { stream_name }) => {
      const group = deps.group(stream_name);
      return group === null ? REFUSALS.groupNotFound : success(groupStat(group));
    },
  }),
  endpoint({
    path: '/api/stat/all_group',
    summary: 'shows all streams',
    description:
      'The snapshot, together with the events of `/api/notify/stream` after `event_seq`, is an exact picture of what runs.',
    params: ANY,
    data: z.object({
      groups: z.array(groupSchema),
      event_seq: field('number of the event that had been recorded last when the snapshot was taken', z.int().min(0)),
    }),
    // Both in one turn, so that no event comes between the snapshot and its number.
    handle: (deps) => success({ groups: deps.groups().map(groupStat), event_seq: deps.lastEventSeq() }),
  }),
  endpoint({
    path: '/api/ctrl/kick_session',
    summary: 'ends one session',
    description: 'Of whatever kind; its stop callback follows. Nothing keeps the client from coming back.',
    isControl: true,
    params: z.object({
      stream_name: field('the stream, without the app', REQUIRED),
      session_id: field('the session, as statistics and callbacks call it', REQUIRED),
    }),
    refusals: ['groupNotFound', 'sessionNotFound'],
    handle: (deps, { stream_name, session_id }) => {
      const result = deps.kick(stream_name, session_id);
      if (result === 'no group') return REFUSALS.groupNotFound;
      return result === 'no session' ? REFUSALS.sessionNotFound : success();
    },
  }),
  endpoint({
    path: '/api/ctrl/add_ip_blacklist',
    summary: 'refuses an address for some time',
    description: 'On every protocol, and its sessions end at once. The list is in memory: a restart empties it.',
    isControl: true,
    params: z.object({
      ip: field('an IPv4 or IPv6 address', REQUIRED),
      duration_sec: field('for so long, from now; 0: no longer', z.coerce.number().int().min(0).max(MAX_BLOCK_SEC)),
    }),
    handle: (deps, { ip, duration_sec }) => (deps.blockAddress(ip, duration_sec) ? success() : REFUSALS.paramMissing),
  }),
  endpoint({
    path: '/api/ctrl/start_rtp_pub',
    summary: 'opens a port for a GB28181 camera',
    description: 'The camera sends a program stream over RTP: H264 or H265, AAC or G711.',
    isControl: true,
    params: z.object({
      stream_name: field('the stream that the camera feeds', REQUIRED),
      port: field('0: a free one from 30000 to 60000', integer(0, 65_535).default(0)),
      timeout_ms: field('the session ends after so long without a packet; 0: never', integer(0).default(60_000)),
      is_tcp_flag: field('0: UDP; else TCP with the framing of RFC 4571', integer(0).default(0)),
      debug_dump_packet: field('a file, not there yet, that gets the packets as they come', z.string().default('')),
    }),
    data: z.object({
      stream_name: z.string(),
      session_id: field('the publisher’s session', z.string()),
      port: field('where the server waits for packets', z.int().min(1).max(65_535)),
    }),
    refusals: ['rtpPubRefused'],
    refusalData: { stream_name: '', session_id: '', port: 0 },
    handle: async (deps, { stream_name, port, timeout_ms, is_tcp_flag, debug_dump_packet }) => {
      const result = await deps.startRtpPub({
        ...{ streamName: stream_name, port, timeoutMs: timeout_ms },
        ...{ isTcp: is_tcp_flag !== 0, dumpFile: debug_dump_packet },
      });
      if (!result.ok) return { ...REFUSALS.rtpPubRefused, desp: result.reason };
      return success({ stream_name, session_id: result.sessionId, port: result.port });
    },
  }),
  endpoint({
    path: '/api/server/info',
    summary: 'tells where the server listens, what is on, and what its configuration lacks',
    params: ANY,
    data: serverInfo,
    handle: (deps) => success(deps.serverInfo()),
  }),
  ...SERVER_ENDPOINTS,
  ...RELAY_ENDPOINTS,
  ...RECORD_ENDPOINTS,
  ...NOTIFY_ENDPOINTS,
];
