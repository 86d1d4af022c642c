export { createLog, type LogOptions, type LogSurroundings, type RootLog } from './log.ts';
export { installProcessGuard } from './process-guard.ts';
export { BIN_INFO, NAME, RUNTIME, SERVER_NAME, VERSION } from './version.ts';
