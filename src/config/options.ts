/** Maps the file's keys onto each part's own options: the only place where the two meet. */
import { availableParallelism } from 'node:os';
import type { FeaturesJson } from '../api/index.ts';
import { descriptorShares, type ListenAddress, type PeerLimitOptions, type TlsFiles } from '../net/index.ts';
import type { NotifyOptions } from '../notify/index.ts';
import type { LogOptions, OperationsOptions } from '../ops/index.ts';
import type { HlsOptions } from '../protocols/hls/index.ts';
import type { RtspAuthOptions } from '../protocols/rtsp/index.ts';
import type { FanoutOptions } from '../streams/index.ts';
import {
  apiListener,
  httpListeners,
  type ListenerRow,
  profileListener,
  protocolListeners,
  rtspWebSocketListener,
} from './listeners.ts';
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

interface RtspOptions extends Listeners {
  /** RTSP over WebSocket; where it cannot be bound, an error is logged and the rest goes on. */
  readonly webSocket: PlainListener | null;
  readonly auth: RtspAuthOptions;
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

/** RTSP, RTSPS and RTSP over WebSocket. */
export function rtspOptions(config: Config): RtspOptions {
  const { rtsp } = config;
  return {
    ...listeners(protocolListeners(config, 'rtsp')),
    webSocket: plainListener(rtspWebSocketListener(config)),
    auth: {
      isAskedOfPlayers: rtsp.auth_enable,
      isAskedOfPublishers: rtsp.pub_auth_enable,
      method: rtsp.auth_method === 0 ? 'basic' : 'digest',
      username: rtsp.username,
      password: rtsp.password,
    },
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

/** HLS, with the addresses of `default_http` where it has none of its own. Zeros, which mean nothing, become what does. */
export function hlsOptions(config: Config): Listeners & HlsOptions {
  const { hls, httpflv, httpts, millrace } = config;
  return {
    ...listeners(httpListeners(config, 'hls')),
    urlPattern: hls.url_pattern,
    isPatternShared: [httpflv, httpts].some(({ url_pattern }) => url_pattern === hls.url_pattern),
    outPath: hls.out_path === '' ? '.' : hls.out_path,
    fragmentDurationMs: hls.fragment_duration_ms === 0 ? 1000 : Math.max(100, hls.fragment_duration_ms),
    fragmentNum: Math.max(1, hls.fragment_num),
    deleteThreshold: hls.delete_threshold,
    cleanup: hls.cleanup_mode === 0 ? 'never' : hls.cleanup_mode === 1 ? 'folder' : 'segments',
    inMemory: hls.use_memory_as_disk_flag,
    partDurationMs: millrace.hls.low_latency ? millrace.hls.part_duration_ms : null,
    sessionTimeoutMs: Math.max(1000, hls.sub_session_timeout_ms),
    sessionKey: hls.sub_session_hash_key,
  };
}

/** HTTP API. */
export function apiOptions(config: Config): ApiOptions {
  const plain = plainListener(apiListener(config));
  return { serverId: config.server_id, enabled: plain !== null, plain, token: config.millrace.api.token };
}

/** Profiles, which ask for the API's token, reports of the groups in the log, and what readiness goes by. */
export function operationsOptions(config: Config): OperationsOptions {
  const { debug, http_notify: notify, millrace } = config;
  return {
    report: {
      intervalSec: debug.log_group_interval_sec,
      maxGroups: debug.log_group_max_group_num,
      maxPlayers: debug.log_group_max_sub_num_per_group,
    },
    profiles: plainListener(profileListener(config)),
    token: millrace.api.token,
    isOutboxWanted: notify.enable,
  };
}

/** What a console is told of what is on. */
export function featuresJson({ hls, http_notify: notify, simple_auth: auth, millrace }: Config): FeaturesJson {
  const { jwt } = millrace.admission;
  return {
    low_latency_hls: (hls.enable || hls.enable_https) && millrace.hls.low_latency,
    notify: notify.enable,
    publish_secret: auth.pub_rtmp_enable || auth.pub_rtsp_enable || jwt.publish,
    play_secret:
      [auth.sub_rtmp_enable, auth.sub_httpflv_enable, auth.sub_httpts_enable, auth.sub_rtsp_enable].includes(true) ||
      auth.hls_m3u8_enable ||
      jwt.play,
  };
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
      on_record_start: delivery.on_record_start,
      on_record_stop: delivery.on_record_stop,
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
export function logOptions({ log, millrace }: Config): LogOptions {
  return {
    level: log.level,
    filename: log.filename,
    isToStdout: log.is_to_stdout,
    isRotateDaily: log.is_rotate_daily,
    isRotateHourly: log.is_rotate_hourly,
    maxRotateDays: log.max_rotate_days,
    hasTimestamp: log.timestamp_flag,
    hasTimestampMs: log.timestamp_with_ms_flag,
    secretParams: [millrace.admission.jwt.param],
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

/** How many threads serve players; 1: the main thread does. */
export function threadCount({ millrace }: Config): number {
  return millrace.threads === 0 ? Math.max(1, availableParallelism() - 1) : millrace.threads;
}

/** Time-outs and bounds on peers. */
export function limits({ millrace }: Config): Limits {
  return {
    handshakeTimeoutMs: millrace.limits.handshake_timeout_ms,
    idleTimeoutMs: millrace.limits.idle_timeout_ms,
    maxMessageBytes: millrace.limits.max_message_bytes,
  };
}

/** Bounds on what all peers together, and those of one address, may have open. */
export function peerLimits({ millrace }: Config): PeerLimitOptions {
  const { limits: own } = millrace;
  const shares = descriptorShares();
  return {
    connections: {
      all: own.max_connections ?? shares.connections,
      perAddress: own.max_connections_per_address,
    },
    apiConnections: { all: own.max_api_connections, perAddress: 0 },
    udpSockets: { all: own.max_udp_sockets ?? shares.udpSockets, perAddress: own.max_udp_sockets_per_address },
    gb28181Ports: { all: own.max_gb28181_ports, perAddress: 0 },
    minReadBytesPerSec: own.min_read_bytes_per_sec,
    maxRequestsPerSec: own.max_requests_per_sec_per_address,
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
