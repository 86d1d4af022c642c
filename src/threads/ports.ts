/** The ports at which publishers and players come in: the same protocols behind them in whichever thread listens. */
import type { HevcTagging } from '../containers/flv/index.ts';
import {
  type AnswerRoute,
  HttpListener,
  type HttpRoute,
  type ListenAddress,
  type Listener,
  type PeerLimitOptions,
  type TlsFiles,
  type TlsPem,
} from '../net/index.ts';
import { httpFlvRoute } from '../protocols/http-flv/index.ts';
import { httpTsRoute } from '../protocols/http-ts/index.ts';
import { type RtmpDeps, RtmpServer } from '../protocols/rtmp/index.ts';
import {
  RTSP_PUBLISHER_WAIT_MS,
  RTSP_SESSION_TIMEOUT_MS,
  type RtspAuthOptions,
  RtspServer,
  RtspWebSocketServer,
} from '../protocols/rtsp/index.ts';

/** Something that listens, as start and stop see it. */
export interface Port {
  readonly name: string;
  /** The configuration key of its address. */
  readonly key: string;
  /** As configured; absent: every address. */
  readonly host: string | undefined;
  /** Whether the server does not start without it. */
  readonly required: boolean;
  start(): Promise<Pick<Listener, 'port'> & Partial<Listener>>;
  stop(): void;
}

/** A port that several threads may share. */
export interface PlayerPort extends Port {
  /** As configured; 0: any. */
  readonly port: number;
  /** Given a number, it listens there beside other threads that do the same. */
  start(shared?: number): Promise<Listener>;
  /** Certificates and who must authenticate, for the connections from now on; the rest of the options stays as it was. */
  update(options: PlayerOptions): void;
}

/** Where a part listens, and the key that says so. */
interface PlainListener {
  readonly addr: ListenAddress;
  readonly key: string;
}

export interface TlsListener extends PlainListener, TlsFiles {}

interface Listeners {
  /** Null where it is off; the server does not start where it cannot be bound. */
  readonly plain: PlainListener | null;
  readonly tls: TlsListener | null;
}

interface HttpListeners extends Listeners {
  readonly urlPattern: string;
}

interface HlsListeners extends HttpListeners {
  /** Progressive players have the same pattern. */
  readonly isPatternShared: boolean;
}

interface RtspListeners extends Listeners {
  /** RTSP over WebSocket; the server starts without it. */
  readonly webSocket: PlainListener | null;
  readonly auth: RtspAuthOptions;
}

/** Plain data, so that another thread can be given it. */
export interface PlayerOptions {
  readonly rtmp: Listeners;
  readonly rtsp: RtspListeners;
  readonly flv: HttpListeners;
  readonly ts: HttpListeners;
  readonly hls: HlsListeners;
  /** Until a handshake or a request's headers are complete. Milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** One message of a publisher. */
  readonly maxMessageBytes: number;
  /** How H265 is tagged in FLV and RTMP. */
  readonly hevc: HevcTagging;
  /** Value of the header `Server`. */
  readonly serverName: string;
  readonly peers: PeerLimitOptions;
}

export interface PlayerDeps extends RtmpDeps {
  /** HLS; absent: this thread does not serve it. */
  readonly answers?: AnswerRoute;
}

/** What listens while a port is open. */
interface Opened {
  start(): Promise<Listener>;
  stop(): void;
}

/** All ports that the options ask for, none of them open yet, in the same order in every thread. */
export function playerPorts(options: PlayerOptions, deps: PlayerDeps): PlayerPort[] {
  return [...rtmpPorts(options, deps), ...httpPorts(options, deps), ...rtspPorts(options, deps)];
}

function rtmpPorts({ rtmp, handshakeTimeoutMs, maxMessageBytes, hevc }: PlayerOptions, deps: RtmpDeps): PlayerPort[] {
  const open = (tls: TlsFiles | null) => (address: ListenAddress) =>
    new RtmpServer({ address, tls, handshakeTimeoutMs, maxMessageBytes, hevc }, deps);
  return [
    ...(rtmp.plain === null ? [] : [playerPort('rtmp', rtmp.plain, true, open(null), renewCertificate)]),
    ...(rtmp.tls === null ? [] : [playerPort('rtmps', rtmp.tls, false, open(rtmp.tls), renewCertificate)]),
  ];
}

