/** Puts the parts together, starts and stops them in order: the one file that knows everything. */
import { Blacklist } from './admission/index.ts';
import { type ApiDeps, type DrainResult, listenersJson, type ReloadResult, type ServerInfoJson } from './api/index.ts';
import {
  createApi,
  createHls,
  createPulls,
  Drain,
  effectiveNotifyOptions,
  LiveAdmission,
  type LiveOptions,
  liveOptions,
  loadCertificates,
  ownWarnings,
  playerOptions,
  type ReadConfig,
  Reloader,
  startPort,
  stopNotifier,
  within,
} from './assembly/index.ts';
import {
  type Config,
  featuresJson,
  operationsOptions,
  outboundOptions,
  peerLimits,
  pushOptions,
  recorderOptions,
  streamOptions,
  threadCount,
} from './config/index.ts';
import { FaultLog, Outbound, PeerLimits } from './net/index.ts';
import { createNotifier, type LalInfoJson, lalInfoJson, type NotifierDeps } from './notify/index.ts';
import { BIN_INFO, Operations, SERVER_NAME } from './ops/index.ts';
import { Gb28181Server } from './protocols/gb28181/index.ts';
import { Recorder } from './record/index.ts';
import { relayPush } from './relay/index.ts';
import {
  type Admission,
  type Clock,
  type ConsumerFactory,
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
  /** Puts another configuration to use, as far as that can be done while sessions go on. */
  reload(read: ReadConfig): ReloadResult;
  /** Resolves once a drain is over: then the server is to be stopped. */
  readonly drained: Promise<void>;
  readonly hub: Registry;
  readonly counter: SessionCounter;
  /** Where the listener of this name, or of the address with this key, is bound; null where it is not. */
  portOf(listener: string): number | null;
}

type Control = 'groups' | 'group' | 'kick' | 'blockAddress' | 'startRtpPub' | 'pulls' | 'records' | 'reload' | 'drain';
export type Controls = Pick<ApiDeps, Control> & { lalInfo(): LalInfoJson };

/** What such a program, or the command line, adds. */
export interface Additions {
  /** Asked after all others; made anew at a reload. */
  readonly admission?: (config: Config) => Admission;
  readonly onEvent?: NotifierDeps['onEvent'];
  readonly consumers?: readonly ConsumerFactory[];
  /** It has its own use of the server, so that nothing need listen. */
  readonly mayListenNowhere?: boolean;
  /** Reads the configuration again; absent: it is no file. */
  readonly readConfig?: () => ReadConfig;
  /** Told of what holds after a reload. */
  readonly onReload?: (options: LiveOptions) => void;
}

const clock: Clock = { monotonicMs: () => performance.now(), unixMs: () => Date.now() };

/** How often the byte sums of sessions are kept for their stops after a crash. Milliseconds. */
const KEEP_COUNTERS_MS = 1000;

