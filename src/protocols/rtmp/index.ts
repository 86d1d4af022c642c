export type { RtmpDeps, RtmpServerOptions } from './options.ts';
export { RtmpServer } from './server.ts';
