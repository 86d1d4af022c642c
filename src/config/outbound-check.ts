/** Compares the configured URLs and addresses of other servers with the hosts that may be connected to. */
import { httpTarget, Outbound, parseMediaUrl } from '../net/index.ts';
import type { Config } from './schema.ts';

/** One error for each key that names a host which `millrace.outbound.allow` leaves out, as far as no name has to be looked up. */
export function outboundErrors(config: Config): string[] {
  const outbound = new Outbound(config.millrace.outbound);
  return targetsOf(config).flatMap(({ key, host, port }) =>
    outbound.problem(host, port) === null
      ? []
      : [`${key}: found the host "${host}", port ${port}, allowed: one that millrace.outbound.allow lets through`],
  );
}

interface Target {
  readonly key: string;
  readonly host: string;
  readonly port: number;
}

function targetsOf(config: Config): Target[] {
  const { http_notify: notify, relay_push: push, static_relay_pull: pull, millrace } = config;
  const { on_record_start, on_record_stop } = millrace.notify;
  const { on_publish, on_play } = millrace.admission;
  return [
    ...(notify.enable ? urlTargets('http_notify', notify) : []),
    ...(notify.enable ? urlTargets('millrace.notify', { on_record_start, on_record_stop }) : []),
    ...urlTargets('millrace.admission', { on_publish, on_play }),
    ...(push.enable ? push.addr_list.flatMap((addr, i) => relayTarget(`relay_push.addr_list[${i}]`, addr)) : []),
    ...(pull.enable ? relayTarget('static_relay_pull.addr', pull.addr) : []),
  ];
}

function urlTargets(section: string, keys: Readonly<Record<string, unknown>>): Target[] {
  return Object.entries(keys).flatMap(([key, value]) => {
    if (typeof value !== 'string' || !key.startsWith('on_')) return [];
    return [{ key: `${section}.${key}`, ...httpTarget(new URL(value)) }];
  });
}

/** None where the address cannot be read, which relay says itself. */
function relayTarget(key: string, addr: string): Target[] {
  const url = parseMediaUrl(`rtmp://${addr}/app/stream`);
  return 'problem' in url ? [] : [{ key, host: url.host, port: url.port }];
}
