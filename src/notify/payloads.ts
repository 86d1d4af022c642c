/** Facts into the bodies of HTTP Notify, byte for byte as the specification has them (HTTPNotify.md, IV). */
import type { BaseType, Fact, GroupSnapshot, RecordFacts, SessionFacts, StopReason } from '../streams/index.ts';
import { type GroupJson, groupJson, localTime } from './stat-json.ts';

/** The body of the events of publishers, players and pulls. */
export interface SessionBody {
  readonly server_id: string;
  readonly session_id: string;
  readonly protocol: string;
  readonly base_type: string;
  readonly remote_addr: string;
  readonly url: string;
  readonly app_name: string;
  readonly stream_name: string;
  readonly url_param: string;
  readonly has_in_session: boolean;
  readonly has_out_session: boolean;
  readonly read_bytes_sum: number;
  readonly wrote_bytes_sum: number;
}

export interface RtmpConnectBody {
  readonly server_id: string;
  readonly session_id: string;
  readonly remote_addr: string;
  readonly app: string;
  readonly flashVer: string;
  readonly tcUrl: string;
}

export interface HlsMakeTsBody {
  readonly event: 'open' | 'close';
  readonly stream_name: string;
  readonly cwd: string;
  readonly ts_file: string;
  readonly live_m3u8_file: string;
  readonly record_m3u8_file: string;
  readonly id: number;
  /** Seconds. */
  readonly duration: number;
  readonly server_id: string;
}

export interface RecordStartBody {
  readonly server_id: string;
  readonly stream_name: string;
  readonly app_name: string;
  readonly format: string;
  readonly path: string;
  readonly start_time: string;
}

export interface RecordStopBody extends RecordStartBody {
  /** Seconds of media. */
  readonly duration: number;
  readonly bytes: number;
  readonly reason: string;
}

export interface UpdateBody {
  readonly server_id: string;
  readonly groups: readonly GroupJson[];
}

type SessionStart = 'on_pub_start' | 'on_sub_start' | 'on_relay_pull_start';
type SessionStop = 'on_pub_stop' | 'on_sub_stop' | 'on_relay_pull_stop';

/** An event: its name, the stream that it belongs to (null where it belongs to none), and its body. */
export type NotifyMessage =
  | { readonly event: 'on_server_start'; readonly streamName: null; readonly body: object }
  | { readonly event: 'on_update'; readonly streamName: null; readonly body: UpdateBody }
  | { readonly event: 'on_rtmp_connect'; readonly streamName: null; readonly body: RtmpConnectBody }
  | { readonly event: SessionStart; readonly streamName: string; readonly body: SessionBody }
  | {
      readonly event: SessionStop;
      readonly streamName: string;
      readonly body: SessionBody;
      /** Why the session ended. */
      readonly reason: StopReason;
    }
  | { readonly event: 'on_hls_make_ts'; readonly streamName: string; readonly body: HlsMakeTsBody }
  | { readonly event: 'on_record_start'; readonly streamName: string; readonly body: RecordStartBody }
  | { readonly event: 'on_record_stop'; readonly streamName: string; readonly body: RecordStopBody };

/** Relay pushes send no events (docs/relay-and-records.md, Push). */
const SESSION_EVENTS: Readonly<Record<BaseType, { start: SessionStart; stop: SessionStop } | null>> = {
  PUB: { start: 'on_pub_start', stop: 'on_pub_stop' },
  SUB: { start: 'on_sub_start', stop: 'on_sub_stop' },
  PULL: { start: 'on_relay_pull_start', stop: 'on_relay_pull_stop' },
  PUSH: null,
};

/**
 * The event that tells of `fact`, its body's fields in the order of the specification, or null where that has no event
 * for it. `lalInfo` is the API's.
 */
export function messageOf(fact: Fact, serverId: string, lalInfo: () => object): NotifyMessage | null {
  switch (fact.kind) {
    case 'server_start':
      return { event: 'on_server_start', body: lalInfo(), streamName: null };
    case 'rtmp_connect':
      return {
        event: 'on_rtmp_connect',
        body: {
          server_id: serverId,
          session_id: fact.sessionId,
          remote_addr: fact.remoteAddr,
          app: fact.app,
          flashVer: fact.flashVer,
          tcUrl: fact.tcUrl,
        },
        streamName: null,
      };
    case 'hls_make_ts':
      return {
        event: 'on_hls_make_ts',
        body: {
          event: fact.event,
          stream_name: fact.streamName,
          cwd: fact.cwd,
          ts_file: fact.tsFile,
          live_m3u8_file: fact.liveM3u8File,
          record_m3u8_file: fact.recordM3u8File,
          id: fact.id,
          duration: fact.durationSec,
          server_id: serverId,
        },
        streamName: fact.streamName,
      };
    case 'record_start':
      return {
        event: 'on_record_start',
        body: recordFields(fact, serverId),
        streamName: fact.streamName,
      };
    case 'record_stop':
      return {
        event: 'on_record_stop',
        body: {
          ...recordFields(fact, serverId),
          duration: fact.durationMs / 1000,
          bytes: fact.bytes,
          reason: fact.reason,
        },
        streamName: fact.streamName,
      };
    case 'session_start':
    case 'session_stop': {
      const events = SESSION_EVENTS[fact.session.baseType];
      if (events === null) return null;
      const { streamName } = fact.session;
      const body = sessionFields(fact.session, serverId);
      return fact.kind === 'session_start'
        ? { event: events.start, streamName, body }
        : { event: events.stop, streamName, body, reason: fact.reason };
    }
  }
}

function recordFields(record: RecordFacts, serverId: string): RecordStartBody {
  return {
    server_id: serverId,
    stream_name: record.streamName,
    app_name: record.appName,
    format: record.format,
    path: record.path,
    start_time: localTime(record.startUnixMs),
  };
}

/** The body of on_update. */
export function updateBody(serverId: string, groups: readonly GroupSnapshot[]): UpdateBody {
  return { server_id: serverId, groups: groups.map(groupJson) };
}

/** The body of a session's event as it is sent. */
export function sessionBody(session: SessionFacts, serverId: string): string {
  return JSON.stringify(sessionFields(session, serverId));
}

function sessionFields(session: SessionFacts, serverId: string): SessionBody {
  return {
    server_id: serverId,
    session_id: session.sessionId,
    protocol: session.protocol,
    base_type: session.baseType,
    remote_addr: session.remoteAddr,
    url: session.url,
    app_name: session.appName,
    stream_name: session.streamName,
    url_param: session.urlParam,
    has_in_session: session.hasInSession,
    has_out_session: session.hasOutSession,
    read_bytes_sum: session.readBytesSum,
    wrote_bytes_sum: session.wroteBytesSum,
  };
}
