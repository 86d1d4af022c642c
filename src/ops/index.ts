export { createLog, type LogOptions, type RootLog } from './log.ts';
export { Operations, type OperationsOptions } from './operations.ts';
export { installProcessGuard } from './process-guard.ts';
export { BIN_INFO, SERVER_NAME, VERSION } from './version.ts';
