/** `/api/notify/stream`: where a reader resumes, and the head of its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, REFUSALS } from './answer.ts';
import { field } from './described.ts';
import type { ApiDeps, Params } from './endpoint.ts';
import type { EventStreams } from './event-stream.ts';
import { integer, ownParams, wrongParam } from './own-params.ts';

export const STREAM_PATH = '/api/notify/stream';

/** Those of the answer and of a preflight, beside the API's own. */
export const STREAM_HEADERS = { 'Access-Control-Allow-Headers': 'Content-Type, Last-Event-ID' };

export const streamParams = ownParams({
  since: field('only events with a higher seq; absent: those that are recorded from now on', integer(0).optional()),
  'Last-Event-ID': field(
    'goes before since; a browser’s EventSource sends it as a header when it comes back',
    integer(0).optional(),
  ),
});

/** The number after which a reader goes on, or why it is refused. */
export function streamStart(
  deps: Pick<ApiDeps, 'lastEventSeq'>,
  params: Params,
  headers: IncomingMessage['headers'],
): number | Answer {
  const lastEventId = headers['last-event-id'];
  const given = params === null || lastEventId === undefined ? params : { ...params, 'Last-Event-ID': lastEventId };
  const parsed = streamParams.safeParse(given);
  if (!parsed.success) return wrongParam(parsed.error, given);
  const last = deps.lastEventSeq();
  // What a browser sends when it comes back tells more than the address that it came by at first.
  const since = parsed.data['Last-Event-ID'] ?? parsed.data.since ?? last;
  // Numbers begin anew with a new database. Readers come back by themselves and heed no refusal, so they get all of it.
  return since > last ? 0 : since;
}

/** Answers with the stream; a HEAD with its head. Null: the stream has `response`; otherwise why not. */
export function answerWithStream(
  streams: EventStreams,
  response: ServerResponse,
  since: number,
  headers: Readonly<Record<string, string>>,
): Answer | null {
  if (!streams.hasRoom) return REFUSALS.noRoom;
  response.writeHead(200, {
    ...headers,
    ...STREAM_HEADERS,
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    // nginx would gather the events otherwise.
    'X-Accel-Buffering': 'no',
  });
  if (response.req.method === 'HEAD') response.end();
  else streams.open(response, since);
  return null;
}
