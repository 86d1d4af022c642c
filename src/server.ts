/** Puts the parts together, starts and stops them in order: the one file that knows everything. */
import {
  addressOf,
  allOf,
  Blacklist,
  createDecisionCallbacks,
  createJwtAuth,
  createSimpleAuth,
} from './admission/index.ts';
import { type ApiServer, createApiServer } from './api/index.ts';
import {
  apiOptions,
  type Config,
  callbackOptions,
  fanoutOptions,
  type HttpPlayOptions,
  httpFlvOptions,
  httpTsOptions,
  jwtOptions,
  limits,
  notBuilt,
  notifyOptions,
  type PlainListener,
  rtmpOptions,
  simpleAuthOptions,
  type TlsListener,
} from './config/index.ts';
import { HttpListener, type HttpRoute, type Listener } from './net/index.ts';
import { createHeaderMaker, createNotifier, lalInfoJson, type Notifier, sessionBody } from './notify/index.ts';
import { BIN_INFO, SERVER_NAME } from './ops/index.ts';
import { httpFlvRoute } from './protocols/http-flv/index.ts';
import { httpTsRoute } from './protocols/http-ts/index.ts';
import { type RtmpDeps, RtmpServer } from './protocols/rtmp/index.ts';
import {
  type Admission,
  type Clock,
  type GroupSnapshot,
  type Hub,
  type Log,
  Registry,
  type SessionCounter,
  type StreamOptions,
} from './streams/index.ts';

