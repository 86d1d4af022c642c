/** The webhooks of the API's document: what the server tells and asks your system, with the bodies it sends. */
import { z } from 'zod';
import type {
  HlsMakeTsBody,
  RecordStartBody,
  RecordStopBody,
  RtmpConnectBody,
  SessionBody,
  UpdateBody,
} from '../notify/index.ts';
import { RECORD_FORMATS } from '../record/index.ts';
import { lalInfo, updateGroup } from './answer-schemas.ts';
import { field, named } from './described.ts';
import { WEBHOOK_EXAMPLES } from './openapi-examples.ts';
import type { JsonObject, Schemas } from './openapi-schemas.ts';

const serverId = field('as configured; tells several servers apart', z.string());
const streamName = field('without the app', z.string());

const sessionBody = named(
  'SessionBody',
  'A session at the time of the event.',
  z.object({
    server_id: serverId,
    session_id: field('the session, in the API too; numbers are never given twice', z.string()),
    protocol: field('RTMP, RTSP, FLV, TS, HLS, PS or CUSTOMIZE; the same over TLS and WebSocket', z.string()),
    base_type: field('PUB, SUB or PULL', z.string()),
    remote_addr: field('the peer’s ADDRESS:PORT', z.string()),
    url: field('as the client asked for it, query included', z.string()),
    app_name: field('the path of the URL up to its last slash', z.string()),
    stream_name: streamName,
    url_param: field('the query', z.string()),
    has_in_session: field('whether the stream has a publisher right after this event', z.boolean()),
    has_out_session: field('whether the stream has a player right after this event', z.boolean()),
    read_bytes_sum: field('bytes received from the peer until now', z.int().min(0)),
    wrote_bytes_sum: field('bytes sent to the peer until now', z.int().min(0)),
  }),
) satisfies z.ZodType<SessionBody>;

const updateBody = named(
  'UpdateBody',
  'All streams with their sessions.',
  z.object({ server_id: serverId, groups: z.array(updateGroup) }),
) satisfies z.ZodType<UpdateBody>;

const rtmpConnectBody = named(
  'RtmpConnectBody',
  'What an RTMP client said of itself.',
  z.object({
    server_id: serverId,
    session_id: field('that of the on_pub_start or on_sub_start that follows', z.string()),
    remote_addr: field('the peer’s ADDRESS:PORT', z.string()),
    app: z.string(),
    flashVer: z.string(),
    tcUrl: z.string(),
  }),
) satisfies z.ZodType<RtmpConnectBody>;

const hlsMakeTsBody = named(
  'HlsMakeTsBody',
  'A segment of HLS.',
  z.object({
    event: field('open: it was begun; close: it and its playlists are complete', z.enum(['open', 'close'])),
    stream_name: streamName,
    cwd: field('the server’s working folder', z.string()),
    ts_file: field('the segment', z.string()),
    live_m3u8_file: field('the playlist of the newest segments', z.string()),
    record_m3u8_file: field('the playlist of all segments', z.string()),
    id: field('rising within the stream’s folder', z.int().min(0)),
    duration: field('seconds; 0 at open', z.number().min(0)),
    server_id: serverId,
  }),
) satisfies z.ZodType<HlsMakeTsBody>;

const recordStartShape = {
  server_id: serverId,
  stream_name: streamName,
  app_name: z.string(),
  format: z.enum(RECORD_FORMATS),
  path: field('the file', z.string()),
  start_time: field('local time', z.string()),
};
const recordStartBody = named(
  'RecordStartBody',
  'A file that was begun.',
  z.object(recordStartShape),
) satisfies z.ZodType<RecordStartBody>;
const recordStopBody = named(
  'RecordStopBody',
  'A file that is complete.',
  z.object({
    ...recordStartShape,
    duration: field('seconds of media', z.number().min(0)),
    bytes: field('size of the file', z.int().min(0)),
    reason: field('why it ended', z.string()),
  }),
) satisfies z.ZodType<RecordStopBody>;