const NO_FILE: ReadConfig = { ok: false, errors: ['the configuration was not read from a file'] };

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
  const outbound = new Outbound(outboundOptions(config));
  /** The records that a crash left open have their stops. */
  let recordsEnded: Promise<void> = Promise.resolve();
  const notifier = createNotifier(effectiveNotifyOptions(config), {
    ...{ log, clock, outbound, userAgent: SERVER_NAME, lalInfo, groups: () => registry.groups() },
    ...(additions.onEvent === undefined ? {} : { onEvent: additions.onEvent }),
    onRecordsLeft: (left) => {
      recordsEnded = recorder.endLeft(left);
    },
  });
  const limitMemory = PeerLimits.memory(1 + threadCount(config));
  const limits = new PeerLimits(peerLimits(config), limitMemory, 0, { log, clock });
  const ops = new Operations(operationsOptions(config), {
    ...{ log, clock, notifier, limits, groups: () => registry.groups() },
  });
  const blacklist = new Blacklist(clock);
  const admission = new LiveAdmission(config, {
    ...{ blacklist, clock, log, outbound, stateOf: (name) => registry.stateOf(name) },
    ...(additions.admission === undefined ? {} : { last: additions.admission }),
  });
  const consumers: ConsumerFactory[] = [...(additions.consumers ?? [])];
  const registry: Registry = new Registry(streamOptions(config), {
    ledger: notifier,
    log,
    clock,
    admission,
    consumers,
    watch: ops.metrics.hub,
    refusals: limits.refusals,
    onRecordWanted: (streamName, format) => recorder.want(streamName, format),
    onChange: (change) => {
      pulls.onChange(change);
      drain.check();
    },
  });
  /** The configuration as it holds now. */
  const current = (): Config => reloader.config;
  const recorder = new Recorder(recorderOptions(config), {
    ...{ clock, ledger: notifier, log, watch: ops.metrics.records },
    tap: (streamName, consumer) => registry.tap(streamName, consumer),
    appNameOf: (streamName) => registry.appNameOf(streamName),
  });
  consumers.push((publication) => recorder.consume(publication));
  const pushDeps = { hub: registry, counter: notifier.counter, log, outbound };
  consumers.push((publication) => relayPush(pushOptions(current()), pushDeps)(publication));
  const faults = new FaultLog(log, ops.metrics.countFault, clock);
  const hls = createHls(config, { registry, notifier, admission, clock, log, faults, limits, watch: ops.metrics.hls });
  if (hls !== null) consumers.push(...hls.consumers);
  const playerDeps = {
    ...{ hub: registry, ledger: notifier, counter: notifier.counter, clock, log, faults, limits, limitMemory },
    ...(hls === null ? {} : { answers: hls.route }),
  };
  const players = loadCertificates(playerOptions(config));
  const playerThreads = threadCount(config) === 1 ? null : new PlayerThreads(threadCount(config), players, playerDeps);
  const ownPorts = playerThreads === null ? playerPorts(players, playerDeps) : [];
  const ports: Port[] = [...(playerThreads?.ports ?? ownPorts)];
  /** Where ports are bound, by the keys of their addresses. */
  const bound = new Map<string, number>();
  const updatePlayers = (options: PlayerOptions): void => {
    limits.update(options.peers);
    playerThreads?.update(options);
    for (const port of ownPorts) port.update(options);
  };
  const reloader: Reloader = new Reloader(config, warnings, players, {
    log,
    isOpen: (key) => bound.has(key),
    prepare: (next) => {
      const useAdmission = admission.prepare(next);
      return (options) => {
        const live = liveOptions(next);
        outbound.update(live.outbound);
        notifier.reconfigure(live.notify);
        useAdmission();
        registry.update(live.streams);
        pulls.update(live.pulls);
        recorder.update(live.records);
        hls?.update(live.hls);
        updatePlayers(options);
        ops.update(live.operations);
        api?.server.setToken(live.api.token);
        additions.onReload?.(live);
      };
    },
  });
  const pulls = createPulls(current, { registry, notifier, outbound, clock, log, faults });
  const serverInfo = (): ServerInfoJson => ({
    listeners: listenersJson(players, bound),
    features: featuresJson(current()),
    warnings: [
      ...reloader.warnings,
      ...ownWarnings(current()).map(({ keys, message }) => `${keys.join(', ')}: ${message}`),
    ],
  });
  const gb28181 = new Gb28181Server({
    ...{ hub: registry, counter: notifier.counter, clock, log, faults, limits },
    decide: (remoteAddr) => blacklist.decide({ session: { remoteAddr } }),
  });
  const drain: Drain = new Drain({
    clock,
    sessionCount: () => registry.sessionCount,
    begin: () => {
      ops.drain();
      registry.drain();
      pulls.drain();
      log.info({ sessions: registry.sessionCount }, 'draining: nobody is let in any more');
    },
  });
  /** Why nothing can be changed now; null: it can. */
  const standstill = (): string | null => {
    const { phase } = ops.readiness;
    return phase === 'starting' || phase === 'stopping' ? `the server is ${phase}` : null;
  };
  const reload = (read: ReadConfig): ReloadResult => {
    const why = standstill();
    return why === null ? reloader.reload(read) : { ok: false, errors: [why] };
  };
  const controls: Controls = {
    lalInfo,
    groups: () => registry.groups(),
    group: (name) => registry.group(name),
    kick: (streamName, sessionId) => registry.kick(streamName, sessionId),
    blockAddress: (ip, durationSec) => {
      const isMeant = blacklist.block(ip, durationSec);
      if (isMeant !== null && durationSec > 0) registry.kickWhere(isMeant);
      return isMeant !== null;
    },
    startRtpPub: (request) => gb28181.startRtpPub(request),
    pulls,
    records: recorder,
    reload: () => reload(additions.readConfig?.() ?? NO_FILE),
    drain: (timeoutMs): DrainResult => {
      const why = standstill();
      return why === null ? drain.begin(timeoutMs) : { ok: false, reason: why };
    },
  };
  const api = createApi(config, { controls: { ...controls, serverInfo }, notifier, ops, log, faults, limits });
  let counting: NodeJS.Timeout | undefined;
  if (api !== null) ports.push(api.port);
  if (ops.profilePort !== null) ports.push(ops.profilePort);

  return {
    start: async () => {
      for (const { keys, message } of ownWarnings(config)) log.warn({ keys }, message);
      await notifier.open();
      // before anybody can begin another one of the same stream
      await recordsEnded;
      recorder.start();
      for (const port of ports) {
        const number = await startPort(port, log);
        if (number !== null) bound.set(port.key, number);
      }
      if (bound.size === 0 && additions.mayListenNowhere !== true)
        throw new Error('nothing listens: the configuration enables no listener, or none could be opened');
      registry.start(() => {
        limits.descriptors.look();
        playerThreads?.tick();
      });
      hls?.start();
      await notifier.start();
      if (config.http_notify.enable) {
        counting = setInterval(() => notifier.setSessionCounters(registry.groups()), KEEP_COUNTERS_MS);
      }
      ops.start();
      log.info({ ready: true }, 'millrace is ready');
    },
    stop: async (deadlineMs) => {
      const deadline = clock.monotonicMs() + deadlineMs;
      ops.stop();
      drain.stop();
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
    ...{ controls, reload, drained: drain.over, hub: registry, counter: notifier.counter },
    portOf: (listener) => {
      const port = ports.find(({ name, key }) => bound.has(key) && (name === listener || key === listener));
      return (port === undefined ? undefined : bound.get(port.key)) ?? null;
    },
  };
}
