/** Our endpoints that show the callbacks and mend them: status, events, replay. The stream has a file of its own. */
import { z } from 'zod';
import { EVENT_STATES, type ReplayFilter, SETTLED_STATES } from '../notify/index.ts';
import { type Answer, REFUSALS, success } from './answer.ts';
import { event, notifyStatus } from './answer-schemas.ts';
import { field } from './described.ts';
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
  since: field('only events with a higher seq, at most that of the last event', integer(0).default(0)),
  before: field('only events with a lower seq; absent: all', integer(1).optional()),
  order: field('asc: by rising seq; desc: the newest first', oneOf(['asc', 'desc']).default('asc')),
  stream_name: field('only events of this stream; absent: of all', z.string({ error: 'a string' }).optional()),
  state: field('only events in this state; absent: in all', oneOf(EVENT_STATES).optional()),
  limit: field('events in the answer, at most', integer(1, MAX_LIMIT).default(DEFAULT_LIMIT)),
});

const idList = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',') : value),
  z
    .array(z.string({ error: ID_LIST }).min(1, { error: ID_LIST }), { error: ID_LIST })
    .min(1)
    .max(MAX_REPLAY_IDS),
);

const replayParams = ownParams({
  ids: field('these events', idList.optional()),
  state: field('all events in this state', oneOf(SETTLED_STATES).optional()),
  from: field('events with this seq and higher; together with to', integer(1).optional()),
  to: field('events with this seq and lower; together with from', integer(1).optional()),
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
    summary: 'tells how callbacks are kept and delivered',
    params: ANY,
    data: notifyStatus,
    isOurs: true,
    handle: async (deps) => success(await deps.notify.status()),
  }),
  endpoint({
    path: '/api/notify/events',
    summary: 'finds callbacks, with what became of each',
    description:
      'For the next page, ask with the last `seq` of the answer as `since`, or with `order=desc` as `before`, until none come.',
    params: eventsParams,
    data: z.object({ events: z.array(event) }),
    isOurs: true,
    handle: async (deps, { since, before, order, stream_name, state, limit }) => {
      const last = deps.lastEventSeq();
      if (since > last) return beyondLast(since, last);
      const filter = {
        ...{ since, streamName: stream_name ?? null, state: state ?? null, limit },
        ...(before === undefined ? {} : { before }),
        ...(order === 'desc' ? { isNewestFirst: true } : {}),
      };
      return success({ events: await deps.notify.events(filter) });
    },
  }),
  endpoint({
    path: '/api/notify/replay',
    summary: 'has settled events delivered once more',
    description:
      'With the same `webhook-id`, so that a receiver can tell that it has seen them. Exactly one of `ids`, `state`, or `from` and `to`.',
    // Not by GET: whatever follows links must not send callbacks once more.
    methods: ['POST'],
    isControl: true,
    params: replayParams,
    data: z.object({ replayed: field('how many', z.int().min(0)) }),
    isOurs: true,
    handle: async (deps, filter) => success({ replayed: await deps.notify.replay(filter) }),
  }),
];

/** Numbers begin anew with a new database; an empty answer would keep a receiver waiting for ever. */
function beyondLast(since: number, last: number): Answer {
  const { error_code, desp } = REFUSALS.paramMissing;
  return { error_code, desp: `${desp}: since must be at most ${last}, the number of the last event, not ${since}` };
}
