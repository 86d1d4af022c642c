/** Puts the parts together, starts and stops them in order: the one file that knows everything. */
import {
  addressOf,
  allOf,
  Blacklist,
  createDecisionCallbacks,
  createJwtAuth,
  createSimpleAuth,
} from './admission/index.ts';
import {
  type ApiDeps,
  type ApiServer,
  CONSOLE_FOLDER,
  createApiServer,
  listenersJson,
  type ServerInfoJson,
} from './api/index.ts';
import {
  apiOptions,
  type Config,
  callbackOptions,
  featuresJson,
  hlsOptions,
  httpFlvOptions,
  httpTsOptions,
  jwtOptions,
  limits,
  notifyOptions,
  operationsOptions,
  pushOptions,
  recorderOptions,
  rtmpOptions,
  rtspOptions,
  simpleAuthOptions,
  staticPullOptions,
  streamOptions,
  threadCount,
} from './config/index.ts';
import { PacketDump } from './net/index.ts';
import {
  createHeaderMaker,
  createNotifier,
  type LalInfoJson,
  lalInfoJson,
  type Notifier,
  type NotifierDeps,
  sessionBody,
} from './notify/index.ts';
import { BIN_INFO, Operations, SERVER_NAME } from './ops/index.ts';
import { Gb28181Server } from './protocols/gb28181/index.ts';
import { HlsServer, type HlsWatch } from './protocols/hls/index.ts';
import { openRtmpSource } from './protocols/rtmp/index.ts';
import { openRtspSource } from './protocols/rtsp/index.ts';
import { Recorder, type RecordFormat } from './record/index.ts';
import { Pulls, relayPush } from './relay/index.ts';
import {
  type Admission,
  type Clock,
  type ConsumerFactory,
  type GroupSnapshot,
  type Log,
  Registry,
  type SessionCounter,
} from './streams/index.ts';
import { type PlayerOptions, PlayerThreads, type Port, playerPorts } from './threads/index.ts';

export interface Server {
  /** Binds every listener, then tells the receiver. Rejects where a plain listener cannot be bound. */
  start(): Promise<void>;
  /** Ends listeners, then sessions, then delivers their stops, all within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
  /** What the API, and so a program that has the server in its process, asks and commands. */
  readonly controls: Controls;
  readonly hub: Registry;
  readonly counter: SessionCounter;
  /** Where the listener of this name, or of the address with this key, is bound; null where it is not. */
  portOf(listener: string): number | null;
}

type Control = 'groups' | 'group' | 'kick' | 'blockAddress' | 'startRtpPub' | 'pulls' | 'records';
export type Controls = Pick<ApiDeps, Control> & { lalInfo(): LalInfoJson };

/** What such a program adds. */
export interface Additions {
  /** Asked after all others. */
  readonly admission?: Admission;
  readonly onEvent?: NotifierDeps['onEvent'];
  readonly consumers?: readonly ConsumerFactory[];
  /** It has its own use of the server, so that nothing need listen. */
  readonly mayListenNowhere?: boolean;
}

const clock: Clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };

/** How often the byte sums of sessions are kept for their stops after a crash. Milliseconds. */
const KEEP_COUNTERS_MS = 1000;

const OPEN_API = 'the HTTP API listens to other machines and asks for no token: set millrace.api.token';
const OPEN_PROFILES =
  'profiles hold whatever is in memory, and other machines get them without a token: set millrace.api.token';

/**
 * The whole server, not started yet.
 * @param warnings what is worth a warning in the configuration, for the console
 */
