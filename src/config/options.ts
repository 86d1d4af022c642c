/** Maps the file's keys onto each part's own options: the only place where the two meet. */
import type { ListenAddress, TlsFiles } from '../net/index.ts';
import type { NotifyOptions } from '../notify/index.ts';
import type { LogOptions } from '../ops/index.ts';
import type { FanoutOptions } from '../streams/index.ts';
import { apiListener, httpListeners, type ListenerRow, protocolListeners } from './listeners.ts';
import type { Config } from './schema.ts';

/** Where a part listens. */
export interface PlainListener {
  readonly addr: ListenAddress;
  /** The configuration key of the address, for messages. */
  readonly key: string;
}

/** Where a part listens with TLS. The files are not read yet. */
export interface TlsListener extends PlainListener, TlsFiles {}

/** The two listeners of a part; null where one is off. Either may be on without the other. */
interface Listeners {
  /** Whether at least one of the two is on. */
  readonly enabled: boolean;
  /** The start stops where it cannot be bound. */
  readonly plain: PlainListener | null;
  /** Where it cannot be bound, or its files cannot be read, an error is logged and the rest goes on. */
  readonly tls: TlsListener | null;
}

/** What a new player of a format is given. */
interface GopOptions {
  /** GOPs cached for a new player; 0: none. */
  readonly gopNum: number;
  /** Bound on one cached GOP's frames; 0: none. */
  readonly singleGopMaxFrameNum: number;
}

interface RtmpOptions extends Listeners, GopOptions {
  /** Bytes gathered before a write to players; 0: no gathering by size. */
  readonly mergeWriteSize: number;
}

/** HTTP-FLV or HTTP-TS. Parts whose addresses are the same share one listener. */
export interface HttpPlayOptions extends Listeners, GopOptions {
  /** Begins and ends with a slash. */
  readonly urlPattern: string;
}

interface ApiOptions {
  readonly serverId: string;
  readonly enabled: boolean;
  /** Null where the API is off. */
  readonly plain: PlainListener | null;
  /** What callers must bring; empty: nothing. */
  readonly token: string;
}

/** Bounds on peers that are not the fan-out's. */
interface Limits {
  /** Until a handshake or a request's headers are complete. */
  readonly handshakeTimeoutMs: number;
  /** A publisher without a byte, a subscriber to whom nothing could be written. */
  readonly idleTimeoutMs: number;
  /** One message of a publisher. */
  readonly maxMessageBytes: number;
}

/** RTMP and RTMPS. */
export function rtmpOptions(config: Config): RtmpOptions {
  const { rtmp } = config;
  return {
    ...listeners(protocolListeners(config, 'rtmp')),
    gopNum: rtmp.gop_num,
    singleGopMaxFrameNum: rtmp.single_gop_max_frame_num,
    mergeWriteSize: rtmp.merge_write_size,
  };
}

/** HTTP-FLV, with the addresses of `default_http` where it has none of its own. */
export function httpFlvOptions(config: Config): HttpPlayOptions {
  return httpPlayOptions(config, 'httpflv');
}

/** HTTP-TS, with the addresses of `default_http` where it has none of its own. */
export function httpTsOptions(config: Config): HttpPlayOptions {
  return httpPlayOptions(config, 'httpts');
}

function httpPlayOptions(config: Config, section: 'httpflv' | 'httpts'): HttpPlayOptions {
  const own = config[section];
  return {
    ...listeners(httpListeners(config, section)),
    urlPattern: own.url_pattern,
    gopNum: own.gop_num,
    singleGopMaxFrameNum: own.single_gop_max_frame_num,
  };
}

/** HTTP API. */
export function apiOptions(config: Config): ApiOptions {
  const plain = plainListener(apiListener(config));
  return { serverId: config.server_id, enabled: plain !== null, plain, token: config.millrace.api.token };
}

/** HTTP Notify and how it delivers. */
export function notifyOptions(config: Config): NotifyOptions & { readonly enabled: boolean } {
  const { http_notify: notify } = config;
  const delivery = config.millrace.notify;
  return {
    enabled: notify.enable,
    serverId: config.server_id,
    updateIntervalSec: notify.update_interval_sec,
    urls: {
      on_server_start: notify.on_server_start,
      on_update: notify.on_update,
      on_pub_start: notify.on_pub_start,
      on_pub_stop: notify.on_pub_stop,
      on_sub_start: notify.on_sub_start,
      on_sub_stop: notify.on_sub_stop,
      on_relay_pull_start: notify.on_relay_pull_start,
      on_relay_pull_stop: notify.on_relay_pull_stop,
      on_rtmp_connect: notify.on_rtmp_connect,
      on_hls_make_ts: notify.on_hls_make_ts,
    },
    outboxPath: delivery.outbox_path,
    concurrency: delivery.concurrency,
    timeoutMs: delivery.timeout_ms,
    maxAgeHours: delivery.max_age_hours,
    retentionHours: delivery.retention_hours,
    signingSecrets: delivery.signing_secrets,
    headers: delivery.headers,
  };
}

/** The log. */
export function logOptions({ log }: Config): LogOptions {
  return {
    level: log.level,
    filename: log.filename,
    isToStdout: log.is_to_stdout,
    isRotateDaily: log.is_rotate_daily,
    isRotateHourly: log.is_rotate_hourly,
    maxRotateDays: log.max_rotate_days,
    hasTimestamp: log.timestamp_flag,
    hasTimestampMs: log.timestamp_with_ms_flag,
  };
}

/** How streams are written to players. */
export function fanoutOptions({ millrace }: Config): FanoutOptions {
  return {
    gatherMs: millrace.fanout.gather_ms,
    backlogBytes: millrace.limits.subscriber_backlog_bytes,
    backlogMs: millrace.limits.subscriber_backlog_ms,
  };
}

/** Time-outs and bounds on peers. */
export function limits({ millrace }: Config): Limits {
  return {
    handshakeTimeoutMs: millrace.limits.handshake_timeout_ms,
    idleTimeoutMs: millrace.limits.idle_timeout_ms,
    maxMessageBytes: millrace.limits.max_message_bytes,
  };
}

function listeners(rows: { readonly plain: ListenerRow | null; readonly tls: ListenerRow | null }): Listeners {
  const plain = plainListener(rows.plain);
  const tls = plainListener(rows.tls);
  return {
    enabled: plain !== null || tls !== null,
    plain,
    tls:
      tls === null || rows.tls === null
        ? null
        : { ...tls, certFile: rows.tls.cert.file, keyFile: rows.tls.privateKey.file },
  };
}

/** A listener that is on without an address is off: `checkConfig` has refused it, or warned of it where it may be left out. */
function plainListener(row: ListenerRow | null): PlainListener | null {
  if (row === null || row.address === null) return null;
  const { host, port } = row.address;
  return { key: row.key, addr: host === undefined ? { port } : { host, port } };
}