export interface Server {
  /** Binds every listener, then tells the receiver. Rejects where a plain listener cannot be bound. */
  start(): Promise<void>;
  /** Ends listeners, then sessions, then delivers their stops, all within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
}

const clock: Clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };

/** How often the byte sums of sessions are kept for their stops after a crash. Milliseconds. */
const KEEP_COUNTERS_MS = 1000;

/** Something that listens, as start and stop see it. */
interface Port {
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

/** The whole server, not started yet. */
export function createServer(config: Config, log: Log): Server {
  const startUnixMs = clock.unixMs();
  const lalInfo = (): object => lalInfoJson({ serverId: config.server_id, binInfo: BIN_INFO, startUnixMs });
  const notify = notifyOptions(config);
  const notifier = createNotifier(
    // with HTTP Notify off nobody is told anything, so nothing is kept either
    notify.enabled ? notify : { ...notify, urls: {}, outboxPath: null },
    { log, clock, userAgent: SERVER_NAME, lalInfo, groups: () => registry.groups() },
  );
  const blacklist = new Blacklist(clock);
  const registry: Registry = new Registry(streamOptions(config), {
    ledger: notifier,
    log,
    clock,
    admission: createAdmission(config, { blacklist, log, groupOf: (name) => registry.group(name) }),
    consumers: [],
    onRecordWanted: () => {},
  });
  const ports = [
    ...rtmpPorts(config, { hub: registry, ledger: notifier, counter: notifier.counter, clock, log }),
    ...httpPorts(config, registry, notifier.counter, log),
  ];
  const api = createApi(config, registry, notifier, blacklist, lalInfo, log);
  let counting: NodeJS.Timeout | undefined;
  if (api !== null) ports.push(api.port);

  return {
    start: async () => {
      const missing = notBuilt(config);
      if (missing.length > 0) {
        log.warn({ keys: missing }, 'configured, but not served by this version and left out');
      }
      await notifier.open();
      let bound = 0;
      for (const port of ports) if (await startPort(port, log)) bound++;
      if (bound === 0)
        throw new Error('nothing listens: the configuration enables no listener, or none could be opened');
      registry.start();
      await notifier.start();
      if (notify.enabled) {
        counting = setInterval(() => notifier.setSessionCounters(registry.groups()), KEEP_COUNTERS_MS);
      }
      log.info({ ready: true }, 'millrace is ready');
    },
    stop: async (deadlineMs) => {
      const deadline = clock.monotonicMs() + deadlineMs;
      for (const port of ports) port.stop();
      await within(registry.stop(), deadlineMs);
      clearInterval(counting);
      await stopNotifier(notifier, Math.max(0, deadline - clock.monotonicMs()), log);
      await api?.server.close();
    },
  };
}

/** Whether it listens now. */
async function startPort(port: Port, log: Log): Promise<boolean> {
  try {
    const bound = await port.start();
    log.info({ listener: port.name, host: bound.host ?? port.host ?? '::', port: bound.port }, 'listening');
    return true;
  } catch (error) {
    const reason = `${port.key}: ${error instanceof Error ? error.message : String(error)}`;
    if (port.required) throw new Error(reason);
    log.error({ listener: port.name }, `${reason}; the rest of the server goes on`);
    return false;
  }
}

/** Waits for `promise`, but no longer than `ms`. */
async function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

async function stopNotifier(notifier: Notifier, deadlineMs: number, log: Log): Promise<void> {
  const { undelivered, isKept } = await notifier.stop(deadlineMs);
  if (undelivered === 0) return;
  if (isKept)
    log.warn({ undelivered }, 'events were not delivered before the server stopped; they go out at its next start');
  else log.error({ undelivered }, 'events were not delivered before the server stopped, and are lost');
}

interface AdmissionDeps {
  readonly blacklist: Blacklist;
  readonly log: Log;
  groupOf(streamName: string): GroupSnapshot | null;
}

/** Blocked addresses, secrets and tokens are looked at first: the business side is asked about the others only. */
function createAdmission(config: Config, { blacklist, log, groupOf }: AdmissionDeps): Admission {
  const jwt = jwtOptions(config);
  const { signingSecrets, headers, serverId } = notifyOptions(config);
  const headerMaker = createHeaderMaker({ signingSecrets, headers }, SERVER_NAME);
  const callbacks = createDecisionCallbacks(callbackOptions(config), {
    clock,
    log,
    headers: headerMaker.plain,
    body: (session) => {
      const group = groupOf(session.streamName);
      const hasInSession = group !== null && (group.pub !== null || group.pull !== null);
      const hasOutSession = group !== null && group.subs.length > 0;
      return sessionBody({ ...session, hasInSession, hasOutSession, readBytesSum: 0, wroteBytesSum: 0 }, serverId);
    },
  });
  return allOf([
    blacklist,
    createSimpleAuth(simpleAuthOptions(config)),
    ...(jwt === null ? [] : [createJwtAuth(jwt)]),
    callbacks,
  ]);
}

function streamOptions(config: Config): StreamOptions {
  const rtmp = rtmpOptions(config);
  const flv = httpFlvOptions(config);
  const ts = httpTsOptions(config);
  const plain = (options: { gopNum: number }): StreamOptions['formats'][string] => ({
    gopNum: options.gopNum,
    mergeWriteBytes: rtmp.mergeWriteSize,
  });
  // what is cached serves all formats: the widest bounds hold, and no bound at all is the widest
  const cached = [rtmp, flv, ts].filter(({ enabled, gopNum }) => enabled && gopNum > 0);
  const frameBounds = cached.map(({ singleGopMaxFrameNum }) => singleGopMaxFrameNum);
  return {
    fanout: fanoutOptions(config),
    formats: { rtmp: plain(rtmp), flv: plain(flv), 'ws-flv': plain(flv), ts: plain(ts), 'ws-ts': plain(ts) },
    gopNum: Math.max(0, ...cached.map(({ gopNum }) => gopNum)),
    singleGopMaxFrameNum: frameBounds.includes(0) ? 0 : Math.max(0, ...frameBounds),
    idleTimeoutMs: limits(config).idleTimeoutMs,
  };
}

function rtmpPorts(config: Config, deps: RtmpDeps): Port[] {
  const { plain, tls } = rtmpOptions(config);
  const { handshakeTimeoutMs, maxMessageBytes } = limits(config);
  const port = (name: string, listener: PlainListener, files: TlsListener | null): Port => {
    const server = new RtmpServer({ address: listener.addr, tls: files, handshakeTimeoutMs, maxMessageBytes }, deps);
    return {
      name,
      key: listener.key,
      host: listener.addr.host,
      required: files === null,
      start: () => server.start(),
      stop: () => server.stop(),
    };
  };
  return [...(plain === null ? [] : [port('rtmp', plain, null)]), ...(tls === null ? [] : [port('rtmps', tls, tls)])];
}

/** HTTP-FLV and HTTP-TS: those with one address share one listener. */
function httpPorts(config: Config, hub: Hub, counter: SessionCounter, log: Log): Port[] {
  const deps = { hub, counter, log, serverName: SERVER_NAME };
  const { handshakeTimeoutMs } = limits(config);
  const listeners = new Map<string, { listener: HttpListener; port: Port }>();
  const add = (name: string, at: PlainListener, tls: TlsListener | null, route: HttpRoute): void => {
    const address = `${name} ${at.addr.host ?? ''}:${at.addr.port}`;
    let entry = listeners.get(address);
    if (entry === undefined) {
      const options = { address: at.addr, tls, handshakeTimeoutMs, serverName: SERVER_NAME };
      const listener = new HttpListener(options, log);
      const port: Port = {
        name,
        key: at.key,
        host: at.addr.host,
        required: tls === null,
        start: () => listener.start(),
        stop: () => listener.stop(),
      };
      entry = { listener, port };
      listeners.set(address, entry);
    }
    entry.listener.addRoute(route);
  };
  const addBoth = ({ plain, tls }: HttpPlayOptions, route: HttpRoute): void => {
    if (plain !== null) add('http', plain, null, route);
    if (tls !== null) add('https', tls, tls, route);
  };
  const flv = httpFlvOptions(config);
  const ts = httpTsOptions(config);
  addBoth(flv, httpFlvRoute(flv.urlPattern, deps));
  addBoth(ts, httpTsRoute(ts.urlPattern, deps));
  return Array.from(listeners.values(), ({ port }) => port);
}

/** Absent: every address. */
function isLoopback(host: string | undefined): boolean {
  return host !== undefined && /^(127\.|::1$|localhost$)/.test(host);
}

function createApi(
  config: Config,
  registry: Registry,
  notifier: Notifier,
  blacklist: Blacklist,
  lalInfo: () => object,
  log: Log,
): { server: ApiServer; port: Port } | null {
  const { plain, token } = apiOptions(config);
  if (plain === null) return null;
  if (token === '' && !isLoopback(plain.addr.host)) {
    log.warn(
      { key: plain.key },
      'the HTTP API listens to other machines and asks for no token: set millrace.api.token',
    );
  }
  const server = createApiServer(
    {
      lalInfo,
      groups: () => registry.groups(),
      group: (name) => registry.group(name),
      kick: (streamName, sessionId) => registry.kick(streamName, sessionId),
      blockAddress: (ip, durationSec) => {
        const address = blacklist.block(ip, durationSec);
        if (address !== null && durationSec > 0) registry.kickWhere((remoteAddr) => addressOf(remoteAddr) === address);
        return address !== null;
      },
      notify: notifier.admin,
      lastEventSeq: () => notifier.lastSeq,
    },
    { ...plain.addr, serverName: SERVER_NAME, log, token },
  );
  // the API answers to the end, so that a receiver may still ask while stops are delivered
  const port: Port = {
    name: 'api',
    key: plain.key,
    host: plain.addr.host,
    required: true,
    start: () => server.listen(),
    stop: () => {},
  };
  return { server, port };
}