export function createServer(
  config: Config,
  log: Log,
  warnings: readonly string[] = [],
  additions: Additions = {},
): Server {
  const startUnixMs = clock.unixMs();
  const lalInfo = (): LalInfoJson => lalInfoJson({ serverId: config.server_id, binInfo: BIN_INFO, startUnixMs });
  const notify = notifyOptions(config);
  const notifier = createNotifier(
    // with HTTP Notify off nobody is told anything, so nothing is kept either
    notify.enabled ? notify : { ...notify, urls: {}, outboxPath: null },
    {
      ...{ log, clock, userAgent: SERVER_NAME, lalInfo, groups: () => registry.groups() },
      ...(additions.onEvent === undefined ? {} : { onEvent: additions.onEvent }),
    },
  );
  const ops = new Operations(operationsOptions(config), { log, clock, notifier, groups: () => registry.groups() });
  const blacklist = new Blacklist(clock);
  const admission = allOf([
    createAdmission(config, { blacklist, log, groupOf: (name) => registry.group(name) }),
    ...(additions.admission === undefined ? [] : [additions.admission]),
  ]);
  const consumers: ConsumerFactory[] = [...(additions.consumers ?? [])];
  const registry: Registry = new Registry(streamOptions(config), {
    ledger: notifier,
    log,
    clock,
    admission,
    consumers,
    watch: ops.metrics.hub,
    onRecordWanted: (streamName, format) => startRecord(recorder, streamName, format, log),
    onChange: (change) => pulls.onChange(change),
  });
  const pulls = createPulls(config, registry, notifier, log);
  const recorder = new Recorder(recorderOptions(config), {
    ...{ clock, ledger: notifier, log, watch: ops.metrics.records },
    tap: (streamName, consumer) => registry.tap(streamName, consumer),
    appNameOf: (streamName) => registry.group(streamName)?.appName ?? '',
  });
  consumers.push((publication) => recorder.consume(publication));
  consumers.push(relayPush(pushOptions(config), { hub: registry, counter: notifier.counter, log }));
  const hls = createHls(config, { registry, notifier, admission, log, watch: ops.metrics.hls });
  if (hls !== null) consumers.push(...hls.consumers);
  const playerDeps = {
    ...{ hub: registry, ledger: notifier, counter: notifier.counter, clock, log },
    ...(hls === null ? {} : { answers: hls.route }),
  };
  const players = playerOptions(config);
  const playerThreads = threadCount(config) === 1 ? null : new PlayerThreads(threadCount(config), players, playerDeps);
  const ports: Port[] = [...(playerThreads?.ports ?? playerPorts(players, playerDeps))];
  /** Where ports are bound, by the keys of their addresses. */
  const bound = new Map<string, number>();
  const serverInfo = (): ServerInfoJson => ({
    listeners: listenersJson(players, bound),
    features: featuresJson(config),
    warnings: [...warnings, ...ownWarnings(config).map(({ keys, message }) => `${keys.join(', ')}: ${message}`)],
  });
  const gb28181 = new Gb28181Server({ hub: registry, counter: notifier.counter, clock, log });
  const controls: Controls = {
    lalInfo,
    groups: () => registry.groups(),
    group: (name) => registry.group(name),
    kick: (streamName, sessionId) => registry.kick(streamName, sessionId),
    blockAddress: (ip, durationSec) => {
      const address = blacklist.block(ip, durationSec);
      if (address !== null && durationSec > 0) registry.kickWhere((remoteAddr) => addressOf(remoteAddr) === address);
      return address !== null;
    },
    startRtpPub: (request) => gb28181.startRtpPub(request),
    pulls,
    records: recorder,
  };
  const api = createApi(config, { controls, notifier, serverInfo, ops, log });
  let counting: NodeJS.Timeout | undefined;
  if (api !== null) ports.push(api.port);
  if (ops.profilePort !== null) ports.push(ops.profilePort);

  return {
    start: async () => {
      for (const { keys, message } of ownWarnings(config)) log.warn({ keys }, message);
      await notifier.open();
      await recorder.start();
      for (const port of ports) {
        const number = await startPort(port, log);
        if (number !== null) bound.set(port.key, number);
      }
      if (bound.size === 0 && additions.mayListenNowhere !== true)
        throw new Error('nothing listens: the configuration enables no listener, or none could be opened');
      registry.start(() => playerThreads?.tick());
      hls?.start();
      await notifier.start();
      if (notify.enabled) {
        counting = setInterval(() => notifier.setSessionCounters(registry.groups()), KEEP_COUNTERS_MS);
      }
      ops.start();
      log.info({ ready: true }, 'millrace is ready');
    },
    stop: async (deadlineMs) => {
      const deadline = clock.monotonicMs() + deadlineMs;
      ops.stop();
      for (const port of ports) port.stop();
      pulls.stopAll();
      await within(registry.stop(), deadlineMs);
      await within(recorder.stop(), Math.max(0, deadline - clock.monotonicMs()));
      // the last segments are told of before the notifier stops
      await within(hls?.stop() ?? Promise.resolve(), Math.max(0, deadline - clock.monotonicMs()));
      await playerThreads?.end();
      clearInterval(counting);
      await stopNotifier(notifier, Math.max(0, deadline - clock.monotonicMs()), log);
      await api?.server.close();
    },
    ...{ controls, hub: registry, counter: notifier.counter },
    portOf: (listener) => {
      const port = ports.find(({ name, key }) => bound.has(key) && (name === listener || key === listener));
      return (port === undefined ? undefined : bound.get(port.key)) ?? null;
    },
  };
}

