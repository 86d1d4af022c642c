/** Maps the keys about other servers onto the options of relay. */
import type { OutboundOptions } from '../net/index.ts';
import type { PushOptions, StaticPullOptions } from '../relay/index.ts';
import type { Config } from './schema.ts';

/** Until another server answers with media, or takes a stream, where the API says nothing else. Milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Where this server may connect to by itself. */
export function outboundOptions({ millrace }: Config): OutboundOptions {
  return { allow: millrace.outbound.allow };
}

/** Pulls that a player's coming starts. */
export function staticPullOptions({ static_relay_pull: pull }: Config): StaticPullOptions {
  return { addr: pull.enable && pull.addr !== '' ? pull.addr : null, timeoutMs: CONNECT_TIMEOUT_MS };
}

/** Pushes of every publication. */
export function pushOptions({ relay_push: push, millrace }: Config): PushOptions {
  return {
    addrs: push.enable ? push.addr_list.filter((addr) => addr !== '') : [],
    timeoutMs: CONNECT_TIMEOUT_MS,
    maxMessageBytes: millrace.limits.max_message_bytes,
    hevc: millrace.flv.hevc,
  };
}
