/** HLS: MPEG-TS segments on disk or in memory, low latency from memory, and viewers as sessions. */
export type { HlsOptions } from './options.ts';
export { hlsPaths } from './route.ts';
export { type HlsDeps, HlsServer } from './server.ts';
export type { HlsWatch } from './stream.ts';
