/** What the endpoints answer as `data`, as schemas: for the API's document, and for tests that hold real answers against them. */
import { z } from 'zod';
import {
  EVENT_STATES,
  type EventJson,
  type GroupJson,
  type LalInfoJson,
  type NotifyStatusJson,
  type ReceiverJson,
} from '../notify/index.ts';
import { RECORD_FORMATS } from '../record/index.ts';
import { field, named } from './described.ts';
import type { GroupStatJson } from './group-stat.ts';
import type { FeaturesJson, ServerInfoJson } from './server-info.ts';

/** A time as the API writes it. */
const localTime = (meaning: string) => field(`${meaning}; local time, YYYY-MM-DD HH:MM:SS.mmm`, z.string());
/** A number that is never negative. */
const tally = (meaning: string) => field(meaning, z.int().min(0));
const text = (meaning: string) => field(meaning, z.string());

const sessionShape = {
  session_id: text('names the session in the API and in callbacks: RTMPPUBSUB1, FLVSUB1, …; empty where there is none'),
  protocol: text('RTMP, RTSP, FLV, TS, HLS, PS or CUSTOMIZE; the same over TLS and WebSocket'),
  base_type: text('PUB, SUB, PULL or PUSH'),
  start_time: localTime('when the session began'),
  remote_addr: text('the peer’s ADDRESS:PORT'),
  read_bytes_sum: tally('bytes received from the peer so far, protocol overhead included, without TLS'),
  wrote_bytes_sum: tally('bytes sent to the peer so far, protocol overhead included, without TLS'),
  bitrate_kbits: tally('of what it receives or sends in the first place; 1 kbit = 1024 bit'),
  read_bitrate_kbits: tally('over the last full 5 s; 0 for the first 5 s'),
  write_bitrate_kbits: tally('over the last full 5 s; 0 for the first 5 s'),
};

/** Fields of a group, with sessions of this kind. */
function groupShape<S extends z.ZodType>(session: S) {
  const frames = z.object({ unix_sec: tally('the second, since 1970'), v: tally('frames in it') });
  return {
    stream_name: text('without the app'),
    app_name: text('that of the session which made the stream'),
    audio_codec: text('AAC, MP3, OPUS, PCMA, PCMU, or empty'),
    video_codec: text('H264, H265, or empty'),
    video_width: tally('pixels, after cropping; 0 where there is no video'),
    video_height: tally('pixels, after cropping; 0 where there is no video'),
    pub: field('the publisher; its fields are empty or 0 where there is none', session),
    subs: field('the players', z.array(session)),
    pull: field('the pull that brings the stream; its fields are empty or 0 where there is none', session),
    pushs: field('the pushes to other servers', z.array(session)),
    in_frame_per_sec: field(
      'video frames received in each second, newest second first, at most 32; the running second is left out',
      z.array(frames),
    ),
  };
}

const session = named(
  'Session',
  'A connection that brings or takes a stream.',
  z.object({
    ...sessionShape,
    dropped_frames: tally('frames that were left out because the peer was too slow; whole GOPs at a time'),
    lost_packets: tally('RTP packets of a publisher that did not come'),
  }),
);

export const group = named(
  'Group',
  'A stream with its sessions.',
  z.object(groupShape(session)),
) satisfies z.ZodType<GroupStatJson>;

const updateSession = named('UpdateSession', 'A session as callbacks tell of it.', z.object(sessionShape));

export const updateGroup = named(
  'UpdateGroup',
  'A stream as callbacks tell of it.',
  z.object(groupShape(updateSession)),
) satisfies z.ZodType<GroupJson>;

export const lalInfo = named(
  'LalInfo',
  'Which server this is.',
  z.object({
    server_id: text('as configured'),
    bin_info: text('program, version and runtime'),
    lal_version: text('the version of lalserver whose interfaces this server speaks; clients compare it'),
    api_version: text('the version of lalserver’s HTTP API that this server speaks'),
    notify_version: text('the version of lalserver’s HTTP Notify that this server speaks'),
    WebUiVersion: text('the version of lalserver’s console that this stands for'),
    start_time: localTime('when the server started'),
  }),
) satisfies z.ZodType<LalInfoJson>;

