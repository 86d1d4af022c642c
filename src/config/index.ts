export { type CheckResult, checkConfig } from './check.ts';
export { describeKeys, type KeyDescription } from './describe.ts';
export { type LoadRequest, type LoadResult, loadConfig } from './load.ts';
export { notBuilt } from './not-built.ts';
export {
  type ApiOptions,
  apiOptions,
  fanoutOptions,
  type HttpPlayOptions,
  httpFlvOptions,
  httpTsOptions,
  type Limits,
  limits,
  logOptions,
  type NotifyEvent,
  type NotifyOptions,
  notifyOptions,
  type PlainListener,
  type RtmpOptions,
  rtmpOptions,
  simpleAuthOptions,
  type TlsListener,
} from './options.ts';
export type { Config } from './schema.ts';
