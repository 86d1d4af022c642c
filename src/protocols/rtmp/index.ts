export { RtmpClient } from './client.ts';
export type { RtmpDeps, RtmpServerOptions } from './options.ts';
export { openRtmpSource } from './pull.ts';
export { RtmpServer } from './server.ts';
