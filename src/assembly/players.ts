/** What publishers and players meet: the options of their ports, and HLS. */
import {
  type Config,
  hlsOptions,
  httpFlvOptions,
  httpTsOptions,
  limits,
  peerLimits,
  rtmpOptions,
  rtspOptions,
} from '../config/index.ts';
import type { PeerFaults, PeerLimits } from '../net/index.ts';
import type { Notifier } from '../notify/index.ts';
import { SERVER_NAME } from '../ops/index.ts';
import { HlsServer, type HlsWatch } from '../protocols/hls/index.ts';
import type { Admission, Clock, Log, Registry } from '../streams/index.ts';
import type { PlayerOptions } from '../threads/index.ts';

export function playerOptions(config: Config): PlayerOptions {
  return {
    rtmp: rtmpOptions(config),
    rtsp: rtspOptions(config),
    flv: httpFlvOptions(config),
    ts: httpTsOptions(config),
    hls: hlsOptions(config),
    ...limits(config),
    hevc: config.millrace.flv.hevc,
    serverName: SERVER_NAME,
    peers: peerLimits(config),
  };
}

export interface HlsParts {
  readonly watch: HlsWatch;
  readonly registry: Registry;
  readonly notifier: Notifier;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
  readonly faults: PeerFaults;
  readonly limits: PeerLimits;
}

/** Null where it is off. */
export function createHls(
  config: Config,
  { registry, notifier, admission, clock, log, faults, limits, watch }: HlsParts,
): HlsServer | null {
  const options = hlsOptions(config);
  if (!options.enabled) return null;
  return new HlsServer(options, {
    ...{
      hub: registry,
      counter: notifier.counter,
      ledger: notifier,
      admission,
      clock,
      log,
      faults,
      refusals: limits.refusals,
      watch,
    },
    cwd: process.cwd(),
    groupAppName: (name) => registry.appNameOf(name),
  });
}
