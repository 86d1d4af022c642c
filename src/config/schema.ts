/** The whole configuration: every section and key of the original's file, and our own section `millrace`. */
import { z } from 'zod';
import { keyInfo, live, MAX_TIMER_MS, sectionInfo, text } from './key.ts';
import { millraceSection } from './schema-millrace.ts';
import {
  debugSection,
  httpApiSection,
  httpNotifySection,
  logSection,
  pprofSection,
  recordSection,
  relayPushSection,
  simpleAuthSection,
  staticRelayPullSection,
} from './schema-operation.ts';
import {
  defaultHttpSection,
  hlsSection,
  httpflvSection,
  httptsSection,
  inSessionSection,
  rtmpSection,
  rtspSection,
} from './schema-protocols.ts';

/** The version of the original's format that is read here. */
export const CONF_VERSION = 'v0.4.1';

export const configSchema = z
  .object({
    conf_version: live('no effect', text(`version of this format; ${CONF_VERSION}`)),
    server_id: text('name of this server in its events and its API'),
    rtmp: rtmpSection,
    in_session: inSessionSection,
    default_http: defaultHttpSection,
    httpflv: httpflvSection,
    httpts: httptsSection,
    hls: hlsSection,
    rtsp: rtspSection,
    record: recordSection,
    relay_push: relayPushSection,
    static_relay_pull: staticRelayPullSection,
    http_api: httpApiSection,
    http_notify: httpNotifySection,
    simple_auth: simpleAuthSection,
    pprof: pprofSection,
    log: logSection,
    debug: debugSection,
    millrace: millraceSection,
  })
  .register(keyInfo, sectionInfo('The configuration', { isListedWhenMissing: false }));

/** What a configuration file may hold; keys that begin with `#` are comments. */
export type ConfigFile = z.input<typeof configSchema>;

type ParsedConfig = z.output<typeof configSchema>;

/** The configuration as it holds: every key has its value. Addresses are read, and null where there is none. */
export type Config = ReturnType<typeof withDerived>;

/** Fills in the keys whose defaults follow from other keys. */
export function withDerived(parsed: ParsedConfig) {
  const { hls } = parsed;
  return {
    ...parsed,
    hls: {
      ...hls,
      delete_threshold: hls.delete_threshold ?? hls.fragment_num,
      sub_session_timeout_ms:
        hls.sub_session_timeout_ms ?? Math.min(2 * hls.fragment_num * hls.fragment_duration_ms, MAX_TIMER_MS),
    },
  };
}

/** The keys of a section by name, in the order of the schema; null where the schema is no section. */
export function keysOf(schema: z.core.$ZodType): ReadonlyMap<string, z.core.$ZodType> | null {
  const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? new Map(Object.entries(inner.shape)) : null;
}
