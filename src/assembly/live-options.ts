/** What a reload hands to the running parts: their options, as far as they take others while they run. */
import type { CallbackOptions, JwtOptions, SimpleAuthOptions } from '../admission/index.ts';
import type { FeaturesJson } from '../api/index.ts';
import {
  apiOptions,
  type Config,
  callbackOptions,
  featuresJson,
  hlsOptions,
  jwtOptions,
  logOptions,
  notifyOptions,
  operationsOptions,
  outboundOptions,
  pushOptions,
  recorderOptions,
  simpleAuthOptions,
  staticPullOptions,
  streamOptions,
} from '../config/index.ts';
import type { OutboundOptions } from '../net/index.ts';
import type { NotifyOptions } from '../notify/index.ts';
import type { LogOptions, OperationsOptions } from '../ops/index.ts';
import type { HlsOptions } from '../protocols/hls/index.ts';
import type { RecorderOptions } from '../record/index.ts';
import type { PushOptions, StaticPullOptions } from '../relay/index.ts';
import type { StreamOptions } from '../streams/index.ts';
import type { PlayerOptions } from '../threads/index.ts';
import { playerOptions } from './players.ts';

/** By part. */
export interface LiveOptions {
  readonly log: Pick<LogOptions, 'level' | 'secretParams'>;
  readonly outbound: OutboundOptions;
  readonly notify: NotifyOptions;
  readonly admission: readonly [SimpleAuthOptions, JwtOptions | null, CallbackOptions];
  readonly streams: StreamOptions;
  readonly pulls: StaticPullOptions & { readonly verifyTls: boolean };
  readonly pushes: PushOptions;
  readonly records: RecorderOptions;
  readonly hls: HlsOptions;
  readonly players: PlayerOptions;
  readonly operations: Pick<OperationsOptions, 'report' | 'token'>;
  readonly api: { readonly token: string; readonly features: FeaturesJson };
}

/** Keys that are said to be live, and no others, change something here. */
export function liveOptions(config: Config): LiveOptions {
  const { level, secretParams } = logOptions(config);
  const { report, token } = operationsOptions(config);
  return {
    log: { level, secretParams },
    outbound: outboundOptions(config),
    notify: effectiveNotifyOptions(config),
    admission: [simpleAuthOptions(config), jwtOptions(config), callbackOptions(config)],
    streams: streamOptions(config),
    pulls: { ...staticPullOptions(config), verifyTls: config.millrace.relay.verify_tls },
    pushes: pushOptions(config),
    records: recorderOptions(config),
    hls: hlsOptions(config),
    players: playerOptions(config),
    operations: { report, token },
    api: { token: apiOptions(config).token, features: featuresJson(config) },
  };
}

/** With HTTP Notify off nobody is told anything, so nothing is kept either. */
export function effectiveNotifyOptions(config: Config): NotifyOptions {
  const options = notifyOptions(config);
  return options.enabled ? options : { ...options, urls: {}, outboxPath: null };
}
