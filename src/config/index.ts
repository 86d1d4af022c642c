export { callbackOptions, jwtOptions, simpleAuthOptions } from './access-options.ts';
export { type ConfigChanges, changesOf } from './changes.ts';
export { checkConfig } from './check.ts';
export { describeKeys, type KeyDescription } from './describe.ts';
export { loadConfig } from './load.ts';
export {
  apiOptions,
  featuresJson,
  hlsOptions,
  httpFlvOptions,
  httpTsOptions,
  limits,
  logOptions,
  notifyOptions,
  operationsOptions,
  peerLimits,
  rtmpOptions,
  rtspOptions,
  threadCount,
} from './options.ts';
export { recorderOptions } from './record-options.ts';
export { outboundOptions, pushOptions, staticPullOptions } from './relay-options.ts';
export type { Config, ConfigFile } from './schema.ts';
export { streamOptions } from './stream-options.ts';
