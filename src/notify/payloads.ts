/** Facts into the bodies of HTTP Notify, byte for byte as the specification has them (HTTPNotify.md, IV). */
import type { BaseType, Fact, SessionFacts } from '../streams/index.ts';
import type { NotifyEvent } from './options.ts';

export interface Payload {
  readonly event: NotifyEvent;
  /** JSON, the fields in the order of the specification's examples. */
  readonly body: string;
  /** The stream that the event belongs to; null where it belongs to none. */
  readonly streamName: string | null;
}

/** Relay pushes send no events (notify-rulings.md). */
const SESSION_EVENTS: Readonly<Record<BaseType, { start: NotifyEvent; stop: NotifyEvent } | null>> = {
  PUB: { start: 'on_pub_start', stop: 'on_pub_stop' },
  SUB: { start: 'on_sub_start', stop: 'on_sub_stop' },
  PULL: { start: 'on_relay_pull_start', stop: 'on_relay_pull_stop' },
  PUSH: null,
};

/** The payload that tells of `fact`, or null where the specification has no event for it. `lalInfo` is the API's. */
export function payloadOf(fact: Fact, serverId: string, lalInfo: () => object): Payload | null {
  switch (fact.kind) {
    case 'server_start':
      return { event: 'on_server_start', body: JSON.stringify(lalInfo()), streamName: null };
    case 'rtmp_connect':
      return {
        event: 'on_rtmp_connect',
        body: JSON.stringify({
          server_id: serverId,
          session_id: fact.sessionId,
          remote_addr: fact.remoteAddr,
          app: fact.app,
          flashVer: fact.flashVer,
          tcUrl: fact.tcUrl,
        }),
        streamName: null,
      };
    case 'hls_make_ts':
      return {
        event: 'on_hls_make_ts',
        body: JSON.stringify({
          event: fact.event,
          stream_name: fact.streamName,
          cwd: fact.cwd,
          ts_file: fact.tsFile,
          live_m3u8_file: fact.liveM3u8File,
          record_m3u8_file: fact.recordM3u8File,
          id: fact.id,
          duration: fact.durationSec,
          server_id: serverId,
        }),
        streamName: fact.streamName,
      };
    case 'session_start':
    case 'session_stop': {
      const events = SESSION_EVENTS[fact.session.baseType];
      if (events === null) return null;
      return {
        event: fact.kind === 'session_start' ? events.start : events.stop,
        body: sessionBody(fact.session, serverId),
        streamName: fact.session.streamName,
      };
    }
  }
}

/** The body of on_update; `groups` as `groupJson` makes them. */
export function updateBody(serverId: string, groups: readonly object[]): string {
  return JSON.stringify({ server_id: serverId, groups });
}

/** The fields of a session's event. */
export function sessionBody(session: SessionFacts, serverId: string): string {
  return JSON.stringify({
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
  });
}
