/** `/api/server/info`: what a console must know of this server: where it listens, what it does, what its configuration lacks. */
import type { PlayerOptions } from '../threads/index.ts';

/** One way in or out. */
interface ListenerJson {
  readonly protocol: 'RTMP' | 'RTSP' | 'FLV' | 'TS' | 'HLS';
  readonly scheme: 'rtmp' | 'rtmps' | 'rtsp' | 'rtsps' | 'ws' | 'http' | 'https';
  /** As configured; empty: every address. */
  readonly host: string;
  /** As bound. */
  readonly port: number;
  /** What paths begin with; empty where they begin with the app. */
  readonly url_pattern: string;
}

/** What is on. */
export interface FeaturesJson {
  readonly low_latency_hls: boolean;
  readonly notify: boolean;
  /** Whether URLs must bear a secret or a token. */
  readonly publish_secret: boolean;
  readonly play_secret: boolean;
}

export interface ServerInfoJson {
  readonly listeners: readonly ListenerJson[];
  readonly features: FeaturesJson;
  /** Sentences about the configuration, as in the log. */
  readonly warnings: readonly string[];
}

type Listening = Pick<PlayerOptions, 'rtmp' | 'rtsp' | 'flv' | 'ts' | 'hls'>;
type Place = PlayerOptions['rtmp']['plain'];

/**
 * Every listener that is open.
 * @param ports where the ports are bound, by the configuration key of their address
 */
export function listenersJson(options: Listening, ports: ReadonlyMap<string, number>): ListenerJson[] {
  const { rtmp, rtsp, hls, flv, ts } = options;
  const found: ListenerJson[] = [];
  /** Ports of protocols that share an address are known by the key of the first of them. */
  const owners = new Map<string, string>();
  const add = (
    protocol: ListenerJson['protocol'],
    scheme: ListenerJson['scheme'],
    place: Place,
    url_pattern = '',
  ): void => {
    if (place === null) return;
    const { host = '', port: wanted } = place.addr;
    const address = `${scheme} ${host}:${wanted}`;
    const owner = owners.get(address) ?? place.key;
    owners.set(address, owner);
    const port = ports.get(owner);
    if (port !== undefined) found.push({ protocol, scheme, host, port, url_pattern });
  };
  add('RTMP', 'rtmp', rtmp.plain);
  add('RTMP', 'rtmps', rtmp.tls);
  add('RTSP', 'rtsp', rtsp.plain);
  add('RTSP', 'rtsps', rtsp.tls);
  add('RTSP', 'ws', rtsp.webSocket);
  for (const [protocol, { plain, tls, urlPattern }] of [
    ['HLS', hls],
    ['FLV', flv],
    ['TS', ts],
  ] as const) {
    add(protocol, 'http', plain, urlPattern);
    add(protocol, 'https', tls, urlPattern);
  }
  return found;
}
