/** The HTTP API's answers, as far as the console reads them (docs/http-api.md). */

/** Fields are empty or 0 where a stream has no such session. */
export interface Session {
  readonly session_id: string;
  readonly protocol: string;
  readonly base_type: string;
  readonly start_time: string;
  readonly remote_addr: string;
  readonly read_bytes_sum: number;
  readonly wrote_bytes_sum: number;
  readonly bitrate_kbits: number;
  readonly read_bitrate_kbits: number;
  readonly dropped_frames: number;
  readonly lost_packets: number;
}

export interface Group {
  readonly stream_name: string;
  readonly app_name: string;
  readonly audio_codec: string;
  readonly video_codec: string;
  readonly video_width: number;
  readonly video_height: number;
  readonly pub: Session;
  readonly subs: readonly Session[];
  readonly pull: Session;
  readonly pushs: readonly Session[];
  /** Newest second first. */
  readonly in_frame_per_sec: readonly { readonly unix_sec: number; readonly v: number }[];
}

export interface Listener {
  readonly protocol: 'RTMP' | 'RTSP' | 'FLV' | 'TS' | 'HLS';
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly url_pattern: string;
}

export interface ServerInfo {
  readonly listeners: readonly Listener[];
  readonly features: {
    readonly low_latency_hls: boolean;
    readonly notify: boolean;
    readonly publish_secret: boolean;
    readonly play_secret: boolean;
  };
  readonly warnings: readonly string[];
}

export interface LalInfo {
  readonly server_id: string;
  readonly bin_info: string;
  readonly lal_version: string;
  readonly api_version: string;
  readonly notify_version: string;
  readonly start_time: string;
}

/** What a reload has done: keys of the configuration. */
export interface Reloaded {
  readonly applied: readonly string[];
  readonly needs_restart: readonly string[];
  readonly certificates: readonly string[];
}

/** How a drain stands. */
export interface Draining {
  readonly sessions: number;
  readonly ends_at: string;
}

export const EVENT_STATES = ['waiting', 'delivered', 'refused', 'expired'] as const;
export type EventState = (typeof EVENT_STATES)[number];

export interface NotifyEvent {
  readonly seq: number;
  readonly id: string;
  readonly event: string;
  readonly stream_name: string | null;
  readonly stream_seq: number | null;
  readonly session_id: string | null;
  readonly url: string;
  readonly state: EventState;
  readonly attempts: readonly { readonly at: string; readonly status: number | null; readonly error: string | null }[];
  readonly unix_ms: number;
  readonly body: string;
}

export interface Receiver {
  readonly receiver: string;
  readonly backlog: number;
  readonly oldest_age_ms: number;
  readonly in_flight: number;
  readonly retrying: number;
  readonly delivered: number;
  readonly refused: number;
  readonly expired: number;
}

export interface NotifyStatus {
  readonly database: 'ok' | 'memory';
  readonly why: string;
  readonly lost: number;
  readonly last_seq: number;
  readonly receivers: readonly Receiver[];
}

export const RECORD_FORMATS = ['flv', 'ts', 'mp4'] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** What is kept, or one page of it. */
export interface RecordList {
  readonly total: number;
  readonly files: readonly RecordFile[];
}

export interface RecordFile {
  readonly stream_name: string;
  readonly format: RecordFormat;
  readonly path: string;
  readonly bytes: number;
  readonly start_time: string;
  readonly modified_time: string;
  readonly is_running: boolean;
}
