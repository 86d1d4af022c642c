/** Asks the business side, by an HTTP request, whether a publisher or player is let in. */
import { randomUUID } from 'node:crypto';
import { type Agent, request as send } from 'undici';
import { z } from 'zod';
import type { Outbound } from '../net/index.ts';
import type { Admission, AdmissionRequest, Clock, Decision, Log, SessionIdentity } from '../streams/index.ts';
import { cleanReason, grantedLifetime, grantedName, grantedRecord } from './grant.ts';

export interface CallbackOptions {
  /** Where is asked for each direction; null: nobody is asked. */
  readonly onPublish: string | null;
  readonly onPlay: string | null;
  /** From the request to the end of the answer. Milliseconds. */
  readonly timeoutMs: number;
  /** Whether those are let in about whom no answer came. */
  readonly failOpen: boolean;
}

export interface CallbackDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly outbound: Outbound;
  /** The JSON of the request: the fields of the session's start event. */
  body(session: SessionIdentity): string;
  /** Content type, id, time and signatures of a request. */
  headers(id: string, body: string, unixMs: number): Record<string, string>;
}

/** Requests at a time to one receiver; more wait, within their time-out. */
const CONNECTIONS = 64;
/** An answer's body is read no further. Bytes. */
const MAX_ANSWER_BYTES = 65_536;

/** What the body of an answer 200 may say; other fields are let be. */
const grant = z.object({
  stream_name: grantedName.optional(),
  lifetime_sec: grantedLifetime.optional(),
  record: grantedRecord.optional(),
});
const refusal = z.object({ reason: z.string().min(1) });

/** Admission that a receiver decides: 200 lets in, every other answer does not. */
export function createDecisionCallbacks(options: CallbackOptions, deps: CallbackDeps): Admission {
  const agent = deps.outbound.httpAgent({ connections: CONNECTIONS, connectTimeoutMs: options.timeoutMs });
  return {
    decide: async (request) => {
      const url = request.direction === 'publish' ? options.onPublish : options.onPlay;
      if (url === null) return { ok: true };
      return ask(url, agent, options, deps, request);
    },
  };
}

async function ask(
  url: string,
  agent: Agent,
  { timeoutMs, failOpen }: CallbackOptions,
  { clock, log, ...make }: CallbackDeps,
  { session }: AdmissionRequest,
): Promise<Decision> {
  const body = make.body(session);
  const headers = make.headers(randomUUID(), body, clock.unixMs());
  const fields = { url, session: session.sessionId, stream: session.streamName };
  let answer: { status: number; text: string };
  try {
    const response = await send(url, {
      dispatcher: agent,
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    answer = { status: response.statusCode, text: await readText(response.body) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.warn(
      { ...fields, why, failOpen },
      `nobody answered whether a session is let in; ${failOpen ? 'it is' : 'it is not'}`,
    );
    return failOpen ? { ok: true } : { ok: false, reason: 'nobody could be asked whether this is allowed' };
  }
  const json = parseJson(answer.text);
  if (answer.status !== 200) {
    const said = refusal.safeParse(json);
    const text = said.success ? said.data.reason : json === null ? answer.text : '';
    return { ok: false, reason: cleanReason(text) || `not allowed (answer ${answer.status})` };
  }
  if (json === null) return { ok: true };
  const granted = grant.safeParse(json);
  if (!granted.success) {
    const problem = z.prettifyError(granted.error);
    log.warn({ ...fields, problem }, 'the answer about a session cannot be understood; it is not let in');
    return { ok: false, reason: 'the answer about this session cannot be understood' };
  }
  const { stream_name: streamName, lifetime_sec: lifetimeSec, record } = granted.data;
  return {
    ok: true,
    ...(streamName === undefined ? {} : { streamName }),
    ...(lifetimeSec === undefined ? {} : { lifetimeSec }),
    ...(record === undefined ? {} : { record }),
  };
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** Null where the text is no JSON object. */
function parseJson(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
