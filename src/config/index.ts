export { callbackOptions, jwtOptions, simpleAuthOptions } from './access-options.ts';
export { checkConfig } from './check.ts';
export { describeKeys, type KeyDescription } from './describe.ts';
export { loadConfig } from './load.ts';
export { notBuilt } from './not-built.ts';
export {
  apiOptions,
  fanoutOptions,
  type HttpPlayOptions,
  httpFlvOptions,
  httpTsOptions,
  limits,
  logOptions,
  notifyOptions,
  type PlainListener,
  rtmpOptions,
  type TlsListener,
} from './options.ts';
export type { Config } from './schema.ts';
