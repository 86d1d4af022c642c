/** What an endpoint is: a row of the table (path, parameters, what it does) and how the server sees it. */
import { z } from 'zod';
import type { NotifyAdmin } from '../notify/index.ts';
import type { RtpPubRequest, RtpPubResult } from '../protocols/gb28181/index.ts';
import type { Recorder } from '../record/index.ts';
import type { Pulls } from '../relay/index.ts';
import type { GroupSnapshot } from '../streams/index.ts';
import { type Answer, REFUSALS, type RefusalName } from './answer.ts';
import type { OperationDeps } from './operation.ts';
import { wrongParam } from './own-params.ts';
import type { ServerInfoJson } from './server-info.ts';

/** What the API asks and commands; server.ts hands it in. */
export interface ApiDeps {
  /** The data of `lal_info`, keys in the order of the specification. */
  lalInfo(): object;
  serverInfo(): ServerInfoJson;
  groups(): readonly GroupSnapshot[];
  group(streamName: string): GroupSnapshot | null;
  /** Closes a session of whatever kind; its stop event follows. */
  kick(streamName: string, sessionId: string): 'kicked' | 'no group' | 'no session';
  /**
   * Refuses an address for so many seconds (0: no longer) and closes its sessions.
   * @returns whether it is an address
   */
  blockAddress(ip: string, durationSec: number): boolean;
  /** Opens a port for a GB28181 publisher, which has the stream then. */
  startRtpPub(request: RtpPubRequest): Promise<RtpPubResult>;
  /** Streams from other servers. */
  readonly pulls: Pick<Pulls, 'start' | 'stop'>;
  /** Records of streams. */
  readonly records: Pick<Recorder, 'startRecord' | 'stopRecord' | 'list'>;
  /** Reads the configuration again. */
  reload(): ReloadResult;
  /** Lets nobody in any more and ends the server within the time, or tells how that stands. */
  drain(timeoutMs: number): DrainResult;
  readonly notify: NotifyAdmin;
  readonly operation: OperationDeps;
  /** The number of the event that was recorded last; 0 before the first one. */
  lastEventSeq(): number;
}

/** What a reload has done. */
export type ReloadResult =
  | {
      readonly ok: true;
      /** Keys whose new values count. */
      readonly applied: readonly string[];
      /** Keys whose new values will count after a restart. */
      readonly needsRestart: readonly string[];
      /** Keys of the addresses that serve another certificate now. */
      readonly certificates: readonly string[];
      /** Certificates that cannot be used, and why: those before them stay. */
      readonly problems: readonly string[];
    }
  /** Nothing was changed. */
  | { readonly ok: false; readonly errors: readonly string[] };

/** How a drain stands. */
export type DrainResult =
  | {
      readonly ok: true;
      /** Publishers, pulls and players that are here. */
      readonly sessions: number;
      /** When those that are left are ended, and how long it is until then. */
      readonly endsAtUnixMs: number;
      readonly leftMs: number;
    }
  | { readonly ok: false; readonly reason: string };

/** The query's and the JSON body's fields; null where the body is no JSON object. */
export type Params = Readonly<Record<string, unknown>> | null;
type Method = 'GET' | 'POST';

/** What the API's document tells of an endpoint beside its path and methods. */
export interface Described {
  /** What it does, in a few words. */
  readonly summary: string;
  /** What the summary leaves out, sentences; absent: nothing. */
  readonly description?: string;
  readonly params: z.ZodType;
  /** The `data` of an answer to a call that was carried out; absent: there is none. */
  readonly data?: z.ZodType;
  /** Why it may refuse, beside what every endpoint may answer. */
  readonly refusals?: readonly RefusalName[];
  /** The `data` of those refusals that have one of their own. */
  readonly refusalDetails?: Readonly<Partial<Record<RefusalName, z.ZodType>>>;
  /** Whether 1002 says which parameter is wrong. Absent: no more than the original's `param missing`. */
  readonly isOurs?: boolean;
}

/** An endpoint as the server and the document see it. */
export interface Endpoint extends Described {
  readonly path: string;
  readonly methods: readonly Method[];
  /** Whether it changes something, so that its use is logged. */
  readonly isControl: boolean;
  /** Whether it can end the server: where no token is set, only programs of this machine may call it. */
  readonly isGuarded: boolean;
  /** Rejects where the fault is ours. */
  answer(deps: ApiDeps, params: Params): Promise<Answer>;
  /** A refusal in this endpoint's shape. */
  refuse(refusal: Answer): Answer;
}

interface Row<S extends z.ZodType> extends Described {
  readonly path: string;
  /** Absent: GET and POST, as all of the original's. */
  readonly methods?: readonly Method[];
  readonly isControl?: boolean;
  readonly isGuarded?: boolean;
  /** What does not fit is answered with 1002. */
  readonly params: S;
  /** The `data` of refusals; absent: they have none. As recorded from the original, endpoint by endpoint. */
  readonly refusalData?: object | null;
  handle(deps: ApiDeps, params: z.output<S>): Answer | Promise<Answer>;
}

/** Parameters of an endpoint that has none: whatever is sent is let be. */
export const ANY = z.unknown();

/** Makes a row an endpoint. */
export function endpoint<S extends z.ZodType>(row: Row<S>): Endpoint {
  const refuse = (refusal: Answer): Answer =>
    row.refusalData === undefined ? refusal : { ...refusal, data: row.refusalData };
  return {
    ...row,
    methods: row.methods ?? ['GET', 'POST'],
    isControl: row.isControl ?? false,
    isGuarded: row.isGuarded ?? false,
    refuse,
    answer: async (deps, params) => {
      const parsed = row.params.safeParse(params);
      if (!parsed.success) {
        return refuse(row.isOurs === true ? wrongParam(parsed.error, params) : REFUSALS.paramMissing);
      }
      const answer = await row.handle(deps, parsed.data);
      return answer.error_code === 0 ? answer : refuse(answer);
    },
  };
}