export const serverInfo = named(
  'ServerInfo',
  'What a console must know of the server.',
  z.object({
    listeners: field(
      'the open listeners for media',
      z.array(
        z.object({
          protocol: z.enum(['RTMP', 'RTSP', 'FLV', 'TS', 'HLS']),
          scheme: z.enum(['rtmp', 'rtmps', 'rtsp', 'rtsps', 'ws', 'http', 'https']),
          host: text('as configured; empty: every address'),
          port: field('as bound', z.int().min(1).max(65_535)),
          url_pattern: text('what paths begin with; empty where they begin with the app'),
        }),
      ),
    ),
    features: field(
      'what is on',
      z.object({
        low_latency_hls: z.boolean(),
        notify: field('HTTP Notify', z.boolean()),
        publish_secret: field('publishers’ URLs must bear a secret or a token', z.boolean()),
        play_secret: field('players’ URLs must bear a secret or a token', z.boolean()),
      } satisfies Record<keyof FeaturesJson, z.ZodType<boolean>>),
    ),
    warnings: field('sentences about the configuration, as in the log', z.array(z.string())),
  }),
) satisfies z.ZodType<ServerInfoJson>;

const receiver = named(
  'Receiver',
  'How delivery to one receiver of callbacks stands.',
  z.object({
    receiver: text('the origin of its URLs'),
    backlog: tally('events that are not settled, those in flight included'),
    oldest_age_ms: tally('of the oldest of them, milliseconds'),
    in_flight: tally('requests without an answer yet'),
    retrying: tally('streams whose next event waits for another try'),
    delivered: tally('events answered with 2xx since the database began'),
    refused: tally('events answered otherwise and not tried again'),
    expired: tally('events that became too old'),
  }),
) satisfies z.ZodType<ReceiverJson>;

export const notifyStatus = named(
  'NotifyStatus',
  'How callbacks are kept and delivered.',
  z.object({
    database: field('where events are kept; memory while the database cannot be used', z.enum(['ok', 'memory'])),
    why: text('why they are not in the database; empty where they are'),
    lost: tally('events lost since the start: there was no room, or the database was damaged'),
    last_seq: tally('number of the last event'),
    receivers: z.array(receiver),
  }),
) satisfies z.ZodType<NotifyStatusJson>;

export const event = named(
  'Event',
  'A callback with what became of it.',
  z.object({
    seq: tally('number over all events, rising, not always by one; the header millrace-seq'),
    id: text('the header webhook-id'),
    event: text('on_pub_start and so on'),
    stream_name: field('its stream; null for events of no stream', z.string().nullable()),
    stream_seq: field('number within its stream, from 1; null for events of no stream', z.int().min(1).nullable()),
    session_id: field('the session it tells of; null where it tells of none', z.string().nullable()),
    reason: field('why the session ended; null in every event but a stop', z.string().nullable()),
    url: text('where it is delivered, without passwords and tokens'),
    state: field('how far it has come', z.enum(EVENT_STATES)),
    attempts: field(
      'the newest tries, oldest first',
      z.array(
        z.object({
          at: localTime('when it was tried'),
          status: field('HTTP status of the answer; null where there was none', z.int().nullable()),
          error: field('why there was no answer', z.string().nullable()),
        }),
      ),
    ),
    unix_ms: tally('when it happened, milliseconds since 1970'),
    body: text('the callback’s body, byte for byte'),
  }),
) satisfies z.ZodType<EventJson>;

export const recordFile = named(
  'RecordFile',
  'A file that a stream was recorded into.',
  z.object({
    stream_name: text('the stream'),
    format: z.enum(RECORD_FORMATS),
    path: text('relative to the server’s working folder where the configured folder is'),
    bytes: tally('size so far'),
    start_time: localTime('when it was begun'),
    modified_time: localTime('when it was last written'),
    is_running: field('whether it is being written', z.boolean()),
  }),
);
