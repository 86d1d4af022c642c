/** Our endpoints that show the callbacks and mend them: status, events, replay. The stream has a file of its own. */
import { z } from 'zod';
import { EVENT_STATES, type ReplayFilter, SETTLED_STATES } from '../notify/index.ts';
import { type Answer, REFUSALS, success } from './answer.ts';
import { ANY, type Endpoint, endpoint } from './endpoint.ts';
import { integer, oneOf, ownParams } from './own-params.ts';

/** Events in an answer where the caller names no limit, and at most. */
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
/** Events that one call replays by id, at most. */
const MAX_REPLAY_IDS = 1000;

const ID_LIST = `1 to ${MAX_REPLAY_IDS} ids, in JSON an array of strings, in a query parted by commas`;
const ONE_FILTER = 'exactly one of ids, state, or from and to is needed';

const eventsParams = ownParams({
  since: integer(0).default(0),
  stream_name: z.string({ error: 'a string' }).optional(),
  state: oneOf(EVENT_STATES).optional(),
  limit: integer(1, MAX_LIMIT).default(DEFAULT_LIMIT),
});

const replayParams = ownParams({
  ids: z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',') : value),
      z
        .array(z.string({ error: ID_LIST }).min(1, { error: ID_LIST }), { error: ID_LIST })
        .min(1)
        .max(MAX_REPLAY_IDS),
    )
    .optional(),
  state: oneOf(SETTLED_STATES).optional(),
  from: integer(1).optional(),
  to: integer(1).optional(),
}).transform(({ ids, state, from, to }, context): ReplayFilter => {
  const range = from === undefined || to === undefined ? undefined : { from, to };
  const isHalfRange = range === undefined && (from !== undefined || to !== undefined);
  const [filter, ...more] = [
    ids === undefined ? undefined : { ids },
    state === undefined ? undefined : { state },
    range,
  ].filter((each) => each !== undefined);
  if (filter === undefined || more.length > 0 || isHalfRange) {
    context.addIssue({ code: 'custom', message: ONE_FILTER });
    return z.NEVER;
  }
  if (range !== undefined && range.to < range.from) {
    context.addIssue({ code: 'custom', path: ['to'], message: `no less than from (${range.from})` });
    return z.NEVER;
  }
  return filter;
});

export const NOTIFY_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/notify/status',
    params: ANY,
    isOurs: true,
    handle: async (deps) => success(await deps.notify.status()),
  }),
  endpoint({
    path: '/api/notify/events',
    params: eventsParams,
    isOurs: true,
    handle: async (deps, { since, stream_name, state, limit }) => {
      const last = deps.lastEventSeq();
      if (since > last) return beyondLast(since, last);
      const filter = { since, streamName: stream_name ?? null, state: state ?? null, limit };
      return success({ events: await deps.notify.events(filter) });
    },
  }),
  endpoint({
    path: '/api/notify/replay',
    // Not by GET: whatever follows links must not send callbacks once more.
    methods: ['POST'],
    isControl: true,
    params: replayParams,
    isOurs: true,
    handle: async (deps, filter) => success({ replayed: await deps.notify.replay(filter) }),
  }),
];

/** Numbers begin anew with a new database; an empty answer would keep a receiver waiting for ever. */
function beyondLast(since: number, last: number): Answer {
  const { error_code, desp } = REFUSALS.paramMissing;
  return { error_code, desp: `${desp}: since must be at most ${last}, the number of the last event, not ${since}` };
}
