/** The API's endpoints, a row each: the original's, then ours. */
import { z } from 'zod';
import { groupJson } from '../notify/index.ts';
import { REFUSALS, success } from './answer.ts';
import { ANY, type Endpoint, endpoint } from './endpoint.ts';
import { NOTIFY_ENDPOINTS } from './notify-endpoints.ts';
import { integer } from './own-params.ts';
import { RECORD_ENDPOINTS } from './record-endpoints.ts';
import { RELAY_ENDPOINTS } from './relay-endpoints.ts';

/** Required means: there, a string, and not empty. */
const REQUIRED = z.string().min(1);

/** A hundred years. */
const MAX_BLOCK_SEC = 3_155_760_000;

export const ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/stat/lal_info',
    params: ANY,
    handle: (deps) => success(deps.lalInfo()),
  }),
  endpoint({
    path: '/api/stat/group',
    params: z.object({ stream_name: REQUIRED }),
    refusalData: null,
    handle: (deps, { stream_name }) => {
      const group = deps.group(stream_name);
      return group === null ? REFUSALS.groupNotFound : success(groupJson(group));
    },
  }),
  endpoint({
    path: '/api/stat/all_group',
    params: ANY,
    // Both in one turn, so that no event comes between the snapshot and its number.
    handle: (deps) =>
      success({ groups: deps.groups().map((group) => groupJson(group)), event_seq: deps.lastEventSeq() }),
  }),
  endpoint({
    path: '/api/ctrl/kick_session',
    isControl: true,
    params: z.object({ stream_name: REQUIRED, session_id: REQUIRED }),
    handle: (deps, { stream_name, session_id }) => {
      const result = deps.kick(stream_name, session_id);
      if (result === 'no group') return REFUSALS.groupNotFound;
      return result === 'no session' ? REFUSALS.sessionNotFound : success();
    },
  }),
  endpoint({
    path: '/api/ctrl/add_ip_blacklist',
    isControl: true,
    params: z.object({ ip: REQUIRED, duration_sec: z.coerce.number().int().min(0).max(MAX_BLOCK_SEC) }),
    handle: (deps, { ip, duration_sec }) => (deps.blockAddress(ip, duration_sec) ? success() : REFUSALS.paramMissing),
  }),
  endpoint({
    path: '/api/ctrl/start_rtp_pub',
    isControl: true,
    params: z.object({
      stream_name: REQUIRED,
      port: integer(0, 65_535).default(0),
      timeout_ms: integer(0).default(60_000),
      is_tcp_flag: integer(0).default(0),
      debug_dump_packet: z.string().default(''),
    }),
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
    params: ANY,
    handle: (deps) => success(deps.serverInfo()),
  }),
  ...RELAY_ENDPOINTS,
  ...RECORD_ENDPOINTS,
  ...NOTIFY_ENDPOINTS,
];
