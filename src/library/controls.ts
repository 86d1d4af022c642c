/** The statistics and controls of the HTTP API as functions. */
import { type GroupJson, groupJson, type LalInfoJson } from '../notify/index.ts';
import type { RtpPubResult } from '../protocols/gb28181/index.ts';
import type { RecordEntry, RecordFormat } from '../record/index.ts';
import type { StartResult } from '../relay/index.ts';
import type { Controls as ControlDeps } from '../server.ts';
import type { Refused } from './inside.ts';
import { whole, wrong } from './options.ts';

export interface RelayPullOptions {
  /** `rtmp://`, `rtmps://`, `rtsp://` or `rtsps://`. */
  readonly url: string;
  /** The stream that it feeds; absent: the last part of the URL's path. */
  readonly streamName?: string;
  /** Until the source answers with media; absent: 10000. */
  readonly pullTimeoutMs?: number;
  /** Tries after one that failed, counted anew after a success; -1 for ever; absent: 0. */
  readonly pullRetryNum?: number;
  /** Ends so long after the last player left; 0: where nobody plays; -1 never; absent: -1. */
  readonly autoStopPullAfterNoOutMs?: number;
  /** How an RTSP source sends; absent: `tcp`. */
  readonly rtspMode?: 'tcp' | 'udp';
  /** A new file that gets the bytes as they come. */
  readonly debugDumpPacket?: string;
}

export interface RtpPubOptions {
  readonly streamName: string;
  /** Absent or 0: a free one from 30000 to 60000. */
  readonly port?: number;
  /** Ends after so long without a packet; 0: never; absent: 60000. */
  readonly timeoutMs?: number;
  /** TCP with RFC 4571 framing in place of UDP. */
  readonly isTcp?: boolean;
  /** A new file that gets the packets as they come. */
  readonly debugDumpPacket?: string;
}

export interface Stats {
  /** Which server this is. */
  lalInfo(): LalInfoJson;
  /** One stream with its sessions; null where there is none of this name. */
  group(streamName: string): GroupJson | null;
  /** All streams. */
  allGroup(): GroupJson[];
}

export interface Controls {
  /** Ends the session, whatever its kind; its stop follows. @returns whether there was one */
  kickSession(streamName: string, sessionId: string): boolean;
  /** Begins at once; whether media come is told by events. Refused, nothing is kept. @throws TypeError */
  startRelayPull(options: RelayPullOptions): StartResult;
  /** Ends the stream's pull, also one that connects or waits. @returns its session's id, or null where there is none */
  stopRelayPull(streamName: string): string | null;
  /** Opens a port for a GB28181 sender. Rejects with a TypeError. */
  startRtpPub(options: RtpPubOptions): Promise<RtpPubResult>;
  /** Refuses the address on every protocol for so many seconds (0: no longer), and ends its sessions. @throws TypeError */
  addIpBlacklist(ip: string, durationSec: number): void;
}

export interface Records {
  /** Records the stream that is published or pulled now. */
  start(streamName: string, format: RecordFormat): { readonly ok: true } | Refused;
  /** Ends the stream's record in this format, or (absent) in all. @returns how many ended */
  stop(streamName: string, format?: RecordFormat): number;
  /** Files, newest first, of one stream or (absent) of all. */
  list(streamName?: string): Promise<readonly RecordEntry[]>;
}

/** The longest that a timer of the runtime can take. */
const MAX_MS = 2_147_483_647;
/** A hundred years. */
const MAX_BLOCK_SEC = 3_155_760_000;

export function createStats(deps: ControlDeps): Stats {
  return {
    lalInfo: () => deps.lalInfo(),
    group: (streamName) => {
      const group = deps.group(streamName);
      return group === null ? null : groupJson(group);
    },
    allGroup: () => deps.groups().map(groupJson),
  };
}

export function createControls(deps: ControlDeps): Controls {
  return {
    kickSession: (streamName, sessionId) => deps.kick(streamName, sessionId) === 'kicked',
    startRelayPull: ({ url, streamName = '', rtspMode = 'tcp', debugDumpPacket = '', ...numbers }) => {
      if (typeof url !== 'string') throw wrong('url', url, 'a string');
      if (rtspMode !== 'tcp' && rtspMode !== 'udp') throw wrong('rtspMode', rtspMode, '"tcp" or "udp"');
      return deps.pulls.start({
        ...{ url, streamName, isUdp: rtspMode === 'udp', dumpFile: debugDumpPacket },
        timeoutMs: whole('pullTimeoutMs', numbers.pullTimeoutMs, 10_000, 1, MAX_MS),
        retryNum: whole('pullRetryNum', numbers.pullRetryNum, 0, -1, Number.MAX_SAFE_INTEGER),
        autoStopMs: whole('autoStopPullAfterNoOutMs', numbers.autoStopPullAfterNoOutMs, -1, -1, MAX_MS),
      });
    },
    stopRelayPull: (streamName) => deps.pulls.stop(streamName),
    startRtpPub: async ({ streamName, port, timeoutMs, isTcp = false, debugDumpPacket = '' }) =>
      deps.startRtpPub({
        ...{ streamName, isTcp, dumpFile: debugDumpPacket },
        port: whole('port', port, 0, 0, 65_535),
        timeoutMs: whole('timeoutMs', timeoutMs, 60_000, 0, Number.MAX_SAFE_INTEGER),
      }),
    addIpBlacklist: (ip, durationSec) => {
      const seconds = whole('durationSec', durationSec, Number.NaN, 0, MAX_BLOCK_SEC);
      if (!deps.blockAddress(String(ip), seconds)) throw wrong('ip', ip, 'an IPv4 or IPv6 address');
    },
  };
}

export function createRecords({ records, group }: ControlDeps): Records {
  return {
    start: (streamName, format) => {
      if (group(streamName) === null) return { ok: false, reason: `there is no stream ${streamName}` };
      return records.startRecord(streamName, format);
    },
    stop: (streamName, format) => records.stopRecord(streamName, format ?? null),
    list: (streamName) => records.list(streamName ?? null),
  };
}
