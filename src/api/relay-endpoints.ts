/** The endpoints that start and stop pulls from other servers. */
import { z } from 'zod';
import { REFUSALS, success } from './answer.ts';
import { field } from './described.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { integer } from './own-params.ts';

const REQUIRED = z.string().min(1);
/** The longest that a timer of the runtime can take. */
const MAX_MS = 2_147_483_647;

export const RELAY_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/ctrl/start_relay_pull',
    summary: 'pulls a stream from another server',
    description:
      'The answer comes at once and the pull goes on in the background; `on_relay_pull_start` says that its media are here.',
    isControl: true,
    params: z.object({
      url: field(
        'rtmp://, rtmps://, rtsp:// or rtsps://, with user and password where the source wants them',
        REQUIRED,
      ),
      stream_name: field(
        'the stream that it feeds here; empty: the last part of the URL’s path',
        z.string().default(''),
      ),
      pull_timeout_ms: field('until the source answers with media', integer(0, MAX_MS).default(10_000)),
      pull_retry_num: field(
        'tries after one that failed, counted anew after a success; -1: for ever',
        integer(-1).default(0),
      ),
      auto_stop_pull_after_no_out_ms: field(
        'ends so long after the last player left; 0: as soon as nobody plays; -1: never',
        integer(-1, MAX_MS).default(-1),
      ),
      rtsp_mode: field('0: over the connection; 1: by UDP', integer(0, 1).default(0)),
      debug_dump_packet: field('a file, not there yet, that gets the bytes as they come', z.string().default('')),
    }),
    data: z.object({ stream_name: z.string(), session_id: field('the pull’s session', z.string()) }),
    refusals: ['relayPullRefused'],
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
    summary: 'ends the pull of a stream',
    description: 'Also one that connects or waits for its next try.',
    isControl: true,
    params: z.object({ stream_name: field('the stream that it feeds', REQUIRED) }),
    data: z.object({ session_id: field('the pull’s session', z.string()) }),
    refusals: ['groupNotFound', 'sessionNotFound'],
    refusalData: { session_id: '' },
    handle: (deps, { stream_name }) => {
      const sessionId = deps.pulls.stop(stream_name);
      if (sessionId !== null) return success({ session_id: sessionId });
      return deps.group(stream_name) === null ? REFUSALS.groupNotFound : REFUSALS.sessionNotFound;
    },
  }),
];
