export { type RtmpDeps, RtmpServer, type RtmpServerOptions } from './server.ts';
