/** The API's endpoints, a row each: path, parameters, what it does. */
import { z } from 'zod';
import { groupJson } from '../notify/index.ts';
import type { GroupSnapshot } from '../streams/index.ts';
import { type Answer, REFUSALS, success } from './answer.ts';

/** What the API asks and commands; server.ts hands it in. */
export interface ApiDeps {
  /** The data of `lal_info`, keys in the order of the specification. */
  lalInfo(): object;
  groups(): readonly GroupSnapshot[];
  group(streamName: string): GroupSnapshot | null;
  /** Closes a session of whatever kind; its stop event follows. */
  kick(streamName: string, sessionId: string): 'kicked' | 'no group' | 'no session';
}

/** An endpoint as the server sees it. */
export interface Endpoint {
  readonly path: string;
  /** Whether it changes something, so that its use is logged. */
  readonly isControl: boolean;
  /** @param params the query's and the JSON body's fields; null where the body is no JSON object */
  answer(deps: ApiDeps, params: Readonly<Record<string, unknown>> | null): Answer;
  /** A refusal in this endpoint's shape. */
  refuse(refusal: Answer): Answer;
}

interface Row<S extends z.ZodType> {
  readonly path: string;
  readonly isControl?: boolean;
  /** What does not fit is answered with 1002. */
  readonly params: S;
  /** The `data` of refusals; absent: they have none. As recorded from the original, endpoint by endpoint. */
  readonly refusalData?: object | null;
  handle(deps: ApiDeps, params: z.output<S>): Answer;
}

const ANY = z.unknown();
/** Required means: there, a string, and not empty. */
const REQUIRED = z.string().min(1);

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
    handle: (deps) => success({ groups: deps.groups().map((group) => groupJson(group)) }),
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
];

function endpoint<S extends z.ZodType>(row: Row<S>): Endpoint {
  const refuse = (refusal: Answer): Answer =>
    row.refusalData === undefined ? refusal : { ...refusal, data: row.refusalData };
  return {
    path: row.path,
    isControl: row.isControl ?? false,
    refuse,
    answer: (deps, params) => {
      const parsed = row.params.safeParse(params);
      if (!parsed.success) return refuse(REFUSALS.paramMissing);
      const answer = row.handle(deps, parsed.data);
      return answer.error_code === 0 ? answer : refuse(answer);
    },
  };
}