const decision = named(
  'Decision',
  'What may be asked for beside letting somebody in.',
  z.object({
    stream_name: field('the stream that is published or played in truth', z.string().optional()),
    lifetime_sec: field('the session is ended after so many seconds', z.number().optional()),
    record: field('what is published is recorded in this format', z.enum(RECORD_FORMATS).optional()),
  }),
);

/** Each event: when it is sent, and its body. */
const EVENTS: Readonly<Record<string, readonly [string, z.ZodType]>> = {
  on_server_start: ['the server has started and every listener is bound', lalInfo],
  on_update: ['all streams, at the start and then at the configured interval', updateBody],
  on_rtmp_connect: ['an RTMP client, publisher or player, has sent connect', rtmpConnectBody],
  on_pub_start: ['a publisher was let in', sessionBody],
  on_pub_stop: ['a publisher has left, or was ended', sessionBody],
  on_sub_start: ['a player was let in, whether the stream is there yet or not', sessionBody],
  on_sub_stop: ['a player has left, or was ended; wrote_bytes_sum is final', sessionBody],
  on_relay_pull_start: ['the media of a stream that is pulled are here', sessionBody],
  on_relay_pull_stop: ['they are no more, or the pull was given up', sessionBody],
  on_hls_make_ts: ['an HLS segment was begun or is complete', hlsMakeTsBody],
  on_record_start: ['a record’s file was begun', recordStartBody],
  on_record_stop: ['a record’s file is complete', recordStopBody],
};

/** Each question of admission. */
const QUESTIONS: Readonly<Record<string, string>> = {
  on_publish: 'asks whether a publisher is let in',
  on_play: 'asks whether a player is let in',
};

const HEADERS: readonly (readonly [string, boolean, string])[] = [
  ['webhook-id', true, 'the same in every try of this event, and of no other; take each once by it'],
  ['webhook-timestamp', true, 'when this try was sent, seconds since 1970'],
  ['webhook-signature', false, 'by Standard Webhooks, one for each of the signing secrets'],
  ['millrace-attempt', true, '1 for the first try of this event, 2 for the second, …'],
];
const EVENT_HEADERS: readonly (readonly [string, boolean, string])[] = [
  ['millrace-seq', false, 'number over all events, rising, also over restarts; not on on_update'],
  ['millrace-stream-seq', false, 'number within the stream: 1, 2, 3, …; only on events of a stream'],
  ['millrace-reason', false, 'why the session ended; only on stops of sessions'],
];

/** Path items by name. */
export function webhooks(schemas: Schemas): JsonObject {
  const events = Object.entries(EVENTS).map(([name, [when, body]]) => [
    name,
    webhook(name, when, [...HEADERS, ...EVENT_HEADERS], schemas.answer(body), {
      '2XX': { description: 'Taken: the event is settled.' },
      '5XX': { description: 'Sent again later, as after no answer, 408, 425 and 429.' },
      default: { description: 'Refused: the event is settled and not sent again.' },
    }),
  ]);
  const questions = Object.entries(QUESTIONS).map(([name, what]) => [
    name,
    webhook(name, what, HEADERS, schemas.answer(sessionBody), {
      '200': {
        description: 'Let in. No body, or an object that asks for more.',
        content: { 'application/json': { schema: schemas.question(decision) } },
      },
      default: {
        description: 'Refused; a field `reason` of a JSON body, or a body of text, is what the client is told.',
      },
    }),
  ]);
  return Object.fromEntries([...events, ...questions]);
}

function webhook(
  name: string,
  summary: string,
  headers: readonly (readonly [string, boolean, string])[],
  schema: JsonObject,
  responses: JsonObject,
): JsonObject {
  const example = WEBHOOK_EXAMPLES[name];
  return {
    post: {
      operationId: name,
      tags: ['Webhooks'],
      summary,
      security: [],
      parameters: headers.map(([header, required, description]) => ({
        ...{ name: header, in: 'header', required, description },
        schema: { type: 'string' },
      })),
      requestBody: {
        required: true,
        content: {
          'application/json': { schema, ...(example === undefined ? {} : { example: JSON.parse(example) as unknown }) },
        },
      },
      responses,
    },
  };
}
