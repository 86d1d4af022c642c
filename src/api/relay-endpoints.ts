/** The endpoints that start and stop pulls from other servers. */
import { z } from 'zod';
import { REFUSALS, success } from './answer.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { integer } from './own-params.ts';

const REQUIRED = z.string().min(1);
/** The longest that a timer of the runtime can take. */
const MAX_MS = 2_147_483_647;

/** -1 stands for "for ever" or "never". */
const wholeOrMinusOne = (max: number) => z.union([z.literal([-1, '-1']).transform(() => -1), integer(0, max)]);

export const RELAY_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/ctrl/start_relay_pull',
    isControl: true,
    params: z.object({
      url: REQUIRED,
      stream_name: z.string().default(''),
      pull_timeout_ms: integer(0, MAX_MS).default(10_000),
      pull_retry_num: wholeOrMinusOne(Number.MAX_SAFE_INTEGER).default(0),
      auto_stop_pull_after_no_out_ms: wholeOrMinusOne(MAX_MS).default(-1),
      rtsp_mode: integer(0, 1).default(0),
      debug_dump_packet: z.string().default(''),
    }),
    refusalData: { stream_name: '', session_id: '' },
    handle: (deps, params) => {
      const result = deps.pulls.start({
        url: params.url,
        streamName: params.stream_name,
        timeoutMs: params.pull_timeout_ms === 0 ? 10_000 : params.pull_timeout_ms,
        retryNum: params.pull_retry_num,
        autoStopMs: params.auto_stop_pull_after_no_out_ms,
        isUdp: params.rtsp_mode === 1,
        dumpFile: params.debug_dump_packet,
      });
      if (!result.ok) return { ...REFUSALS.relayPullRefused, desp: result.reason };
      return success({ stream_name: result.streamName, session_id: result.sessionId });
    },
  }),
  endpoint({
    path: '/api/ctrl/stop_relay_pull',
    isControl: true,
    params: z.object({ stream_name: REQUIRED }),
    refusalData: { session_id: '' },
    handle: (deps, { stream_name }) => {
      const sessionId = deps.pulls.stop(stream_name);
      if (sessionId !== null) return success({ session_id: sessionId });
      return deps.group(stream_name) === null ? REFUSALS.groupNotFound : REFUSALS.sessionNotFound;
    },
  }),
];
