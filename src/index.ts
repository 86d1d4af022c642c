/** Millrace as a library: the same server that the command line runs. */
export { type Config, checkConfig } from './config/index.ts';
export { createLog, type LogOptions, type RootLog } from './ops/index.ts';
export { createServer, type Server } from './server.ts';