function rtspPorts({ rtsp, handshakeTimeoutMs, serverName }: PlayerOptions, deps: RtmpDeps): PlayerPort[] {
  const options = {
    ...{ auth: rtsp.auth, handshakeTimeoutMs },
    ...{ sessionTimeoutMs: RTSP_SESSION_TIMEOUT_MS, publisherWaitMs: RTSP_PUBLISHER_WAIT_MS },
  };
  const rtspDeps = { ...deps, serverName };
  const open = (tls: TlsFiles | null) => (address: ListenAddress) =>
    new RtspServer({ ...options, address, tls }, rtspDeps);
  const openWebSocket = (address: ListenAddress) => new RtspWebSocketServer({ ...options, address }, rtspDeps);
  const update = (server: RtspServer, next: PlayerOptions, key: string): void => {
    server.useAuth(next.rtsp.auth);
    renewCertificate(server, next, key);
  };
  const updateWebSocket = (server: RtspWebSocketServer, next: PlayerOptions): void => server.useAuth(next.rtsp.auth);
  return [
    ...(rtsp.plain === null ? [] : [playerPort('rtsp', rtsp.plain, true, open(null), update)]),
    ...(rtsp.tls === null ? [] : [playerPort('rtsps', rtsp.tls, false, open(rtsp.tls), update)]),
    ...(rtsp.webSocket === null ? [] : [playerPort('ws-rtsp', rtsp.webSocket, false, openWebSocket, updateWebSocket)]),
  ];
}

/** All listeners with TLS that the options ask for. */
export function tlsListeners({ rtmp, rtsp, hls, flv, ts }: PlayerOptions): TlsListener[] {
  return [rtmp.tls, rtsp.tls, hls.tls, flv.tls, ts.tls].filter((listener) => listener !== null);
}

/** @param key of the server's address, by which the options know it */
function renewCertificate(server: { useCertificate(pem: TlsPem): void }, options: PlayerOptions, key: string): void {
  const pem = tlsListeners(options).find((each) => each.key === key)?.pem;
  if (pem !== undefined) server.useCertificate(pem);
}

/** Protocols over HTTP: those with one address share one listener. */
function httpPorts(options: PlayerOptions, deps: PlayerDeps): PlayerPort[] {
  const { flv, ts, hls, hevc, handshakeTimeoutMs, serverName } = options;
  const routeDeps = { ...deps, serverName };
  const ports = new Map<string, { readonly port: PlayerPort; readonly routes: (HttpRoute | AnswerRoute)[] }>();
  const add = (name: string, at: PlainListener, tls: TlsFiles | null, route: HttpRoute | AnswerRoute): void => {
    const address = `${name} ${at.addr.host ?? ''}:${at.addr.port}`;
    let entry = ports.get(address);
    if (entry === undefined) {
      const routes: (HttpRoute | AnswerRoute)[] = [];
      const open = (listened: ListenAddress): HttpListener => {
        const listenerOptions = { address: listened, tls, handshakeTimeoutMs, serverName };
        const listener = new HttpListener(listenerOptions, deps.log, deps.faults, deps.limits);
        for (const each of routes) listener.addRoute(each);
        return listener;
      };
      entry = { port: playerPort(name, at, tls === null, open, renewCertificate), routes };
      ports.set(address, entry);
    }
    entry.routes.push(route);
  };
  const addBoth = ({ plain, tls }: Listeners, route: HttpRoute | AnswerRoute): void => {
    if (plain !== null) add('http', plain, null, route);
    if (tls !== null) add('https', tls, tls, route);
  };
  // before those that may have the same pattern, and take every name
  if (deps.answers !== undefined) addBoth(hls, deps.answers);
  addBoth(flv, httpFlvRoute(flv.urlPattern, hevc, routeDeps));
  addBoth(ts, httpTsRoute(ts.urlPattern, routeDeps));
  return Array.from(ports.values(), ({ port }) => port);
}

function playerPort<O extends Opened>(
  name: string,
  { addr, key }: PlainListener,
  required: boolean,
  open: (address: ListenAddress) => O,
  update: (opened: O, options: PlayerOptions, key: string) => void,
): PlayerPort {
  let opened: O | null = null;
  return {
    name,
    key,
    host: addr.host,
    port: addr.port,
    required,
    start: (shared) => {
      opened = open(shared === undefined ? addr : { ...addr, port: shared, reusePort: true });
      return opened.start();
    },
    update: (options) => {
      if (opened !== null) update(opened, options, key);
    },
    stop: () => opened?.stop(),
  };
}
