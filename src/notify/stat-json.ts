/** The statistics as the specification's JSON objects: a group and lal_info, for on_update, on_server_start and the API. */
import type { GroupSnapshot, SessionSnapshot } from '../streams/index.ts';

/** Clients compare these versions: they are those of the specification that this server fulfils, not its own. */
const LAL_VERSION = 'v0.37.4';
const API_VERSION = 'v0.4.9';
const NOTIFY_VERSION = 'v0.2.2';
const WEB_UI_VERSION = 'v0.0.3';

interface SessionJson {
  readonly session_id: string;
  readonly protocol: string;
  readonly base_type: string;
  readonly start_time: string;
  readonly remote_addr: string;
  readonly read_bytes_sum: number;
  readonly wrote_bytes_sum: number;
  readonly bitrate_kbits: number;
  readonly read_bitrate_kbits: number;
  readonly write_bitrate_kbits: number;
}

export interface GroupJson {
  readonly stream_name: string;
  readonly app_name: string;
  readonly audio_codec: string;
  readonly video_codec: string;
  readonly video_width: number;
  readonly video_height: number;
  readonly pub: SessionJson;
  readonly subs: readonly SessionJson[];
  readonly pull: SessionJson;
  readonly pushs: readonly SessionJson[];
  readonly in_frame_per_sec: readonly { readonly unix_sec: number; readonly v: number }[];
}

export interface LalInfoJson {
  readonly server_id: string;
  readonly bin_info: string;
  readonly lal_version: string;
  readonly api_version: string;
  readonly notify_version: string;
  readonly WebUiVersion: string;
  readonly start_time: string;
}

/** What stands where a group has no publisher or no pull. */
const NO_SESSION: SessionJson = {
  session_id: '',
  protocol: '',
  base_type: '',
  start_time: '',
  remote_addr: '',
  read_bytes_sum: 0,
  wrote_bytes_sum: 0,
  bitrate_kbits: 0,
  read_bitrate_kbits: 0,
  write_bitrate_kbits: 0,
};

/** A group as on_update and the API show it (HTTPNotify.md, IV.1), and `in_frame_per_sec`. */
export function groupJson(group: GroupSnapshot): GroupJson {
  return {
    stream_name: group.streamName,
    app_name: group.appName,
    audio_codec: group.audioCodec,
    video_codec: group.videoCodec,
    video_width: group.videoWidth,
    video_height: group.videoHeight,
    pub: group.pub === null ? NO_SESSION : sessionJson(group.pub),
    subs: group.subs.map(sessionJson),
    pull: group.pull === null ? NO_SESSION : sessionJson(group.pull),
    pushs: group.pushs.map(sessionJson),
    in_frame_per_sec: group.inFramePerSec.map(({ unixSec, v }) => ({ unix_sec: unixSec, v })),
  };
}

/** The `data` of `/api/stat/lal_info` and the body of on_server_start. */
export function lalInfoJson(server: { serverId: string; binInfo: string; startUnixMs: number }): LalInfoJson {
  return {
    server_id: server.serverId,
    bin_info: server.binInfo,
    lal_version: LAL_VERSION,
    api_version: API_VERSION,
    notify_version: NOTIFY_VERSION,
    WebUiVersion: WEB_UI_VERSION,
    start_time: localTime(server.startUnixMs),
  };
}

function sessionJson(session: SessionSnapshot): SessionJson {
  const sends = session.baseType === 'SUB' || session.baseType === 'PUSH';
  return {
    session_id: session.sessionId,
    protocol: session.protocol,
    base_type: session.baseType,
    start_time: localTime(session.startUnixMs),
    remote_addr: session.remoteAddr,
    read_bytes_sum: session.readBytesSum,
    wrote_bytes_sum: session.wroteBytesSum,
    bitrate_kbits: sends ? session.writeBitrateKbits : session.readBitrateKbits,
    read_bitrate_kbits: session.readBitrateKbits,
    write_bitrate_kbits: session.writeBitrateKbits,
  };
}

/** Local time as `YYYY-MM-DD HH:MM:SS.mmm`. */
export function localTime(unixMs: number): string {
  const at = new Date(unixMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const ms = String(at.getMilliseconds()).padStart(3, '0');
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}
