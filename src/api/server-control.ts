/** Our endpoints that command the server itself: reading its configuration again, and draining it. */
import { z } from 'zod';
import { localTime } from '../notify/index.ts';
import { REFUSALS, success } from './answer.ts';
import { field } from './described.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { integer, ownParams } from './own-params.ts';

/** So long may those stay who are here, where nothing is said, and at most. Seconds. */
export const DRAIN_SEC = { unsaid: 300, most: 86_400 } as const;

const keys = z.array(z.string());

const reloaded = z.object({
  applied: field('keys whose new values count', keys),
  needs_restart: field('keys whose new values will count after a restart', keys),
  certificates: field('keys of the addresses that serve another certificate now', keys),
});
const errors = field('sentences that name the key, what was found and what is allowed', keys);

export const SERVER_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/server/reload',
    summary: 'reads the configuration file again',
    description:
      'Sessions go on. A file with errors changes nothing: data.errors of the refusal names each. Where only a certificate ' +
      'cannot be used, the one before stays and the rest is done: data is as after success, and data.errors says why.',
    methods: ['POST'],
    isControl: true,
    isGuarded: true,
    isOurs: true,
    params: ownParams({}),
    data: reloaded,
    refusals: ['onlyFromHere', 'reloadRefused', 'certificateRefused'],
    refusalDetails: { reloadRefused: z.object({ errors }), certificateRefused: reloaded.extend({ errors }) },
    handle: (deps) => {
      const result = deps.reload();
      if (!result.ok) return { ...REFUSALS.reloadRefused, data: { errors: result.errors } };
      const { applied, needsRestart, certificates, problems } = result;
      const data = { applied, needs_restart: needsRestart, certificates };
      return problems.length === 0
        ? success(data)
        : { ...REFUSALS.certificateRefused, data: { ...data, errors: problems } };
    },
  }),
  endpoint({
    path: '/api/server/drain',
    summary: 'lets nobody in any more, and ends the server when all have left',
    description:
      'Those who are still here when the time is over are ended, their events are delivered, and the process exits with 0. ' +
      'A further call changes nothing and tells how it stands.',
    methods: ['POST'],
    isControl: true,
    isGuarded: true,
    isOurs: true,
    params: ownParams({
      timeout_sec: field('how long those who are here may stay', integer(0, DRAIN_SEC.most).default(DRAIN_SEC.unsaid)),
    }),
    data: z.object({
      sessions: field('publishers, pulls and players that are here', z.int().min(0)),
      ends_in_sec: field('until those that are left are ended', z.number().min(0)),
      ends_at: field('when that is; local time, YYYY-MM-DD HH:MM:SS.mmm', z.string()),
    }),
    refusals: ['onlyFromHere', 'drainRefused'],
    handle: (deps, { timeout_sec }) => {
      const result = deps.drain(timeout_sec * 1000);
      if (!result.ok) return { ...REFUSALS.drainRefused, desp: result.reason };
      const { sessions, leftMs, endsAtUnixMs } = result;
      return success({ sessions, ends_in_sec: leftMs / 1000, ends_at: localTime(endsAtUnixMs) });
    },
  }),
];