/** The number at which it listens now; null where it does not. */
async function startPort(port: Port, log: Log): Promise<number | null> {
  try {
    const bound = await port.start();
    log.info({ listener: port.name, host: bound.host ?? port.host ?? '::', port: bound.port }, 'listening');
    return bound.port;
  } catch (error) {
    const reason = `${port.key}: ${error instanceof Error ? error.message : String(error)}`;
    if (port.required) throw new Error(reason);
    log.error({ listener: port.name }, `${reason}; the rest of the server goes on`);
    return null;
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

function playerOptions(config: Config): PlayerOptions {
  return {
    rtmp: rtmpOptions(config),
    rtsp: rtspOptions(config),
    flv: httpFlvOptions(config),
    ts: httpTsOptions(config),
    hls: hlsOptions(config),
    ...limits(config),
    serverName: SERVER_NAME,
  };
}

interface HlsParts {
  readonly watch: HlsWatch;
  readonly registry: Registry;
  readonly notifier: Notifier;
  readonly admission: Admission;
  readonly log: Log;
}

/** Null where it is off. */
function createHls(config: Config, { registry, notifier, admission, log, watch }: HlsParts): HlsServer | null {
  const options = hlsOptions(config);
  if (!options.enabled) return null;
  return new HlsServer(options, {
    ...{ hub: registry, counter: notifier.counter, ledger: notifier, admission, clock, log, watch },
    cwd: process.cwd(),
    groupAppName: (name) => registry.group(name)?.appName ?? '',
  });
}

/** Absent: every address. */
function isLoopback(host: string | undefined): boolean {
  return host !== undefined && /^(127\.|::1$|localhost$)/.test(host);
}

function startRecord(recorder: Recorder, streamName: string, format: RecordFormat, log: Log): void {
  const result = recorder.startRecord(streamName, format);
  if (!result.ok) log.warn({ stream: streamName, format }, `not recorded, though admission wants it: ${result.reason}`);
}

function createPulls(config: Config, registry: Registry, notifier: Notifier, log: Log): Pulls {
  const { maxMessageBytes } = limits(config);
  const { verify_tls: verifyTls } = config.millrace.relay;
  return new Pulls(staticPullOptions(config), {
    ...{ hub: registry, ledger: notifier, counter: notifier.counter, clock, log },
    openSource: ({ target, timeoutMs, isUdp }, events) =>
      target.scheme === 'rtsp' || target.scheme === 'rtsps'
        ? openRtspSource({ target, timeoutMs, isUdp, verifyTls, userAgent: SERVER_NAME }, events, { log, clock })
        : openRtmpSource({ target, timeoutMs, maxMessageBytes, verifyTls }, events, log),
    openDump: (file) => {
      const dump = new PacketDump(file, log);
      return { write: (bytes) => dump.write(bytes, clock.unixMs()), close: () => dump.close() };
    },
    stateOf: (streamName) => {
      const group = registry.group(streamName);
      return {
        hasInSession: group !== null && (group.pub !== null || group.pull !== null),
        hasOutSession: group !== null && group.subs.length > 0,
      };
    },
  });
}

interface ApiParts {
  readonly controls: Controls;
  readonly notifier: Notifier;
  readonly serverInfo: () => ServerInfoJson;
  readonly ops: Operations;
  readonly log: Log;
}

interface Warning {
  readonly keys: readonly string[];
  readonly message: string;
}

/** What the configuration had better not ask for. */
function ownWarnings(config: Config): Warning[] {
  const { plain: api, token } = apiOptions(config);
  const { profiles } = operationsOptions(config);
  const ifOpen = (at: typeof api, message: string): Warning[] =>
    token !== '' || at === null || isLoopback(at.addr.host) ? [] : [{ keys: [at.key], message }];
  return [...ifOpen(api, OPEN_API), ...ifOpen(profiles, OPEN_PROFILES)];
}

function createApi(config: Config, parts: ApiParts): { server: ApiServer; port: Port } | null {
  const { controls, notifier, serverInfo, ops, log } = parts;
  const { plain, token } = apiOptions(config);
  if (plain === null) return null;
  const server = createApiServer(
    {
      ...controls,
      serverInfo,
      notify: notifier.admin,
      operation: { metrics: () => ops.metrics.text(), readiness: () => ops.readiness.answer() },
      lastEventSeq: () => notifier.lastSeq,
    },
    { ...plain.addr, serverName: SERVER_NAME, log, token, consoleFolder: CONSOLE_FOLDER },
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
