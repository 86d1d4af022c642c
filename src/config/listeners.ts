/** Which listeners a configuration asks for, with the keys that say so, and which of them stand in each other's way. */
import { addressesCollide, type ConfiguredAddress, sameAddress } from './addr.ts';
import type { Config } from './schema.ts';

/**
 * What becomes of a listener that cannot listen: a `plain` one stops the start; a `tls` or an `optional` one (RTSP over
 * WebSocket, profiles) is logged as an error and the rest goes on.
 */
type ListenerRole = 'plain' | 'tls' | 'optional';

/** A listener that is switched on. */
export interface ListenerRow {
  readonly role: ListenerRole;
  /** The key that turned it on. */
  readonly switchKey: string;
  /** The key that holds its address. */
  readonly key: string;
  /** Null: it is switched on, but has no address. */
  readonly address: ConfiguredAddress | null;
  /** Sections that name the same HTTP address share its listener. */
  readonly isHttp: boolean;
  readonly cert: KeyedFile;
  readonly privateKey: KeyedFile;
}

/** A file's name and the key that holds it; both empty for listeners without TLS. */
interface KeyedFile {
  readonly key: string;
  readonly file: string;
}

type Protocol = 'rtmp' | 'rtsp';
type HttpSection = 'httpflv' | 'httpts' | 'hls';

const NO_FILE: KeyedFile = { key: '', file: '' };

/** RTMP's or RTSP's two listeners; null where one is off. */
export function protocolListeners(config: Config, section: Protocol) {
  const s = config[section];
  const tls =
    'rtmps_enable' in s
      ? { on: s.rtmps_enable, address: s.rtmps_addr, cert: s.rtmps_cert_file, key: s.rtmps_key_file }
      : { on: s.rtsps_enable, address: s.rtsps_addr, cert: s.rtsps_cert_file, key: s.rtsps_key_file };
  const tlsPrefix = `${section}.${section}s_`;
  return {
    plain: s.enable ? withoutTls('plain', `${section}.enable`, `${section}.addr`, s.addr) : null,
    tls: tls.on
      ? row('tls', `${tlsPrefix}enable`, `${tlsPrefix}addr`, tls.address, {
          cert: { key: `${tlsPrefix}cert_file`, file: tls.cert },
          privateKey: { key: `${tlsPrefix}key_file`, file: tls.key },
        })
      : null,
  };
}

/** The HTTP and HTTPS listeners of a section, which inherits from `default_http` what it leaves empty; null where one is off. */
export function httpListeners(config: Config, section: HttpSection) {
  const own = config[section];
  const inherited = config.default_http;
  const address = (key: 'http_listen_addr' | 'https_listen_addr') =>
    own[key] === null && inherited[key] !== null
      ? { key: `default_http.${key}`, address: inherited[key] }
      : { key: `${section}.${key}`, address: own[key] };
  const file = (key: 'https_cert_file' | 'https_key_file'): KeyedFile =>
    own[key] === '' && inherited[key] !== ''
      ? { key: `default_http.${key}`, file: inherited[key] }
      : { key: `${section}.${key}`, file: own[key] };
  const http = address('http_listen_addr');
  const https = address('https_listen_addr');
  return {
    plain: own.enable ? { ...withoutTls('plain', `${section}.enable`, http.key, http.address), isHttp: true } : null,
    tls: own.enable_https
      ? {
          ...row('tls', `${section}.enable_https`, https.key, https.address, {
            cert: file('https_cert_file'),
            privateKey: file('https_key_file'),
          }),
          isHttp: true,
        }
      : null,
  };
}

/** The listener of the HTTP API; null where it is off. */
export function apiListener({ http_api }: Config): ListenerRow | null {
  return http_api.enable ? withoutTls('plain', 'http_api.enable', 'http_api.addr', http_api.addr) : null;
}

/** The listener of RTSP over WebSocket; null where it is off. */
export function rtspWebSocketListener({ rtsp }: Config): ListenerRow | null {
  return rtsp.ws_rtsp_enable
    ? withoutTls('optional', 'rtsp.ws_rtsp_enable', 'rtsp.ws_rtsp_addr', rtsp.ws_rtsp_addr)
    : null;
}

/** The listener of the runtime's profiles; null where it is off. */
export function profileListener({ pprof }: Config): ListenerRow | null {
  return pprof.enable ? withoutTls('optional', 'pprof.enable', 'pprof.addr', pprof.addr) : null;
}

/** Every listener that is switched on: first the plain ones, then the others. */
export function allListeners(config: Config): ListenerRow[] {
  const rtmpPair = protocolListeners(config, 'rtmp');
  const rtspPair = protocolListeners(config, 'rtsp');
  const flv = httpListeners(config, 'httpflv');
  const ts = httpListeners(config, 'httpts');
  const hls = httpListeners(config, 'hls');
  const ws = rtspWebSocketListener(config);
  return [
    ...[rtmpPair.plain, flv.plain, ts.plain, hls.plain, rtspPair.plain, apiListener(config)],
    ...[rtmpPair.tls, flv.tls, ts.tls, hls.tls, rtspPair.tls, ws, profileListener(config)],
  ].filter((listener) => listener !== null);
}

/** A listener that cannot be bound, because an earlier one is in its way. */
export interface Collision {
  readonly loser: ListenerRow;
  readonly winner: ListenerRow;
}

/** The listeners whose address an earlier listener takes, as far as the file shows; each once. */
export function collisions(rows: readonly ListenerRow[]): Collision[] {
  return rows.flatMap((loser, i) => {
    const winner = rows.slice(0, i).find((earlier) => isInTheWay(earlier, loser));
    return winner === undefined ? [] : [{ loser, winner }];
  });
}

function isInTheWay(a: ListenerRow, b: ListenerRow): boolean {
  if (a.address === null || b.address === null) return false;
  const isShared = a.isHttp && b.isHttp && a.role === b.role && sameAddress(a.address, b.address);
  return !isShared && addressesCollide(a.address, b.address);
}

function withoutTls(
  role: ListenerRole,
  switchKey: string,
  key: string,
  address: ConfiguredAddress | null,
): ListenerRow {
  return row(role, switchKey, key, address, { cert: NO_FILE, privateKey: NO_FILE });
}

function row(
  role: ListenerRole,
  switchKey: string,
  key: string,
  address: ConfiguredAddress | null,
  files: { readonly cert: KeyedFile; readonly privateKey: KeyedFile },
): ListenerRow {
  return { role, switchKey, key, address, isHttp: false, ...files };
}
